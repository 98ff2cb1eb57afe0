//! A stream without the chunk that its client did not ask for.

use std::fmt;

use super::sse::{self, CAP};

/// Takes the chunk of `stream_options.include_usage` out of a stream of server-sent events: the event with `usage` and an
/// empty array of `choices`. Clients that did not ask for it take the first of its choices and fail.
///
/// ```
/// use portcullis_dialect::UsageFilter;
///
/// let mut filter = UsageFilter::default();
/// let word = b"data: {\"choices\":[{\"delta\":{}}],\"usage\":null}\n\n";
/// assert_eq!(filter.push(word), word);
/// let usage = b"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2}}\n\n";
/// assert_eq!(filter.push(usage), b"");
/// assert_eq!(filter.push(b"data: [DO"), b""); // held until it is known what it is
/// assert_eq!(filter.push(b"NE]\n\n"), b"data: [DONE]\n\n");
/// assert_eq!(filter.end(), b"");
/// ```
///
/// All else passes, byte for byte and wherever the chunks end: comments (those between the lines of
/// that event, too), other line ends, `"usage":null` in other chunks, which is how a chunk without
/// usage looks. An event passes with the last byte of it, a comment between events at once. An event of
/// more than 256 KiB passes unread: one with nothing but usage has a few hundred bytes.
///
/// It is for a stream to which the usage was added ([`Request::adds_usage`](crate::Request::adds_usage)).
/// Feed the [`UsageReader`](crate::UsageReader) first, with what comes from the provider. What is
/// compressed passes unread.
#[derive(Default)]
pub struct UsageFilter {
    /// The event so far, from its first line that is no comment.
    held: Vec<u8>,
    /// The comments within `held`.
    comments: Vec<u8>,
    /// The event has outgrown `held`, which is empty: what is left of it passes.
    is_passing: bool,
    place: Place,
}

/// Where in the stream the next byte stands.
#[derive(Clone, Copy, Default)]
enum Place {
    /// At its start, or within a byte order mark there.
    #[default]
    Start,
    /// Before a line.
    Line,
    /// Within a line.
    InLine(Way),
    /// After the CR that ended a line: an LF still belongs to it.
    AfterReturn(Way),
}

/// Which way the bytes of a line go.
#[derive(Clone, Copy)]
enum Way {
    Out,
    Held,
    /// Held, and a comment.
    Comment,
    Nowhere,
}

impl UsageFilter {
    /// Takes the next bytes of the stream, and gives those that may pass: of what was held, and of
    /// these. They may be none.
    #[must_use = "these bytes are to be sent"]
    pub fn push(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.held.len() + bytes.len());
        while let Some((byte, after)) = bytes.split_first() {
            bytes = match self.place {
                Place::Start => self.step_at_start(*byte, bytes, after, &mut out),
                Place::Line if is_line_end(*byte) => {
                    let way = self.end_event(&mut out);
                    self.end_line(*byte, way, &mut out);
                    after
                }
                Place::Line => {
                    self.place = Place::InLine(self.way_of_line(*byte));
                    bytes
                }
                Place::InLine(way) => self.step_in_line(bytes, way, &mut out),
                Place::AfterReturn(way) => {
                    self.place = Place::Line;
                    if *byte == b'\n' {
                        let _way = self.put(b"\n", way, &mut out);
                        after
                    } else {
                        bytes
                    }
                }
            };
        }
        out
    }

    /// The stream is over: gives what is left of an event that has not ended. It is no event for a
    /// client that keeps to the standard, and withheld all the same if it is the chunk.
    #[must_use = "these bytes are to be sent"]
    pub fn end(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        self.end_event(&mut out);
        out
    }

    /// A byte order mark passes and is no part of the first line.
    fn step_at_start<'b>(
        &mut self,
        byte: u8,
        bytes: &'b [u8],
        after: &'b [u8],
        out: &mut Vec<u8>,
    ) -> &'b [u8] {
        if BYTE_ORDER_MARK.get(self.held.len()) == Some(&byte) {
            self.held.push(byte);
            if self.held == BYTE_ORDER_MARK {
                out.append(&mut self.held);
                self.place = Place::Line;
            }
            return after;
        }
        self.place = match *self.held {
            [] => Place::Line,
            [..] => Place::InLine(Way::Held),
        };
        bytes
    }

    fn step_in_line<'b>(&mut self, bytes: &'b [u8], way: Way, out: &mut Vec<u8>) -> &'b [u8] {
        let length = bytes.iter().position(|byte| is_line_end(*byte));
        let length = length.unwrap_or(bytes.len());
        let (text, rest) = bytes.split_at(length);
        let way = self.put(text, way, out);
        self.place = Place::InLine(way);
        let Some((end, rest)) = rest.split_first() else {
            return rest;
        };
        self.end_line(*end, way, out);
        rest
    }

    fn way_of_line(&self, first: u8) -> Way {
        match first {
            _ if self.is_passing => Way::Out,
            b':' if self.held.is_empty() => Way::Out,
            b':' => Way::Comment,
            _ => Way::Held,
        }
    }

    fn end_line(&mut self, end: u8, way: Way, out: &mut Vec<u8>) {
        let way = self.put(&[end], way, out);
        self.place = if end == b'\r' {
            Place::AfterReturn(way)
        } else {
            Place::Line
        };
    }

    /// An empty line ends the event; tells which way that line goes.
    fn end_event(&mut self, out: &mut Vec<u8>) -> Way {
        let way = if is_usage_alone(&self.held) {
            self.held.clear();
            out.append(&mut self.comments);
            Way::Nowhere
        } else {
            out.append(&mut self.held);
            self.comments.clear();
            Way::Out
        };
        self.is_passing = false;
        way
    }

    /// Sends bytes their way; tells where those that follow them in their line go.
    fn put(&mut self, bytes: &[u8], way: Way, out: &mut Vec<u8>) -> Way {
        match way {
            Way::Out => out.extend_from_slice(bytes),
            Way::Held => self.held.extend_from_slice(bytes),
            Way::Comment => {
                self.held.extend_from_slice(bytes);
                self.comments.extend_from_slice(bytes);
            }
            Way::Nowhere => {}
        }
        if self.held.len() <= CAP {
            return way;
        }
        out.append(&mut self.held);
        self.comments.clear();
        self.is_passing = true;
        Way::Out
    }
}

impl fmt::Debug for UsageFilter {
    /// Without the bytes it holds: they are the user's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UsageFilter")
            .field("held", &self.held.len())
            .finish_non_exhaustive()
    }
}

/// Whether an event, with all its lines, is the chunk that is to be withheld.
fn is_usage_alone(event: &[u8]) -> bool {
    let lines = event.split(|byte| is_line_end(*byte));
    let data: Vec<&[u8]> = lines.filter_map(sse::data).collect();
    sse::is_usage_alone(&data.join(&b'\n'))
}

/// LF, CR, and both in this order (WHATWG HTML section 9.2.5).
const fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests;
