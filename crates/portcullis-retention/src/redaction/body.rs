//! Bodies as they travel: JSON, lines of JSON, event streams, text.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use super::decoded::Decoded;
use super::edit::{self, Edit, Instead};
use super::json::{self, Kind, Token};
use super::{Redactor, RuleCounts};

/// A body that may be stored.
///
/// # Security
///
/// It is still content of a customer: `Debug` shows how long it is and what was taken out, and there is no `Clone`,
/// `Display` or `Serialize`.
///
/// ```compile_fail,E0599
/// # fn body() -> portcullis_retention::RedactedBody { unimplemented!() }
/// let copy = body().clone();
/// ```
pub struct RedactedBody {
    text: String,
    counts: RuleCounts,
}

impl RedactedBody {
    /// The body.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The body, to be stored.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }

    /// How often each rule took something out.
    #[must_use]
    pub const fn counts(&self) -> &RuleCounts {
        &self.counts
    }
}

impl fmt::Debug for RedactedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, counts } = self;
        write!(f, "RedactedBody({} bytes, taken out: {counts})", text.len())
    }
}

/// A body without what `redactor` finds.
///
/// - **JSON** stays JSON. Every string is looked at as it reads, not as it is escaped: `a\u0040example.com` is an address.
///   So are strings of JSON in strings (arguments of tools), three deep. In a number, what is found becomes 0. What is not
///   found is left as it was written, to the byte.
/// - **Lines of JSON and event streams** (`data: {..}`) are looked at line by line, and once more with the strings of one
///   path put together: a model writes an address in several events. The placeholder stands where the match begins.
/// - **Everything else** is looked at as text, and again with its escapes undone, three deep: JSON that was cut off is text.
///
/// Bytes that are not UTF-8 become U+FFFD.
///
/// ```
/// use portcullis_retention::{StandardRedactor, redact_body};
///
/// let body = br#"{"content":"write to ada\u0040example.com", "n":1}"#;
/// let body = redact_body(&StandardRedactor::new(), body);
/// assert_eq!(body.as_bytes(), br#"{"content":"write to [redacted:email]", "n":1}"#);
/// assert_eq!(body.counts().to_string(), "email=1");
/// ```
pub fn redact_body(redactor: &dyn Redactor, body: &[u8]) -> RedactedBody {
    let text = String::from_utf8_lossy(body);
    let edits = if json::is_json(&text) {
        in_json(redactor, &text, DEPTH)
    } else if payloads(&text).any(|range| part(&text, &range).is_some_and(json::is_container)) {
        in_lines(redactor, &text)
    } else {
        in_text(redactor, &text, DEPTH)
    };
    let mut counts = RuleCounts::default();
    let text = edit::apply(&text, edits, &mut counts);
    RedactedBody { text, counts }
}

/// A text without what `redactor` finds. It is not taken for JSON; escapes are undone as in [`redact_body`].
pub fn redact_text<'t>(redactor: &dyn Redactor, text: &'t str) -> (Cow<'t, str>, RuleCounts) {
    let edits = in_text(redactor, text, DEPTH);
    let mut counts = RuleCounts::default();
    if edits.is_empty() {
        return (text.into(), counts);
    }
    let text = edit::apply(text, edits, &mut counts);
    (text.into(), counts)
}

/// What is found in a text, and in what it means when it is JSON or has escapes.
fn in_text(redactor: &dyn Redactor, text: &str, depth: u8) -> Vec<Edit> {
    let found = redactor.find(text).into_iter();
    let mut edits: Vec<Edit> = found
        .map(|finding| Edit {
            range: finding.range,
            rule: finding.rule,
            instead: Instead::Placeholder,
        })
        .collect();
    let Some(deeper) = depth.checked_sub(1) else {
        return edits;
    };
    if json::is_container(text) {
        edits.extend(in_json(redactor, text, deeper));
    } else if text.contains('\\') {
        edits.extend(in_escaped(redactor, text, deeper));
    }
    edits
}

/// What is found in a text when its escapes are undone, by its places in the text as it is.
fn in_escaped(redactor: &dyn Redactor, raw: &str, depth: u8) -> Vec<Edit> {
    let decoded = Decoded::new(raw);
    let mut edits = in_text(redactor, decoded.text(), depth);
    for edit in &mut edits {
        edit.range = decoded.raw(&edit.range);
    }
    edits
}

/// What is found in the strings and numbers of JSON.
fn in_json(redactor: &dyn Redactor, text: &str, depth: u8) -> Vec<Edit> {
    let tokens = json::tokens(text);
    let edits = tokens
        .iter()
        .flat_map(|token| in_token(redactor, text, token, depth));
    edits.collect()
}

