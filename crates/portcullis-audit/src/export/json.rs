//! JSON lines by `serde`, with the order of the fields as they are declared.

use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};
use serde_json::value::RawValue;

use super::visible::is_hidden;
use crate::Action;
use crate::json::Object;

/// A value as one line, with its LF.
pub(super) fn line(value: &impl Serialize) -> Vec<u8> {
    let mut out = Vec::with_capacity(USUAL_LEN);
    let written = value.serialize(&mut Serializer::with_formatter(&mut out, Visible));
    // A vector takes every byte and our values have string keys, so nothing fails.
    debug_assert!(written.is_ok(), "{written:?}");
    out.push(b'\n');
    out
}

/// The details of an action: canonical JSON, as the record has them.
pub(super) fn details(action: &Action) -> Option<Box<RawValue>> {
    let mut member = Vec::new();
    Object::write(&mut member, |object| action.write_details(object));
    let value = member.strip_prefix(b"{\"details\":")?.strip_suffix(b"}")?;
    serde_json::from_slice(value).ok()
}

/// Writes characters that do not show by their escapes. Readers see no difference; whoever looks at the line does.
struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        let mut rest = fragment;
        while let Some((before, hidden)) = split(rest) {
            CompactFormatter.write_string_fragment(writer, before)?;
            for unit in hidden.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = rest
                .get(before.len() + hidden.len_utf8()..)
                .unwrap_or_default();
        }
        CompactFormatter.write_string_fragment(writer, rest)
    }
}

fn split(text: &str) -> Option<(&str, char)> {
    let (at, hidden) = text
        .char_indices()
        .find(|&(_, character)| is_hidden(character))?;
    Some((text.get(..at)?, hidden))
}

/// What most lines need, so that the buffer is made once.
const USUAL_LEN: usize = 2_048;
