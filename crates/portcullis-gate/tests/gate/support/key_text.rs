//! Key texts changed by hand, from `spec/key-format.md` alone.

/// The same id and secret under another prefix, with a checksum that fits.
pub(crate) fn with_prefix(text: &str, prefix: &str) -> String {
    let (_, body) = split(text);
    sealed(&format!("{prefix}{body}"))
}

/// The same id with another secret, with a checksum that fits.
pub(crate) fn with_other_secret(text: &str) -> String {
    let (prefix, body) = split(text);
    let (id, secret) = body.split_at(12);
    let first = if secret.starts_with('a') { 'b' } else { 'a' };
    let rest: String = secret.chars().skip(1).collect();
    sealed(&format!("{prefix}{id}{first}{rest}"))
}

/// The same secret under another id, with a checksum that fits.
pub(crate) fn with_other_id(text: &str) -> String {
    let (prefix, body) = split(text);
    let (id, secret) = body.split_at(12);
    let id: String = id.chars().rev().collect();
    let id = if body.starts_with(&id) {
        "000000000000".to_owned()
    } else {
        id
    };
    sealed(&format!("{prefix}{id}{secret}"))
}

/// The prefix, with its last underscore.
pub(crate) fn prefix_of(text: &str) -> &str {
    split(text).0
}

/// The secret part.
pub(crate) fn secret_of(text: &str) -> &str {
    split(text).1.split_at(12).1
}

/// Appends the checksum.
pub(crate) fn sealed(message: &str) -> String {
    let mut rest = crc32(message.as_bytes());
    let mut symbols = ['0'; 6];
    for symbol in symbols.iter_mut().rev() {
        *symbol = char::from(BASE62[usize::try_from(rest % 62).unwrap()]);
        rest /= 62;
    }
    format!("{message}{}", symbols.iter().collect::<String>())
}

/// Prefix, and id with secret.
fn split(text: &str) -> (&str, &str) {
    let (message, _checksum) = text.split_at(text.len() - 6);
    message.split_at(message.len() - 55)
}

/// CRC-32/ISO-HDLC, bit by bit.
fn crc32(message: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in message {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xedb8_8320
            } else {
                crc >> 1
            };
        }
    }
    !crc
}

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#[test]
fn the_checksum_is_that_of_the_specification() {
    assert_eq!(
        sealed("zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ"),
        "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17"
    );
}