fn in_token(redactor: &dyn Redactor, text: &str, token: &Token, depth: u8) -> Vec<Edit> {
    let raw = part(text, &token.range).unwrap_or_default();
    let mut edits = match token.kind {
        Kind::Key | Kind::Text => in_escaped(redactor, raw, depth),
        Kind::Number => in_number(redactor, raw),
    };
    for edit in &mut edits {
        edit.range = shifted(&edit.range, token.range.start);
    }
    edits
}

/// A number is looked at when it is whole: the digits of a fraction mean nothing.
fn in_number(redactor: &dyn Redactor, raw: &str) -> Vec<Edit> {
    let digits = raw.strip_prefix('-').unwrap_or(raw);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Vec::new();
    }
    let found = redactor.find(digits).into_iter();
    let edits = found.map(|finding| Edit {
        range: 0..raw.len(),
        rule: finding.rule,
        instead: Instead::Zero,
    });
    edits.collect()
}

/// What is found in lines of which some are JSON: across events first, then in each.
fn in_lines(redactor: &dyn Redactor, text: &str) -> Vec<Edit> {
    let mut alone = Vec::new();
    let mut paths: HashMap<u64, Pieces<'_>> = HashMap::new();
    for payload in payloads(text) {
        let line = part(text, &payload).unwrap_or_default();
        if !json::is_container(line) {
            let edits = in_text(redactor, line, DEPTH).into_iter();
            alone.extend(edits.map(|edit| Edit {
                range: shifted(&edit.range, payload.start),
                ..edit
            }));
            continue;
        }
        for mut token in json::tokens(line) {
            token.range = shifted(&token.range, payload.start);
            alone.extend(in_token(redactor, text, &token, DEPTH));
            if token.kind == Kind::Text {
                let pieces = paths.entry(token.path).or_default();
                pieces.push(
                    part(text, &token.range).unwrap_or_default(),
                    token.range.start,
                );
            }
        }
    }
    let mut edits: Vec<Edit> = Vec::new();
    for pieces in paths.into_values().filter(|pieces| pieces.pieces.len() > 1) {
        edits.extend(pieces.find(redactor));
    }
    // Both ways find what lies in one event; the first that was found gives the replacement.
    edits.extend(alone);
    edits
}

/// Strings of one path, put together.
#[derive(Default)]
struct Pieces<'t> {
    joined: String,
    pieces: Vec<Piece<'t>>,
}

struct Piece<'t> {
    /// Where it begins in the joined text.
    from: usize,
    /// Where its raw form begins in the body.
    place: usize,
    decoded: Decoded<'t>,
}

impl<'t> Pieces<'t> {
    fn push(&mut self, raw: &'t str, place: usize) {
        let decoded = Decoded::new(raw);
        let from = self.joined.len();
        self.joined.push_str(decoded.text());
        self.pieces.push(Piece {
            from,
            place,
            decoded,
        });
    }

    fn find(&self, redactor: &dyn Redactor) -> Vec<Edit> {
        let found = in_text(redactor, &self.joined, DEPTH);
        found.iter().flat_map(|edit| self.split(edit)).collect()
    }

    /// A change of the joined text as changes of its pieces: the first part is replaced, the rest goes.
    fn split(&self, edit: &Edit) -> Vec<Edit> {
        let first = self
            .pieces
            .partition_point(|piece| piece.from + piece.decoded.text().len() <= edit.range.start);
        let pieces = self.pieces.iter().skip(first);
        let touched = pieces.take_while(|piece| piece.from < edit.range.end);
        let mut instead = edit.instead;
        let mut edits = Vec::new();
        for piece in touched {
            let length = piece.decoded.text().len();
            let start = edit.range.start.saturating_sub(piece.from);
            let end = (edit.range.end - piece.from).min(length);
            if start < end {
                let range = shifted(&piece.decoded.raw(&(start..end)), piece.place);
                edits.push(Edit {
                    range,
                    rule: edit.rule,
                    instead,
                });
                instead = Instead::Nothing;
            }
        }
        edits
    }
}

/// The lines of a text, without what an event stream writes before its data.
fn payloads(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        let data = line.strip_prefix("data:").unwrap_or(line);
        start + (line.len() - data.len())..at
    })
}

fn part<'t>(text: &'t str, range: &Range<usize>) -> Option<&'t str> {
    text.get(range.clone())
}

fn shifted(range: &Range<usize>, by: usize) -> Range<usize> {
    range.start + by..range.end + by
}

/// How often escapes are undone, and JSON in strings is read.
const DEPTH: u8 = 3;
