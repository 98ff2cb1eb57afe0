//! All versions of the master key, and the keys derived from them.

mod file;

use std::collections::BTreeMap;
use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

pub use self::file::{InvalidMasterKeys, LineProblem};
use crate::kdf::Prk;
use crate::labels;
use crate::master::{CheckValue, MasterKey};
use crate::org_key::OrgKeySpec;
use crate::sealing_key::SealingKey;

/// The versions of the master key that this process holds, never none, one of them active.
///
/// New keys and records are made under the active version, the highest unless
/// [`with_active`](Self::with_active) names another; the others only open what they once sealed.
///
/// It does two things: derive organization keys ([`org_key`](Self::org_key)) and derive the key that
/// seals the instance's own secrets ([`sealing_key`](Self::sealing_key)).
///
/// # Security
///
/// Like [`MasterKey`]: not to be cloned, compared or serialised; `Debug` shows versions only.
pub struct MasterKeys {
    keys: BTreeMap<u32, MasterKey>,
    active: u32,
}

impl MasterKeys {
    /// One key, as version 1.
    #[must_use]
    pub fn single(key: MasterKey) -> Self {
        Self {
            keys: BTreeMap::from([(1, key)]),
            active: 1,
        }
    }

    /// Reads the text of a master-key file: a line `{version}:{key}` for each version, versions from
    /// 1, keys as [`MasterKey::parse`] takes them. Empty lines and lines that start with `#` are
    /// skipped, and so is white space around a line. The highest version is active.
    ///
    /// # Errors
    ///
    /// [`InvalidMasterKeys`] names the line, what is wrong with it and the cure: also when a version
    /// or a key stands there twice, or no key at all.
    ///
    /// # Security
    ///
    /// The error never holds a piece of the text, which stays the caller's to wipe.
    ///
    /// ```
    /// # use getrandom::SysRng;
    /// use portcullis_envelope::{MasterKey, MasterKeys};
    /// # let old = MasterKey::generate(&mut SysRng)?.to_text();
    /// # let new = MasterKey::generate(&mut SysRng)?.to_text();
    /// # let (old, new) = (old.as_str(), new.as_str());
    /// let masters = MasterKeys::parse(&format!("# rotated in May\n1:{old}\n2:{new}\n"))?;
    /// assert_eq!(masters.active_version(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, InvalidMasterKeys> {
        file::parse(text)
    }

    /// The text that [`parse`](Self::parse) reads: one line for each version, ascending. Which
    /// version is active does not stand in it.
    ///
    /// # Security
    ///
    /// These are the secrets. See [`MasterKey::to_text`].
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        file::write(&self.keys)
    }

    /// Makes another version the active one: a new version can reach every node before the first
    /// node uses it.
    ///
    /// # Errors
    ///
    /// [`KeyError::UnknownMasterVersion`] when that version is not held.
    pub fn with_active(mut self, version: u32) -> Result<Self, KeyError> {
        self.key(version)?;
        self.active = version;
        Ok(self)
    }

    /// The version under which new keys and records are made.
    #[must_use]
    pub fn active_version(&self) -> u32 {
        self.active
    }

    /// All versions held, ascending.
    pub fn versions(&self) -> impl Iterator<Item = u32> {
        self.keys.keys().copied()
    }

    /// The check value of one version; see [`MasterKey::check_value`].
    ///
    /// # Errors
    ///
    /// [`KeyError::UnknownMasterVersion`] when that version is not held.
    pub fn check_value(&self, version: u32) -> Result<CheckValue, KeyError> {
        Ok(self.key(version)?.check_value())
    }

    /// Derives one version of an organization's key, which seals that organization's records.
    ///
    /// Everything in `spec` goes into the derivation, so a row copied to another organization yields
    /// another key. Derivation: `spec/sealed-record.md`, section "Keys".
    ///
    /// # Errors
    ///
    /// [`KeyError`] when the master version is not held, or a field of `spec` was never filled.
    ///
    /// # Security
    ///
    /// Whoever has the master key and the organization's salt can derive this key again: destroying
    /// the salt shreds the organization's records only as far as no backup of it exists.
    pub fn org_key(&self, spec: &OrgKeySpec<'_>) -> Result<SealingKey, KeyError> {
        spec.derive(self.key(spec.master_version)?)
    }

    /// Derives the key that seals the instance's own secrets under one master version. Its id is the
    /// master's check value, its version the master's.
    ///
    /// # Errors
    ///
    /// [`KeyError::UnknownMasterVersion`] when that version is not held.
    ///
    /// # Security
    ///
    /// Derived, and not the master key itself: who holds it cannot derive an organization key.
    pub fn sealing_key(&self, version: u32) -> Result<SealingKey, KeyError> {
        let master = self.key(version)?;
        let prk = Prk::extract(&[], master.expose());
        let info: [&[u8]; 2] = [labels::INSTANCE_KEY, &version.to_be_bytes()];
        Ok(SealingKey::derive(
            master.check_value().0,
            version,
            |secret| prk.expand(&info, secret),
        ))
    }

    /// The keys of the specification's vectors, the highest version active.
    #[cfg(test)]
    pub(crate) fn published(keys: BTreeMap<u32, MasterKey>) -> Self {
        let (active, _) = keys.last_key_value().unwrap();
        Self {
            active: *active,
            keys,
        }
    }

    fn key(&self, version: u32) -> Result<&MasterKey, KeyError> {
        self.keys
            .get(&version)
            .ok_or_else(|| KeyError::UnknownMasterVersion {
                version,
                held: self.versions().collect(),
            })
    }

    /// The version that already holds the same bytes as `key`, if any.
    fn version_of(keys: &BTreeMap<u32, MasterKey>, key: &MasterKey) -> Option<u32> {
        keys.iter()
            .find(|(_, held)| bool::from(held.expose().ct_eq(key.expose())))
            .map(|(version, _)| *version)
    }
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKeys")
            .field("versions", &self.versions().collect::<Vec<_>>())
            .field("active", &self.active)
            .finish_non_exhaustive()
    }
}

/// Why a key could not be derived.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The master version is not among those held.
    #[error(
        "master key version {version} is needed and versions {held:?} are held: add the line of \
         version {version} to the master-key file"
    )]
    UnknownMasterVersion {
        /// The version asked for.
        version: u32,
        /// The versions held, ascending.
        held: Vec<u32>,
    },

    /// A field of the organization's row is all zero.
    #[error("the {field} is all zero: the row was never filled, or was shredded")]
    Unset {
        /// Which field.
        field: &'static str,
    },
}

#[cfg(test)]
mod tests;
