//! What goes wrong at a key service, in classes that ask for different deeds.

use std::fmt;
use std::time::Duration;

/// A key service did not do what it was asked: which one, in what way, and what to do about it.
///
/// For the operator's log. It holds no key bytes and nothing of what was wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyServiceError {
    fault: KeyServiceFault,
    service: Box<str>,
    detail: Option<Box<str>>,
}

impl KeyServiceError {
    /// A failure of the service with this reference.
    #[must_use]
    pub fn new(service: &str, fault: KeyServiceFault) -> Self {
        Self {
            fault,
            service: service.into(),
            detail: None,
        }
    }

    /// Adds what the service itself said, such as its error code.
    ///
    /// # Security
    ///
    /// It is shown and logged: pass codes and ids of requests, never bytes that were wrapped.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Box<str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// In what way it failed.
    #[must_use]
    pub fn fault(&self) -> KeyServiceFault {
        self.fault
    }

    /// The reference of the service.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }

    /// What the service itself said.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }
}

impl fmt::Display for KeyServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key service {}: {}", self.service, self.fault)?;
        if let Some(detail) = &self.detail {
            write!(f, " ({detail})")?;
        }
        write!(f, ": {}", self.fault.cure())
    }
}

impl std::error::Error for KeyServiceError {}

/// In what way a key service failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum KeyServiceFault {
    /// It cannot be reached, or says that it cannot work at the moment.
    #[error("it cannot be reached")]
    Unreachable,

    /// It wants fewer requests.
    #[error("it is throttling")]
    Throttled {
        /// When to ask again, if it said so.
        retry_after: Option<Duration>,
    },

    /// It did not answer in time. What it answers later is dropped.
    #[error("it did not answer within {limit:?}")]
    Late {
        /// How long was waited.
        limit: Duration,
    },

    /// It does not let us use the key.
    #[error("it denies the use of the key")]
    Denied,

    /// The wrapping key is disabled, or scheduled for deletion.
    #[error("the wrapping key is disabled")]
    Disabled,

    /// There is no such wrapping key.
    #[error("the wrapping key does not exist")]
    NotFound,

    /// It refuses the wrapped bytes: they are not of this key, were changed, or belong to another
    /// organization's row.
    #[error("it refuses the wrapped bytes")]
    Rejected,

    /// It unwrapped something, and that is not what was wrapped.
    #[error("it returned other bytes than were wrapped")]
    WrongBytes,

    /// Something that none of the others is.
    #[error("it failed in an unexpected way")]
    Unexpected,
}

impl KeyServiceFault {
    /// A stable name, for logs and metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Throttled { .. } => "throttled",
            Self::Late { .. } => "late",
            Self::Denied => "denied",
            Self::Disabled => "disabled",
            Self::NotFound => "not_found",
            Self::Rejected => "rejected",
            Self::WrongBytes => "wrong_bytes",
            Self::Unexpected => "unexpected",
        }
    }

    /// What the operator does about it.
    #[must_use]
    pub const fn cure(self) -> &'static str {
        match self {
            Self::Unreachable => {
                "check the network, the service's status and its endpoint; the request may be repeated"
            }
            Self::Throttled { .. } => {
                "raise the service's request quota, or the lifetime of cached keys; the request may be repeated later"
            }
            Self::Late { .. } => {
                "check the service's latency, or raise the time limit; the request may be repeated"
            }
            Self::Denied => {
                "let this process use the key: its key policy, grants, or the PIN were changed"
            }
            Self::Disabled => {
                "enable the key at the service, or cancel its deletion, if the organization is still to be served"
            }
            Self::NotFound => {
                "check the key's reference and region; if the key was deleted, what it wrapped is lost and the credentials must be saved again"
            }
            Self::Rejected => {
                "the stored wrapped key was changed, or moved from another row: restore the row from a backup"
            }
            Self::WrongBytes => {
                "nothing was sealed or opened with them: restore the row from a backup, and have the service checked"
            }
            Self::Unexpected => "look the service's own code up in its documentation",
        }
    }

    /// Whether the same request may succeed later without anybody doing anything. Only for these may
    /// a key that was fetched before be used beyond its time.
    #[must_use]
    pub const fn is_temporary(self) -> bool {
        match self {
            Self::Unreachable | Self::Throttled { .. } | Self::Late { .. } => true,
            Self::Denied
            | Self::Disabled
            | Self::NotFound
            | Self::Rejected
            | Self::WrongBytes
            | Self::Unexpected => false,
        }
    }

    /// Whether somebody took the wrapping key away: every key that came from that service is to be
    /// forgotten at once.
    #[must_use]
    pub const fn revokes(self) -> bool {
        match self {
            Self::Denied | Self::Disabled | Self::NotFound => true,
            Self::Unreachable
            | Self::Throttled { .. }
            | Self::Late { .. }
            | Self::Rejected
            | Self::WrongBytes
            | Self::Unexpected => false,
        }
    }

    /// When to ask again, if the service said so.
    #[must_use]
    pub const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after } => retry_after,
            Self::Unreachable
            | Self::Late { .. }
            | Self::Denied
            | Self::Disabled
            | Self::NotFound
            | Self::Rejected
            | Self::WrongBytes
            | Self::Unexpected => None,
        }
    }
}
