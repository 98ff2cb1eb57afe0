//! Escapes of JSON, undone, with the way back.

use std::borrow::Cow;
use std::ops::Range;

/// A text without its escapes, and where each byte of it came from.
pub(super) struct Decoded<'t> {
    text: Cow<'t, str>,
    /// For each byte of `text`, and for its end, the place in the raw text; `None` when they are the same.
    places: Option<Vec<usize>>,
}

impl<'t> Decoded<'t> {
    /// Undoes the escapes of JSON strings. What is no escape stays as it is, and half a surrogate pair
    /// becomes U+FFFD, so every text can be decoded.
    pub(super) fn new(raw: &'t str) -> Self {
        if !raw.contains('\\') {
            return Self {
                text: raw.into(),
                places: None,
            };
        }
        let mut text = String::with_capacity(raw.len());
        let mut places = Vec::with_capacity(raw.len() + 1);
        let mut at = 0;
        while let Some(rest) = raw.get(at..).filter(|rest| !rest.is_empty()) {
            let (c, length) = next(rest);
            text.push(c);
            places.resize(text.len(), at);
            at += length;
        }
        places.push(raw.len());
        Self {
            text: text.into(),
            places: Some(places),
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Where a range of the text came from.
    pub(super) fn raw(&self, range: &Range<usize>) -> Range<usize> {
        let start = self.text.floor_char_boundary(range.start);
        let end = self.text.ceil_char_boundary(range.end);
        let place = |at: usize| match &self.places {
            Some(places) => places.get(at).copied().unwrap_or_default(),
            None => at,
        };
        place(start)..place(end)
    }
}

/// The character at the beginning of a text that is not empty, and how many bytes it takes.
fn next(rest: &str) -> (char, usize) {
    let plain = rest.chars().next().unwrap_or_default();
    let mut bytes = rest.bytes();
    if bytes.next() != Some(b'\\') {
        return (plain, plain.len_utf8());
    }
    let simple = match bytes.next() {
        Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode(rest).unwrap_or((plain, 1)),
        Some(_) | None => return (plain, 1),
    };
    (simple, 2)
}

/// `\u0040`, or a pair of surrogates.
fn unicode(rest: &str) -> Option<(char, usize)> {
    let first = unit(rest)?;
    if let Some(c) = char::from_u32(first) {
        return Some((c, UNIT));
    }
    let second = rest
        .get(UNIT..)
        .filter(|rest| rest.starts_with("\\u"))
        .and_then(unit);
    let pair = second.filter(|second| first < 0xDC00 && (0xDC00..0xE000).contains(second));
    let pair = pair.map(|second| 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00));
    match pair.and_then(char::from_u32) {
        Some(c) => Some((c, 2 * UNIT)),
        None => Some((char::REPLACEMENT_CHARACTER, UNIT)),
    }
}

/// The four digits of `\u0040`.
fn unit(rest: &str) -> Option<u32> {
    let digits = rest.get(2..UNIT)?;
    let all = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    all.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

/// How many bytes `\u0040` has.
const UNIT: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_and_every_place_is_known() {
        let raw = r#"a\u0040b\n\"\\\/\ud83d\ude00é"#;
        let decoded = Decoded::new(raw);
        assert_eq!(decoded.text(), "a@b\n\"\\/\u{1f600}é");
        let whole = 0..decoded.text().len();
        assert_eq!(decoded.raw(&whole), 0..raw.len());
        assert_eq!(&raw[decoded.raw(&(1..2))], "\\u0040");
        assert_eq!(&raw[decoded.raw(&(7..11))], "\\ud83d\\ude00");
        assert_eq!(
            &raw[decoded.raw(&(8..9))],
            "\\ud83d\\ude00",
            "widened to the character"
        );
    }

    #[test]
    fn what_is_no_escape_stays_and_half_a_pair_is_replaced() {
        for (raw, text) in [
            (r"C:\users", r"C:\users"),
            (r"\", r"\"),
            (r"\u00", r"\u00"),
            (r"\u+040", r"\u+040"),
            (r"\ud83d", "\u{fffd}"),
            (r"\ude00\ud83d", "\u{fffd}\u{fffd}"),
            (r"\ud83dx", "\u{fffd}x"),
            (r"\ud83d\u0040", "\u{fffd}@"),
            ("\\é", "\\é"),
        ] {
            let decoded = Decoded::new(raw);
            assert_eq!(decoded.text(), text, "{raw}");
            assert_eq!(decoded.raw(&(0..text.len())), 0..raw.len());
        }
    }

    /// The oracle is the JSON reader that everybody uses.
    #[test]
    fn a_valid_string_is_decoded_as_serde_json_does() {
        for raw in [
            r"",
            r"plain",
            r"\u00e9\t\b\f\r",
            r#"\"\\u0040\""#,
            r"\uD834\uDD1E!",
        ] {
            let expected: String = serde_json::from_str(&format!("\"{raw}\"")).unwrap();
            assert_eq!(Decoded::new(raw).text(), expected);
        }
    }
}
