//! Why there is no bound.

use std::num::NonZeroU64;

/// Why no bound can be given for a request. `Display` is one sentence for the caller, with the cure.
///
/// It names fields of the API and nothing that the client wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unbounded {
    /// The endpoint is not one whose bill is known here.
    #[error("What this endpoint costs cannot be bounded: use another endpoint.")]
    Endpoint,
    /// A limit is of another type or out of range, so nobody can say which limit the provider keeps.
    #[error("The field `{field}` is no limit that can be kept: send {expected}, or leave it out.")]
    Value {
        /// Its name.
        field: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// Input that is not in the body as text, for a model whose context window is not known.
    #[error(
        "The field `{field}` brings input that cannot be counted here, and the context window of this \
         model is not configured: send text, or ask your administrator to configure it."
    )]
    Outside {
        /// The top-level field that brings it.
        field: &'static str,
    },
    /// The provider would bill more than one inference, or at another price than that of the model.
    #[error("The field `{field}` can cost more than can be bounded: {cure}.")]
    Extra {
        /// The top-level field at fault.
        field: &'static str,
        /// What to do, as half a sentence.
        cure: &'static str,
    },
    /// A top-level member that is not known here, so nobody can say what it costs.
    #[error(
        "The top-level field number {position} is not known here, and what it costs cannot be \
         bounded: leave it out."
    )]
    Unknown {
        /// Which one, from 1, in the order in which they were sent.
        position: usize,
    },
    /// Prompts times choices are more than 4,294,967,295.
    #[error("The request asks for too many choices: send fewer prompts, or a smaller `n`.")]
    Choices,
}

impl Unbounded {
    /// The field at fault, for the `param` of an error body.
    #[must_use]
    pub const fn param(&self) -> Option<&'static str> {
        match self {
            Self::Value { field, .. } | Self::Outside { field } | Self::Extra { field, .. } => {
                Some(field)
            }
            Self::Choices => Some("n"),
            Self::Endpoint | Self::Unknown { .. } => None,
        }
    }
}

/// An output limit whose default is more than its maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the default output limit of {default} tokens is more than the maximum of {max}: lower the \
     default, or raise the maximum"
)]
pub struct InvalidOutputLimit {
    /// In tokens.
    pub default: NonZeroU64,
    /// In tokens.
    pub max: NonZeroU64,
}
