//! The strings and numbers of a JSON text, where they stand.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use serde::de::IgnoredAny;

/// A string or a number of a JSON text.
pub(super) struct Token {
    /// What is between the quotes, or the number.
    pub(super) range: Range<usize>,
    pub(super) kind: Kind,
    /// What stands for the keys and places that lead to it: the same for the same, in another text too.
    pub(super) path: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The name of a member.
    Key,
    Text,
    Number,
}

/// Whether a text is JSON. Takes linear time and no stack, however deep it is nested.
pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Whether a text is a JSON object or array.
pub(super) fn is_container(text: &str) -> bool {
    let first = text.trim_start().bytes().next();
    matches!(first, Some(b'{' | b'[')) && is_json(text)
}

/// The strings and numbers of a text that [is JSON](is_json), in their order.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut frames: Vec<Frame> = Vec::new();
    let mut here = 0;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let rest = bytes.get(at + 1..).unwrap_or_default();
        let mut length = 1;
        match byte {
            b'{' | b'[' => {
                let object = *byte == b'{';
                let frame = Frame {
                    object,
                    name: object,
                    path: here,
                    place: 0,
                };
                here = if object {
                    here
                } else {
                    frame.member(frame.place)
                };
                frames.push(frame);
            }
            b'}' | b']' => {
                frames.pop();
            }
            b',' => {
                if let Some(frame) = frames.last_mut() {
                    frame.place += 1;
                    frame.name = frame.object;
                    here = frame.member(frame.place);
                }
            }
            b'"' => {
                let inside = string_len(rest);
                let range = at + 1..at + 1 + inside;
                let name = frames.last_mut().filter(|frame| frame.name);
                let kind = if let Some(frame) = name {
                    frame.name = false;
                    here = frame.member(rest.get(..inside));
                    Kind::Key
                } else {
                    Kind::Text
                };
                tokens.push(Token {
                    range,
                    kind,
                    path: here,
                });
                length = inside + 2;
            }
            b'-' | b'0'..=b'9' => {
                let part =
                    |byte: &&u8| matches!(byte, b'+' | b'-' | b'.' | b'E' | b'e' | b'0'..=b'9');
                length = 1 + rest.iter().take_while(part).count();
                tokens.push(Token {
                    range: at..at + length,
                    kind: Kind::Number,
                    path: here,
                });
            }
            _ => {}
        }
        at += length;
    }
    tokens
}

/// An object or array that is open.
struct Frame {
    object: bool,
    /// Whether the next string is the name of a member.
    name: bool,
    path: u64,
    place: usize,
}

impl Frame {
    /// The path of a member, by name or place.
    fn member(&self, member: impl Hash) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.path, self.object).hash(&mut hasher);
        member.hash(&mut hasher);
        hasher.finish()
    }
}

/// How many bytes stand before the quote that ends a string.
fn string_len(rest: &[u8]) -> usize {
    let mut escaped = false;
    let end = rest.iter().position(|byte| {
        let ends = !escaped && *byte == b'"';
        escaped = !escaped && *byte == b'\\';
        ends
    });
    end.unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<(Kind, &str)> {
        assert!(is_json(text));
        let tokens = tokens(text).into_iter();
        tokens
            .map(|token| (token.kind, &text[token.range]))
            .collect()
    }

    #[test]
    fn strings_and_numbers_are_found_where_they_stand() {
        let text = r#" {"a\"":["b\\", -1.5e+3, true], "c" : {"":"d"}, "e":0}"#;
        let expected = [
            (Kind::Key, "a\\\""),
            (Kind::Text, "b\\\\"),
            (Kind::Number, "-1.5e+3"),
            (Kind::Key, "c"),
            (Kind::Key, ""),
            (Kind::Text, "d"),
            (Kind::Key, "e"),
            (Kind::Number, "0"),
        ];
        assert_eq!(shown(text), expected);
        assert_eq!(shown("\"x\""), [(Kind::Text, "x")]);
        assert_eq!(shown("7"), [(Kind::Number, "7")]);
        assert_eq!(shown("[]"), []);
    }

    #[test]
    fn the_same_way_to_a_string_is_the_same_path() {
        let path = |text: &str| tokens(text).pop().unwrap().path;
        let content = path(r#"{"id":"1","choices":[{"delta":{"content":"a"}}]}"#);
        assert_eq!(
            content,
            path(r#"{"choices":[{"index":0,"delta":{"role":"x","content":"b"}}]}"#)
        );
        assert_ne!(content, path(r#"{"choices":[{"delta":{"text":"b"}}]}"#));
        assert_ne!(
            content,
            path(r#"{"choices":[0,{"delta":{"content":"b"}}]}"#)
        );
        assert_ne!(path(r#"{"0":"a"}"#), path(r#"["a"]"#));
    }

    #[test]
    fn a_text_that_is_nested_deeply_is_read_too() {
        let text = format!("{}\"x\"{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(shown(&text), [(Kind::Text, "x")]);
    }
}
