//! How many tokens an answer used, read as the answer passes by.

use std::fmt;

mod filter;
mod plain;
mod sse;
mod tokens;

pub use filter::UsageFilter;
pub use tokens::Tokens;

/// What an answer says about its usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// The provider's final count.
    Exact(Tokens),
    /// A count that may have grown after it: the answer was cut before its end was seen.
    Partial(Tokens),
    /// No count, or none that can be trusted.
    Unknown,
}

/// Reads usage from the bytes of an answer, whatever their chunks, in bounded memory.
///
/// It is fed every byte that comes from the provider and decides by itself when the answer is
/// complete: the closing brace of a plain body; in a stream `[DONE]`, or the chunk of
/// `include_usage`, or the last event of a response or a message. Bodies of known length are often dropped before anybody sees their end.
///
/// An event of more than 256 KiB is not read. The last one of a response repeats all of it, so a very
/// long response has [`Usage::Unknown`].
///
/// Bytes after the end of the answer change nothing.
pub struct UsageReader {
    kind: Kind,
}

impl UsageReader {
    /// For one JSON object: an answer without `stream`.
    #[must_use]
    pub fn plain() -> Self {
        Self {
            kind: Kind::Plain(plain::Reader::default()),
        }
    }

    /// For a stream of server-sent events (WHATWG HTML section 9.2).
    #[must_use]
    pub fn sse() -> Self {
        Self {
            kind: Kind::Sse(sse::Reader::default()),
        }
    }

    /// By the answer's `Content-Type`: `text/event-stream`, in any case and with any parameters, is
    /// a stream; everything else, absence too, is plain.
    #[must_use]
    pub fn for_content_type(content_type: Option<&str>) -> Self {
        let essence = content_type
            .and_then(|value| value.split(';').next())
            .unwrap_or_default();
        if essence.trim().eq_ignore_ascii_case("text/event-stream") {
            Self::sse()
        } else {
            Self::plain()
        }
    }

    /// Takes the next bytes of the answer. Chunks may end anywhere, within a character too.
    pub fn push(&mut self, bytes: &[u8]) {
        match &mut self.kind {
            Kind::Plain(reader) => reader.push(bytes),
            Kind::Sse(reader) => reader.push(bytes),
        }
    }

    /// Whether the end of the answer has been seen. It says nothing about [`Self::usage`]: an answer
    /// can be complete and say nothing of its usage.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        match &self.kind {
            Kind::Plain(reader) => reader.is_complete(),
            Kind::Sse(reader) => reader.is_complete(),
        }
    }

    /// What is known so far; ask once no more bytes come.
    #[must_use]
    pub const fn usage(&self) -> Usage {
        match &self.kind {
            Kind::Plain(reader) => reader.usage(),
            Kind::Sse(reader) => reader.usage(),
        }
    }
}

impl fmt::Debug for UsageReader {
    /// Without the bytes it holds: they are the user's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.kind {
            Kind::Plain(_) => "plain",
            Kind::Sse(_) => "sse",
        };
        f.debug_struct("UsageReader")
            .field("kind", &kind)
            .field("is_complete", &self.is_complete())
            .field("usage", &self.usage())
            .finish_non_exhaustive()
    }
}

enum Kind {
    Plain(plain::Reader),
    Sse(sse::Reader),
}

/// What the last `usage` that was seen said.
#[derive(Clone, Copy, Default)]
enum Count {
    #[default]
    None,
    Read(Tokens),
    /// It was there and cannot be trusted.
    Unreadable,
}

impl Count {
    const fn usage(self, is_final: bool) -> Usage {
        match self {
            Self::Read(tokens) if is_final => Usage::Exact(tokens),
            Self::Read(tokens) => Usage::Partial(tokens),
            Self::None | Self::Unreadable => Usage::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_type_chooses_the_reader() {
        let is_sse = |value| matches!(UsageReader::for_content_type(value).kind, Kind::Sse(_));
        for value in [
            "text/event-stream",
            "Text/Event-Stream; charset=utf-8",
            " text/event-stream ;x",
        ] {
            assert!(is_sse(Some(value)), "{value}");
        }
        for value in [
            "application/json",
            "text/event-streams",
            "",
            "text/plain; text/event-stream",
        ] {
            assert!(!is_sse(Some(value)), "{value}");
        }
        assert!(!is_sse(None));
    }

    #[test]
    fn debug_does_not_show_what_the_model_wrote() {
        for mut reader in [UsageReader::plain(), UsageReader::sse()] {
            reader.push(b"{\"usage\":\"my secret");
            assert!(!format!("{reader:?}").contains("secret"));
        }
    }
}
