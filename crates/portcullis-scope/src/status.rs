//! Whether a key is in force at all.

use std::fmt;
use std::str::FromStr;

/// Whether a key is in force.
///
/// There is no default: a row without a status is a broken row, not an active key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// In force, until its expiry.
    Active,
    /// Switched off by an administrator, who may switch it on again.
    Disabled,
    /// Ended for good; nothing brings it back.
    Revoked,
}

impl Status {
    /// Every status, for adapters that write a check constraint.
    pub const ALL: [Self; 3] = [Self::Active, Self::Disabled, Self::Revoked];

    /// The stored form: `active`, `disabled` or `revoked`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Revoked => "revoked",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Status {
    type Err = UnknownStatus;

    /// Reads the stored form, exactly: no case folding, no trimming.
    ///
    /// # Errors
    /// [`UnknownStatus`] for anything else. Treat it as a broken row and refuse the key.
    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or(UnknownStatus)
    }
}

/// A stored status that is none of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the status of a key is `active`, `disabled` or `revoked`; correct the stored row")]
pub struct UnknownStatus;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_survives_its_text_form() {
        for status in Status::ALL {
            assert_eq!(status.to_string().parse(), Ok(status));
        }
    }

    #[test]
    fn a_status_is_read_exactly_or_not_at_all() {
        for text in [
            "", "Active", "ACTIVE", " active", "active ", "activ", "enabled", "0",
        ] {
            assert_eq!(text.parse::<Status>(), Err(UnknownStatus), "{text:?}");
        }
    }
}
