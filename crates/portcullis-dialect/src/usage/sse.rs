//! Usage from a stream of server-sent events.

use std::borrow::Cow;
use std::mem;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use lines::Lines;

use super::tokens::{self, Fields};
use super::{Count, Usage};
use crate::body;

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
    /// What the events of a message have said so far; its end needs another that adds to it.
    message: Option<Box<Fields>>,
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
    /// `[DONE]`, or the last event of a message or a response, has come.
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
        let Some(value) = data(line) else { return };
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
            Some(event) => match Event::read(event) {
                Some(event) => self.count(&event),
                None => self.has_unread = true,
            },
        }
        data.clear();
        self.data = data; // for its allocation
        self.is_oversize = false;
    }

    fn count(&mut self, event: &Event<'_>) {
        match event.kind().as_deref() {
            Some("message_start") => {
                let usage = event.message.and_then(Holder::usage);
                let begun = usage.and_then(Fields::read);
                self.has_unread = true; // it counts what there was before the answer
                self.count_message(begun);
            }
            Some("message_delta") => {
                let more = event.usage.map(RawValue::get).and_then(Fields::read);
                let begun = self.message.as_deref();
                self.has_unread = false;
                self.count_message(more.zip(begun).map(|(more, begun)| more.or(*begun)));
            }
            Some("message_stop") => self.stage = Stage::Done,
            Some("response.completed" | "response.incomplete" | "response.failed") => {
                let usage = event.response.and_then(Holder::usage);
                self.has_unread = false;
                self.count = usage.map_or(Count::None, tokens::read);
                self.stage = Stage::Done;
            }
            Some(_) | None => self.count_chunk(event),
        }
    }

    fn count_message(&mut self, fields: Option<Fields>) {
        self.count = fields.map_or(Count::Unreadable, Fields::count);
        self.message = fields.map(Box::new);
    }

    /// A chunk of a chat completion, or of a completion.
    fn count_chunk(&mut self, chunk: &Event<'_>) {
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

/// The value of a line of `data`. No other field matters, and a comment is an empty field.
pub(super) fn data(line: &[u8]) -> Option<&[u8]> {
    let value = match line.strip_prefix(b"data")? {
        [] => [].as_slice(),
        [b':', b' ', value @ ..] | [b':', value @ ..] => value,
        [_, ..] => return None,
    };
    Some(value)
}

/// Whether an event's data is the chunk of `stream_options.include_usage`: usage, and no choices. One
/// that says what went wrong is not.
pub(super) fn is_usage_alone(data: &[u8]) -> bool {
    Event::read(data).is_some_and(|chunk| {
        chunk.usage.is_some() && chunk.has_no_choices() && chunk.error.is_none()
    })
}

/// The members of an event that matter here. A chunk of a chat completion has no `type`; the events
/// of a message and of a response have one.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    choices: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    /// Of `message_start`.
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    /// Of the events of a response.
    #[serde(borrow)]
    response: Option<&'a RawValue>,
}

impl<'a> Event<'a> {
    fn read(event: &'a [u8]) -> Option<Self> {
        // A derived struct would take an array for its fields in order.
        let is_object = event.trim_ascii_start().starts_with(b"{");
        if is_object {
            serde_json::from_slice(event).ok()
        } else {
            None
        }
    }

    fn kind(&self) -> Option<Cow<'a, str>> {
        self.kind.and_then(|kind| body::string(kind.get()))
    }

    fn has_no_choices(&self) -> bool {
        let choices = self
            .choices
            .map(RawValue::get)
            .map(serde_json::from_str::<Vec<IgnoredAny>>);
        choices.is_some_and(|choices| choices.is_ok_and(|choices| choices.is_empty()))
    }
}

/// A message or a response within an event.
#[derive(Deserialize)]
struct Holder<'a> {
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

impl<'a> Holder<'a> {
    /// The JSON text of its `usage`.
    fn usage(holder: &'a RawValue) -> Option<&'a str> {
        let holder: Self = serde_json::from_str(holder.get()).ok()?;
        holder.usage.map(RawValue::get)
    }
}

/// The longest line, and the longest event, that is read. One with usage has a few hundred bytes, but
/// for the last one of a response, which repeats its request and its answer. One with audio or an
/// image may be longer and is skipped.
pub(super) const CAP: usize = 256 * 1024;

#[cfg(test)]
mod tests;
