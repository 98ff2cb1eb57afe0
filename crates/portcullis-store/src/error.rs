use std::error::Error;

/// Trouble with a store: it broke, it is not ours, or it refused what no caller of ours should ask.
///
/// "Not found" and "a guard failed" are values of the calls, never errors, so that trouble cannot be mistaken
/// for an unknown key.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StoreError {
    kind: StoreErrorKind,
    retry_safe: bool,
    message: String,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// An error of the given kind, with a sentence for the operator.
    ///
    /// # Security
    /// `message` and `source` reach logs: no secret, digest or sealed byte may be in them.
    #[must_use]
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            retry_safe: false,
            message: message.into(),
            source: None,
        }
    }

    /// The same error with what caused it.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same error, with the promise that nothing was written.
    #[must_use]
    pub fn nothing_written(mut self) -> Self {
        self.retry_safe = true;
        self
    }

    /// What kind of trouble it is.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Whether a write is known not to have been made, so that it may be tried again without doing it twice. A
    /// read may be repeated whatever this says.
    #[must_use]
    pub fn is_retry_safe(&self) -> bool {
        self.retry_safe
    }
}

/// What kind of trouble a [`StoreError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// It does not answer, is locked, full or read-only.
    Unavailable,
    /// What was written contradicts what is there: a duplicate id, a change that hits no row.
    Conflict,
    /// A row that belongs to another organization than the write that names it.
    CrossTenant,
    /// Rows that cannot be what we wrote.
    Corrupt,
    /// The audit log cannot be continued, and without a record there is no change.
    NotSealed,
    /// A database of another program.
    NotOurs,
    /// A database written by a newer version of this software.
    Newer,
}
