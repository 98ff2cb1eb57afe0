use std::time::Duration;

use portcullis_envelope::{KeyRingError, KeyServiceFault, KeyUnusable, UnwrapError};

use crate::convert::BadRow;

/// Why an organization's key cannot be used: for the operator.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum KeyTrouble {
    /// The version's state forbids it.
    #[error(transparent)]
    State(#[from] KeyUnusable),
    /// The organization was shredded.
    #[error(transparent)]
    Ring(#[from] KeyRingError),
    /// The row cannot be what was written, or its master key is not here.
    #[error(transparent)]
    Row(#[from] BadRow),
    /// The key service did not unwrap it.
    #[error(transparent)]
    Unwrap(#[from] UnwrapError),
}

impl KeyTrouble {
    /// Whether the same may succeed later without anybody doing anything.
    pub(crate) fn is_temporary(&self) -> bool {
        self.fault().is_some_and(KeyServiceFault::is_temporary)
    }

    /// When to try again, if the key service said so.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.fault().and_then(KeyServiceFault::retry_after)
    }

    fn fault(&self) -> Option<KeyServiceFault> {
        match self {
            Self::Unwrap(why) => why.fault(),
            Self::State(_) | Self::Ring(_) | Self::Row(_) => None,
        }
    }
}
