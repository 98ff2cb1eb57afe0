//! Usage from a plain JSON body, in a few kibibytes of memory.
//!
//! An answer with embeddings can be many megabytes, so nothing is kept but the name of the current
//! top-level member and the value of `usage`. The scanner follows strings and brackets only; it is
//! not a validator.

use super::{Count, Usage, tokens};

/// Scans for the top-level member `usage`.
#[derive(Default)]
pub(super) struct Reader {
    place: Place,
    /// The current name, or the value of `usage`, up to `CAP` bytes.
    kept: Vec<u8>,
    overflowed: bool,
    count: Count,
    seen: bool,
}

/// Where in the top-level object the next byte stands.
#[derive(Clone, Copy, Default)]
enum Place {
    /// Before its opening brace.
    #[default]
    Start,
    /// Before a name or its closing brace.
    Name,
    /// Within a name.
    InName { escaped: bool },
    /// Between a name and its colon.
    Colon,
    /// Within a value, `depth` brackets below the object, in a string or not.
    Value {
        depth: u64,
        string: Text,
        usage: bool,
    },
    /// After its closing brace.
    End,
    /// Not a JSON object.
    Broken,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    Outside,
    Inside,
    Escaped,
}

impl Place {
    /// Passes over bytes that change nothing: nearly all of a large answer.
    fn skip(self, bytes: &[u8]) -> &[u8] {
        let matters = |byte: &u8| match self {
            Self::Value {
                usage: false,
                string: Text::Inside,
                ..
            } => matches!(byte, b'"' | b'\\'),
            Self::Value {
                usage: false,
                string: Text::Outside,
                depth,
            } => matches!(byte, b'"' | b'{' | b'}' | b'[' | b']') || (*byte == b',' && depth == 0),
            Self::End | Self::Broken => false,
            Self::Start | Self::Name | Self::InName { .. } | Self::Colon | Self::Value { .. } => {
                true
            }
        };
        let dull = bytes.iter().position(matters).unwrap_or(bytes.len());
        bytes.split_at(dull).1
    }
}

impl Reader {
    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        loop {
            bytes = self.place.skip(bytes);
            let Some((byte, rest)) = bytes.split_first() else {
                return;
            };
            self.place = self.step(*byte);
            bytes = rest;
        }
    }

    pub(super) const fn is_complete(&self) -> bool {
        matches!(self.place, Place::End)
    }

    pub(super) const fn usage(&self) -> Usage {
        match self.place {
            Place::Broken => Usage::Unknown,
            Place::End => self.count.usage(true),
            Place::Start
            | Place::Name
            | Place::InName { .. }
            | Place::Colon
            | Place::Value { .. } => self.count.usage(false),
        }
    }

    fn step(&mut self, byte: u8) -> Place {
        match (self.place, byte) {
            (Place::End | Place::Broken, _) => self.place,
            (Place::InName { escaped }, _) => self.step_in_name(byte, escaped),
            (
                Place::Value {
                    depth,
                    string,
                    usage,
                },
                _,
            ) => self.step_in_value(byte, depth, string, usage),
            (Place::Start | Place::Name | Place::Colon, b' ' | b'\t' | b'\n' | b'\r') => self.place,
            (Place::Start, b'{') => Place::Name,
            (Place::Name, b'"') => self.begin(Place::InName { escaped: false }),
            (Place::Name, b'}') => Place::End,
            (Place::Colon, b':') => {
                let usage = self.kept_name_is_usage();
                self.begin(Place::Value {
                    depth: 0,
                    string: Text::Outside,
                    usage,
                })
            }
            (Place::Start | Place::Name | Place::Colon, _) => Place::Broken,
        }
    }

    fn step_in_name(&mut self, byte: u8, escaped: bool) -> Place {
        if byte == b'"' && !escaped {
            return Place::Colon;
        }
        self.keep(byte);
        Place::InName {
            escaped: byte == b'\\' && !escaped,
        }
    }

    fn step_in_value(&mut self, byte: u8, depth: u64, string: Text, usage: bool) -> Place {
        let ends = string == Text::Outside && depth == 0 && matches!(byte, b',' | b'}' | b']');
        if ends {
            if usage {
                self.read_usage();
            }
            return match byte {
                b',' => Place::Name,
                b'}' => Place::End,
                _ => Place::Broken,
            };
        }
        if usage {
            self.keep(byte);
        }
        let (depth, string) = match (string, byte) {
            (Text::Escaped, _) => (depth, Text::Inside),
            (Text::Inside, b'\\') => (depth, Text::Escaped),
            (Text::Inside, b'"') => (depth, Text::Outside),
            (Text::Inside, _) => (depth, Text::Inside),
            (Text::Outside, b'"') => (depth, Text::Inside),
            (Text::Outside, b'{' | b'[') => (depth.saturating_add(1), Text::Outside),
            (Text::Outside, b'}' | b']') => (depth.saturating_sub(1), Text::Outside),
            (Text::Outside, _) => (depth, Text::Outside),
        };
        Place::Value {
            depth,
            string,
            usage,
        }
    }

    fn begin(&mut self, place: Place) -> Place {
        self.kept.clear();
        self.overflowed = false;
        place
    }

    fn keep(&mut self, byte: u8) {
        if self.kept.len() < CAP {
            self.kept.push(byte);
        } else {
            self.overflowed = true;
        }
    }

    /// Compared decoded, as everybody who reads the answer does.
    fn kept_name_is_usage(&self) -> bool {
        let quoted = [b"\"", &*self.kept, b"\""].concat();
        serde_json::from_slice::<String>(&quoted).is_ok_and(|name| name == "usage")
    }

    /// A second `usage` makes both doubtful.
    fn read_usage(&mut self) {
        let readable = !self.overflowed && !self.seen;
        let json = str::from_utf8(&self.kept).ok().filter(|_| readable);
        self.count = json.map_or(Count::Unreadable, tokens::read);
        self.seen = true;
        self.kept = Vec::new();
    }
}

