//! Values that are 32 bytes long and still no key.
//!
//! The rules look for what people type, paste or generate by mistake. Together they refuse one
//! random key in more than 2^45.

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

/// Why a well-formed master key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Weakness {
    /// Every byte is zero.
    #[error("every byte is zero, as in a variable that nobody filled")]
    AllZero,

    /// A short pattern repeats, the bytes count up or down, or too few values occur.
    #[error("its bytes follow a pattern, so it can be guessed")]
    Pattern,

    /// Every byte is a printable character: this was a passphrase, and not 32 random bytes.
    #[error("it is readable text in disguise: a passphrase is not a key")]
    Text,

    /// It stands in our documentation or test vectors, where everybody can read it.
    #[error("it is printed in the documentation, where everybody can read it")]
    Published,
}

/// The first reason to refuse `key`, if there is one.
pub(super) fn weakness(key: &[u8; 32]) -> Option<Weakness> {
    if *key == [0; 32] {
        Some(Weakness::AllZero)
    } else if repeats(key) || counts(key) || distinct(key) < MIN_DISTINCT {
        Some(Weakness::Pattern)
    } else if key.iter().all(|byte| (b' '..=b'~').contains(byte)) {
        Some(Weakness::Text)
    } else if is_published(key) {
        Some(Weakness::Published)
    } else {
        None
    }
}

/// Whether the first half, or a shorter piece, repeats to the end.
fn repeats(key: &[u8; 32]) -> bool {
    (1..=16).any(|period| key.iter().zip(key.iter().skip(period)).all(|(a, b)| a == b))
}

/// Whether each byte differs from the one before it by the same amount.
fn counts(key: &[u8; 32]) -> bool {
    let [first, second, ..] = key;
    let step = second.wrapping_sub(*first);
    key.iter()
        .zip(key.iter().skip(1))
        .all(|(a, b)| b.wrapping_sub(*a) == step)
}

/// How many different values occur.
fn distinct(key: &[u8; 32]) -> usize {
    (0..=u8::MAX).filter(|value| key.contains(value)).count()
}

fn is_published(key: &[u8; 32]) -> bool {
    let text = Zeroizing::new(Base64::encode_string(key));
    PUBLISHED.contains(&text.as_str())
}

/// Thirty-two random bytes have about 30 distinct values; fewer than 12 happens once in 2^83.
const MIN_DISTINCT: usize = 12;

/// The only master key that our documents print.
pub(super) const EXAMPLE: &str = "EXAMPLE/this/key/is/refused/make/your/own/0=";

/// The example of the documents, and the master keys of `spec/vectors/sealed-record.json`.
const PUBLISHED: [&str; 3] = [
    EXAMPLE,
    "OMA7sq0jcXYstfz09GmZ4DRNumPwQS1i5xKeP5BV49w=",
    "12KEPnroyUzUPqCiDhs4idrAoui84NbrssuSXpX1CwI=",
];
