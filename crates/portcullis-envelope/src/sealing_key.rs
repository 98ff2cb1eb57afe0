//! The key that seals records.

use std::fmt;

use secrecy::{ExposeSecret, ExposeSecretMut, SecretBox};

use crate::kdf::Prk;
use crate::labels;
use crate::master::CheckValue;

/// A key that seals and opens records: an organization's key, or the instance's own.
///
/// It comes out of a derivation only ([`MasterKeys::org_key`](crate::MasterKeys::org_key),
/// [`MasterKeys::sealing_key`](crate::MasterKeys::sealing_key),
/// [`WrappedKey::unwrap_key`](crate::WrappedKey::unwrap_key)), so there is no text form and no
/// constructor from bytes.
///
/// # Security
///
/// No `Clone`, `Display`, `PartialEq` or `Serialize`; `Debug` shows id and version; wiped on drop.
pub struct SealingKey {
    id: [u8; 8],
    version: u32,
    secret: SecretBox<[u8; 32]>,
}

impl SealingKey {
    /// The key's public id, which stands in the header of every record it sealed.
    #[must_use]
    pub fn id(&self) -> [u8; 8] {
        self.id
    }

    /// The key's version, from 1, which stands in the header too.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// What tells this key from another without showing it: stored beside a wrapped key, so that a
    /// key service which returns other bytes is found before anything is sealed under them.
    #[must_use]
    pub fn check_value(&self) -> CheckValue {
        let mut value = CheckValue([0; 8]);
        Prk::extract(&[], self.expose()).expand(&[labels::ORG_KEY_CHECK_VALUE], &mut value.0);
        value
    }

    /// Lets `derive` write the secret bytes into their final place.
    pub(crate) fn derive(id: [u8; 8], version: u32, derive: impl FnOnce(&mut [u8; 32])) -> Self {
        let mut secret = SecretBox::<[u8; 32]>::default();
        derive(secret.expose_secret_mut());
        Self {
            id,
            version,
            secret,
        }
    }

    /// The bytes, for the record's own derivation.
    pub(crate) fn expose(&self) -> &[u8; 32] {
        self.secret.expose_secret()
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey {{ id: ")?;
        self.id
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))?;
        write!(f, ", version: {}, .. }}", self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_id_and_version_and_no_secret() {
        let key = SealingKey::derive([0xab; 8], 7, |secret| *secret = [0xcd; 32]);
        assert_eq!(
            format!("{key:?}"),
            "SealingKey { id: abababababababab, version: 7, .. }"
        );
        assert_eq!(format!("{key:#?}"), format!("{key:?}"));
    }
}
