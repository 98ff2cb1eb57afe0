//! Usage from a stream of server-sent events.

use std::mem;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use lines::Lines;

use super::{Count, Usage, tokens};

mod lines;

/// Splits a stream into events (WHATWG HTML section 9.2.6) and reads each for its usage.
#[derive(Default)]
pub(super) struct Reader {
    lines: Lines,
    /// The `data` of the event so far, each line ended by a line feed.
    data: Vec<u8>,
    /// The event is longer than `CAP`.
    is_oversize: bool,
    stage: Stage,
    count: Count,
    /// An event after the count could not be read and may have held another.
    has_unread: bool,
}

#[derive(Clone, Copy, Default)]
enum Stage {
    #[default]
    Running,
    /// The last usage came in a chunk without choices, which `stream_options.include_usage` sends
    /// at the end.
    LastChunk,
    /// `[DONE]` has come.
    Done,
}

impl Reader {
    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !matches!(self.stage, Stage::Done) {
            let is_ended;
            (bytes, is_ended) = self.lines.take(bytes);
            if is_ended {
                self.line();
                self.lines.clear();
            }
        }
    }

    pub(super) const fn is_complete(&self) -> bool {
        match self.stage {
            Stage::Running => false,
            Stage::LastChunk => matches!(self.count, Count::Read(_)),
            Stage::Done => true,
        }
    }

    pub(super) const fn usage(&self) -> Usage {
        self.count.usage(self.is_complete() && !self.has_unread)
    }

    fn line(&mut self) {
        let line = self.lines.line();
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) => line.split_at(colon),
            None => (line, [].as_slice()),
        };
        if field != b"data" {
            return; // a comment is an empty field; no other field matters
        }
        let value = value.strip_prefix(b":").unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        if self.lines.is_cut() || self.data.len() + value.len() >= CAP {
            self.is_oversize = true;
        } else {
            self.data.extend_from_slice(value);
            self.data.push(b'\n');
        }
    }

    fn dispatch(&mut self) {
        let mut data = mem::take(&mut self.data);
        match data.strip_suffix(b"\n") {
            _ if self.is_oversize => self.has_unread = true,
            None | Some([]) => {}
            Some(b"[DONE]") => self.stage = Stage::Done,
            Some(event) => match Chunk::read(event) {
                Some(chunk) => self.count(&chunk),
                None => self.has_unread = true,
            },
        }
        data.clear();
        self.data = data; // for its allocation
        self.is_oversize = false;
    }

    fn count(&mut self, chunk: &Chunk<'_>) {
        let Some(usage) = chunk.usage else { return };
        self.count = tokens::read(usage.get());
        self.stage = if chunk.has_no_choices() {
            Stage::LastChunk
        } else {
            Stage::Running
        };
        self.has_unread = false;
    }
}

/// The members of a chat completion chunk that matter here.
#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    choices: Option<&'a RawValue>,
}

impl<'a> Chunk<'a> {
    fn read(event: &'a [u8]) -> Option<Self> {
        // A derived struct would take an array for its fields in order.
        let is_object = event.trim_ascii_start().starts_with(b"{");
        if is_object {
            serde_json::from_slice(event).ok()
        } else {
            None
        }
    }

    fn has_no_choices(&self) -> bool {
        let choices = self
            .choices
            .map(RawValue::get)
            .map(serde_json::from_str::<Vec<IgnoredAny>>);
        choices.is_some_and(|choices| choices.is_ok_and(|choices| choices.is_empty()))
    }
}

/// The longest line, and the longest event, that is read. One with usage has a few hundred bytes; one
/// with audio or an image may be longer and is skipped.
const CAP: usize = 64 * 1024;

#[cfg(test)]
mod tests;