/// Real usage objects have a few hundred bytes.
const CAP: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tokens;

    fn read(body: &str) -> Reader {
        let mut reader = Reader::default();
        reader.push(body.as_bytes());
        reader
    }

    const USAGE: &str = r#"{"prompt_tokens":9,"completion_tokens":2}"#;
    const COUNT: Tokens = Tokens {
        input: 9,
        cached_input: 0,
        output: 2,
    };

    #[test]
    fn usage_is_exact_once_the_object_closes() {
        for body in [
            format!(r#"{{"usage":{USAGE}}}"#),
            format!(" {{ \"us\\u0061ge\" :\n{USAGE} , \"x\":[1,{{\"usage\":3}}] }} \n"),
            format!(
                r#"{{"choices":[{{"message":{{"content":"\"}}],\"usage\":{{\\"}}}}],"usage":{USAGE}}}"#
            ),
            format!(r#"{{"usage":{USAGE},"n":-1.5e3,"t":true,"e":"","o":{{}}}}"#),
            format!(r#"{{"\\":1,"\"usage":2,"a\\\"":3,"usage":{USAGE}}}"#),
        ] {
            let reader = read(&body);
            assert!(reader.is_complete(), "{body}");
            assert_eq!(reader.usage(), Usage::Exact(COUNT), "{body}");
        }
    }

    #[test]
    fn usage_of_a_body_that_is_cut_is_partial() {
        let cut = read(&format!(r#"{{"usage":{USAGE},"data":[1,2]"#));
        assert!(!cut.is_complete());
        assert_eq!(cut.usage(), Usage::Partial(COUNT));
        assert_eq!(
            read(r#"{"usage":{"prompt_tokens":9"#).usage(),
            Usage::Unknown
        );
    }

    #[test]
    fn usage_counts_at_the_top_level_and_once() {
        for body in [
            format!(r#"{{"x":{{"usage":{USAGE}}}}}"#),
            format!(r#"{{"x":"usage","y":{USAGE}}}"#),
            format!(r#"{{"Usage":{USAGE}}}"#),
            format!(r#"{{"usage":{USAGE},"usage":{USAGE}}}"#),
            r#"{"usage":null}"#.to_owned(),
            "{}".to_owned(),
        ] {
            let reader = read(&body);
            assert!(reader.is_complete(), "{body}");
            assert_eq!(reader.usage(), Usage::Unknown, "{body}");
        }
    }

    #[test]
    fn what_is_no_object_is_never_complete() {
        let usage = format!(r#""usage":{USAGE}"#);
        for body in [
            format!("[{{{usage}}}]"),
            format!("x{{{usage}}}"),
            "\u{1f}\u{8b}".to_owned(),
            format!("{{{usage}]"),
            "{1:2}".to_owned(),
            "{\"a\" 1}".to_owned(),
            String::new(),
        ] {
            let reader = read(&body);
            assert!(!reader.is_complete(), "{body}");
            assert_eq!(reader.usage(), Usage::Unknown, "{body}");
        }
    }

    #[test]
    fn bytes_after_the_end_change_nothing() {
        let reader = read(&format!(r#"{{"usage":{USAGE}}}{{"usage":null}}x"#));
        assert_eq!(reader.usage(), Usage::Exact(COUNT));
    }

    #[test]
    fn memory_is_bounded_for_names_values_and_usage_alike() {
        let long = "x".repeat(1 << 20);
        for body in [
            format!(r#"{{"{long}":1,"usage":{USAGE}}}"#),
            format!(r#"{{"data":["{long}"],"usage":{USAGE}}}"#),
        ] {
            let reader = read(&body);
            assert_eq!(reader.usage(), Usage::Exact(COUNT));
            assert!(reader.kept.capacity() <= 2 * CAP);
        }
        let reader = read(&format!(
            r#"{{"usage":{{"x":"{long}","prompt_tokens":1,"total_tokens":1}}}}"#
        ));
        assert!(reader.is_complete());
        assert_eq!(reader.usage(), Usage::Unknown);
    }
}
