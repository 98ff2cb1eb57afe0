//! Who asks: one attempt to reach a provider.

use std::fmt;

/// The identity of one attempt. A retry, or a fallback to another model, is an attempt of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId {
    /// The id of the request, unique for as long as attempts are remembered.
    pub request: [u8; 16],
    /// Which attempt of the request.
    pub attempt: u32,
}

impl fmt::Debug for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let request = u128::from_be_bytes(self.request);
        write!(f, "{request:032x}/{}", self.attempt)
    }
}
