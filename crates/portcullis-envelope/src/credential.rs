//! What a credential's row says besides the secret: how often it was overwritten, and whether it may be
//! used.

use std::num::NonZeroU64;

use chrono::{DateTime, Utc};

/// How often a credential was written: 1 when it is saved first, and one more with each overwrite.
///
/// It is part of the record's context, so the record of one generation does not open in the row of
/// another. Sealing the same secret again under another key leaves it as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(NonZeroU64);

impl Generation {
    /// The first.
    pub const FIRST: Self = Self(NonZeroU64::MIN);

    /// A generation as it was stored; `None` for 0, which no row has.
    #[must_use]
    pub fn from_stored(stored: u64) -> Option<Self> {
        NonZeroU64::new(stored).map(Self)
    }

    /// The one that overwrites this one.
    ///
    /// # Errors
    ///
    /// [`GenerationExhausted`] after 2^64 - 1 writes: it never starts again.
    pub fn next(self) -> Result<Self, GenerationExhausted> {
        self.0.checked_add(1).map(Self).ok_or(GenerationExhausted)
    }

    /// The number, for the row and for the context.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0.get()
    }
}

/// There is no higher generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the credential was written too often: save it under another name")]
pub struct GenerationExhausted;

/// Whether a credential may be used: what its row says, asked before its record is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CredentialStanding {
    /// Switched off by a person.
    pub is_disabled: bool,
    /// From when on it may not be used; `None` means never.
    pub expires_at: Option<DateTime<Utc>>,
}

impl CredentialStanding {
    /// Whether it may be used at `now`. At the moment of expiry it may not.
    ///
    /// # Errors
    ///
    /// [`CredentialUnusable`], disabled before expired: that is what a person decided.
    pub fn check(self, now: DateTime<Utc>) -> Result<(), CredentialUnusable> {
        if self.is_disabled {
            return Err(CredentialUnusable::Disabled);
        }
        match self.expires_at {
            Some(at) if at <= now => Err(CredentialUnusable::Expired { at }),
            Some(_) | None => Ok(()),
        }
    }
}

/// Why a credential may not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialUnusable {
    /// Somebody switched it off.
    #[error("the credential is disabled: enable it, or save another")]
    Disabled,
    /// Its time is up.
    #[error("the credential expired at {at}: save a new one")]
    Expired {
        /// When.
        at: DateTime<Utc>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn generations_count_from_one_and_never_start_again() {
        assert_eq!(Generation::FIRST.number(), 1);
        assert_eq!(Generation::FIRST.next().unwrap().number(), 2);
        let last = Generation::from_stored(u64::MAX).unwrap();
        assert_eq!(last.next(), Err(GenerationExhausted));
        assert_eq!(Generation::from_stored(0), None);
    }

    #[test]
    fn a_credential_expires_at_its_moment_and_not_before() {
        let standing = CredentialStanding {
            is_disabled: false,
            expires_at: Some(at(100)),
        };
        assert_eq!(standing.check(at(99)), Ok(()));
        let expired = Err(CredentialUnusable::Expired { at: at(100) });
        assert_eq!(standing.check(at(100)), expired);
        assert_eq!(standing.check(at(101)), expired);
        assert_eq!(
            CredentialStanding::default().check(DateTime::<Utc>::MAX_UTC),
            Ok(())
        );
    }

    #[test]
    fn a_disabled_credential_is_refused_whenever_it_expires() {
        for expires_at in [None, Some(at(1)), Some(at(1000))] {
            let standing = CredentialStanding {
                is_disabled: true,
                expires_at,
            };
            assert_eq!(standing.check(at(100)), Err(CredentialUnusable::Disabled));
        }
    }
}
