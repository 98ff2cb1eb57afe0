//! A version number in text.

/// A version in its only spelling: decimal digits, no sign, no zero before it, at least 1.
pub(crate) fn parse(text: &str) -> Option<u32> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if canonical { text.parse().ok() } else { None }
}
