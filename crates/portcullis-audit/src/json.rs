//! Canonical JSON (RFC 8785) by construction: whoever writes an object names its keys in their order.

/// Writes one JSON object. Keys are ASCII, so the order of their bytes is the order of their UTF-16 units that RFC 8785
/// section 3.2.3 asks for; debug builds check it.
pub(crate) struct Object<'a> {
    out: &'a mut Vec<u8>,
    last: &'static str,
}

impl<'a> Object<'a> {
    /// Writes `{`, what `members` writes, and `}`.
    pub(crate) fn write(out: &'a mut Vec<u8>, members: impl FnOnce(&mut Object<'_>)) {
        out.push(b'{');
        members(&mut Object { out, last: "" });
        out.push(b'}');
    }

    pub(crate) fn text(&mut self, key: &'static str, value: &str) {
        self.key(key);
        text(self.out, value);
    }

    /// A text that is known to need no escapes: hexadecimal digits, words of a closed alphabet.
    pub(crate) fn plain(&mut self, key: &'static str, value: &[u8]) {
        self.key(key);
        self.out.push(b'"');
        self.out.extend_from_slice(value);
        self.out.push(b'"');
    }

    /// An integer that every reader of JSON takes exactly (RFC 7493 section 2.2).
    pub(crate) fn integer(&mut self, key: &'static str, value: Count) {
        self.key(key);
        integer(self.out, value.get());
    }

    pub(crate) fn object(&mut self, key: &'static str, members: impl FnOnce(&mut Object<'_>)) {
        self.key(key);
        Object::write(self.out, members);
    }

    /// An array whose elements `write` writes one by one.
    pub(crate) fn array<T>(
        &mut self,
        key: &'static str,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Vec<u8>, T),
    ) {
        self.key(key);
        self.out.push(b'[');
        for (item, number) in items.into_iter().zip(0..) {
            if number > 0 {
                self.out.push(b',');
            }
            write(self.out, item);
        }
        self.out.push(b']');
    }

    /// A value that is canonical JSON already.
    pub(crate) fn raw(&mut self, key: &'static str, value: &[u8]) {
        self.key(key);
        self.out.extend_from_slice(value);
    }

    fn key(&mut self, key: &'static str) {
        debug_assert!(self.last < key, "{key} after {}", self.last);
        if !self.last.is_empty() {
            self.out.push(b',');
        }
        self.last = key;
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }
}

/// A number in a record: at most 2⁵³ − 1, so that no reader rounds it (RFC 7493 section 2.2). A larger one is recorded
/// as that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Count(u64);

impl Count {
    /// The largest number that a record can hold.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// `number`, or [`Count::MAX`] where it is larger.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        if number < Self::MAX.0 {
            Self(number)
        } else {
            Self::MAX
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl From<u64> for Count {
    fn from(number: u64) -> Self {
        Self::new(number)
    }
}

/// RFC 8785 section 3.2.2.2: two-character escapes where there are some, `\u00xx` in lower case for the other control
/// characters, everything else as it is.
pub(crate) fn text(out: &mut Vec<u8>, value: &str) {
    out.push(b'"');
    for &byte in value.as_bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x09 => out.extend_from_slice(b"\\t"),
            0x0a => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            0x0d => out.extend_from_slice(b"\\r"),
            0..0x20 => {
                out.extend_from_slice(b"\\u00");
                out.push(b'0' + (byte >> 4));
                out.push(hex_digit(byte));
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

pub(crate) fn integer(out: &mut Vec<u8>, mut value: u64) {
    let start = out.len();
    loop {
        // The remainder of ten fits in a byte.
        out.push(b'0' + u8::try_from(value % 10).unwrap_or(0));
        value /= 10;
        if value == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

/// The lower four bits as a lower-case hexadecimal digit.
pub(crate) const fn hex_digit(byte: u8) -> u8 {
    match byte & 0xf {
        digit @ 0..10 => b'0' + digit,
        letter => b'a' + letter - 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_as_rfc_8785_says() {
        // Section 3.2.2.2 and the example of section 3.2.2.
        let mut out = Vec::new();
        text(
            &mut out,
            "\u{20ac}$\u{f}\nA'B\"\\\\\"/\u{7f}\u{1f600}\u{8}\t\u{c}\r\0",
        );
        let expected =
            "\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\u{7f}\u{1f600}\\b\\t\\f\\r\\u0000\"";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn every_control_character_is_escaped_and_no_other() {
        for character in (0..0x80_u8).map(char::from) {
            let mut out = Vec::new();
            text(&mut out, &character.to_string());
            let escaped = character < ' ' || "\"\\".contains(character);
            assert_eq!(out.len() > 3, escaped, "{character:?}");
            let read: String = serde_json::from_slice(&out).unwrap();
            assert_eq!(read, character.to_string());
        }
    }

    #[test]
    fn integers_are_written_in_full() {
        for value in [0, 7, 10, 1_000, Count::MAX.get()] {
            let mut out = Vec::new();
            integer(&mut out, value);
            assert_eq!(out, value.to_string().into_bytes());
        }
    }

    #[test]
    fn a_number_that_readers_would_round_is_not_recorded() {
        assert_eq!(Count::new(u64::MAX).get(), 9_007_199_254_740_991);
        assert_eq!(Count::new(1 << 53), Count::MAX);
        assert_eq!(Count::new(42).get(), 42);
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "a after b")]
    fn a_key_out_of_order_is_found_in_debug_builds() {
        Object::write(&mut Vec::new(), |object| {
            object.text("b", "");
            object.text("a", "");
        });
    }
}
