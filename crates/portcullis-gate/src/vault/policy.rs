use std::time::Duration;

use portcullis_envelope::CachePolicy;

/// How key services are asked: how long one may take, and how long what it unwrapped is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyServicePolicy {
    pub(crate) limit: Duration,
    pub(crate) cache: CachePolicy,
}

impl KeyServicePolicy {
    /// The longest that a key service may take to answer; 5 seconds by default. What it answers later reaches nobody.
    #[must_use]
    pub fn limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// How long organization keys are kept, and how many; 300 seconds and 1,024 by default.
    #[must_use]
    pub fn cache(self, cache: CachePolicy) -> Self {
        Self { cache, ..self }
    }
}

impl Default for KeyServicePolicy {
    fn default() -> Self {
        Self {
            limit: Duration::from_secs(5),
            cache: CachePolicy::default(),
        }
    }
}
