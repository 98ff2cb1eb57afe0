//! Bytes that are public, as people read them.

use std::fmt::Write as _;

/// Lower-case hexadecimal digits. Not for secrets: the string is not wiped.
pub(crate) fn lower(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
