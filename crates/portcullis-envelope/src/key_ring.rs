//! The life of an organization's key: its versions, and what each may still do.

mod error;
mod state;

use std::collections::BTreeMap;

pub use self::error::{InvalidKeyRing, KeyRingError, KeyUnusable};
pub use self::state::{KeyEvent, KeyState};
use crate::rotation::RecordsByVersion;

/// All versions of one key with their states, and the lowest version that may still open.
///
/// One version is active, always: the only one that seals. A shredded key has none, and stays as a
/// tombstone. The rules are a table ([`KeyState::after`], `spec/organization-keys.md`); a change that
/// they refuse changes nothing.
///
/// ```
/// use portcullis_envelope::{KeyRing, KeyState};
///
/// let mut ring = KeyRing::new();
/// let next = ring.add()?; // pending: bring it to every node first
/// ring.activate(next)?;
/// assert_eq!(ring.active()?, 2);
/// assert_eq!(ring.state(1), Some(KeyState::DecryptOnly));
/// assert!(ring.may_open(1).is_ok() && ring.may_seal(1).is_err());
/// # Ok::<(), portcullis_envelope::KeyRingError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRing {
    versions: BTreeMap<u32, KeyState>,
    min_decrypt_version: u32,
}

impl KeyRing {
    /// A new key: version 1, active.
    #[must_use]
    pub fn new() -> Self {
        Self {
            versions: BTreeMap::from([(1, KeyState::Active)]),
            min_decrypt_version: 1,
        }
    }

    /// A ring as it was stored.
    ///
    /// # Errors
    ///
    /// [`InvalidKeyRing`]: rows that no sequence of changes leaves behind, above all two active
    /// versions, or none beside a version that is not destroyed.
    pub fn load(
        rows: impl IntoIterator<Item = (u32, KeyState)>,
        min_decrypt_version: u32,
    ) -> Result<Self, InvalidKeyRing> {
        let mut versions = BTreeMap::new();
        for (version, state) in rows {
            if version == 0 {
                return Err(InvalidKeyRing::ZeroVersion);
            }
            if versions.insert(version, state).is_some() {
                return Err(InvalidKeyRing::Duplicate { version });
            }
        }
        let ring = Self {
            versions,
            min_decrypt_version,
        };
        ring.check()?;
        Ok(ring)
    }

    /// The version that seals.
    ///
    /// # Errors
    ///
    /// [`KeyRingError::Shredded`]: there is none any more.
    pub fn active(&self) -> Result<u32, KeyRingError> {
        self.only(KeyState::Active).ok_or(KeyRingError::Shredded)
    }

    /// The state of a version; `None` if there never was such a version.
    #[must_use]
    pub fn state(&self, version: u32) -> Option<KeyState> {
        self.versions.get(&version).copied()
    }

    /// All versions with their states, ascending: the rows to store.
    pub fn versions(&self) -> impl Iterator<Item = (u32, KeyState)> {
        self.versions
            .iter()
            .map(|(version, state)| (*version, *state))
    }

    /// The lowest version that may open.
    #[must_use]
    pub fn min_decrypt_version(&self) -> u32 {
        self.min_decrypt_version
    }

    /// Whether a version may seal: the active one, and no other.
    ///
    /// # Errors
    ///
    /// [`KeyUnusable`] says what it is instead.
    pub fn may_seal(&self, version: u32) -> Result<(), KeyUnusable> {
        match self.known(version)? {
            KeyState::Active => Ok(()),
            KeyState::Pending => Err(KeyUnusable::Pending { version }),
            KeyState::DecryptOnly => Err(KeyUnusable::DecryptOnly { version }),
            KeyState::Disabled => Err(KeyUnusable::Disabled { version }),
            KeyState::Destroyed => Err(KeyUnusable::Destroyed { version }),
        }
    }

    /// Whether a version may open. A pending one may: another node may have heard of its activation
    /// first, and sealed under it.
    ///
    /// # Errors
    ///
    /// [`KeyUnusable`] says why not.
    pub fn may_open(&self, version: u32) -> Result<(), KeyUnusable> {
        match self.known(version)? {
            KeyState::Disabled => Err(KeyUnusable::Disabled { version }),
            KeyState::Destroyed => Err(KeyUnusable::Destroyed { version }),
            KeyState::Pending | KeyState::Active | KeyState::DecryptOnly => {
                let minimum = self.min_decrypt_version;
                if version < minimum {
                    return Err(KeyUnusable::BelowMinimum { version, minimum });
                }
                Ok(())
            }
        }
    }

    /// Adds the next version, pending, and returns it.
    ///
    /// # Errors
    ///
    /// [`KeyRingError`]: a shredded key gets no version any more, and one version waits at a time.
    pub fn add(&mut self) -> Result<u32, KeyRingError> {
        self.active()?;
        if let Some(version) = self.only(KeyState::Pending) {
            return Err(KeyRingError::PendingExists { version });
        }
        let highest = self.versions.last_key_value().map_or(0, |(last, _)| *last);
        let next = highest.checked_add(1).ok_or(KeyRingError::Exhausted)?;
        self.versions.insert(next, KeyState::Pending);
        Ok(next)
    }

    /// Makes a pending version the active one; the active one opens only from now on.
    ///
    /// # Errors
    ///
    /// [`KeyRingError`]: only a pending version can become active, so none does twice.
    pub fn activate(&mut self, version: u32) -> Result<(), KeyRingError> {
        let old = self.active()?;
        let new = self.next(version, KeyEvent::Activate)?;
        let superseded = self.next(old, KeyEvent::Supersede)?;
        self.versions.insert(old, superseded);
        self.versions.insert(version, new);
        Ok(())
    }

    /// Disables a version that opens only, *when no record needs it any more*; [`enable`](Self::enable)
    /// takes it back.
    ///
    /// # Errors
    ///
    /// [`KeyRingError::StillNeeded`] counts the records; otherwise as the table says.
    ///
    /// # Security
    ///
    /// `records` is to be counted in the same transaction as the change, or a record sealed in
    /// between is missed. The same goes for [`destroy`](Self::destroy) and
    /// [`raise_min_decrypt_version`](Self::raise_min_decrypt_version).
    pub fn retire(&mut self, version: u32, records: &RecordsByVersion) -> Result<(), KeyRingError> {
        unneeded(version, records)?;
        self.disable(version)
    }

    /// Disables a version that opens only, at once, whatever it sealed: for a key that is no longer
    /// trusted. Its records do not open until it is enabled again.
    ///
    /// # Errors
    ///
    /// As the table says: the active version cannot be disabled before another is active.
    pub fn disable(&mut self, version: u32) -> Result<(), KeyRingError> {
        self.apply(version, KeyEvent::Disable)
    }

    /// Lets a disabled version open again.
    ///
    /// # Errors
    ///
    /// As the table says.
    pub fn enable(&mut self, version: u32) -> Result<(), KeyRingError> {
        self.apply(version, KeyEvent::Enable)
    }

    /// Destroys a disabled or pending version for good, when no record needs it any more. The caller
    /// deletes what the key was derived or unwrapped from.
    ///
    /// # Errors
    ///
    /// [`KeyRingError::StillNeeded`] counts the records; otherwise as the table says.
    pub fn destroy(
        &mut self,
        version: u32,
        records: &RecordsByVersion,
    ) -> Result<(), KeyRingError> {
        unneeded(version, records)?;
        self.apply(version, KeyEvent::Destroy)
    }

    /// Destroys every version for good, with whatever they sealed: crypto-shredding. The caller
    /// deletes what the keys were derived or unwrapped from, and purges its cache.
    pub fn shred(&mut self) {
        for state in self.versions.values_mut() {
            *state = state.after(KeyEvent::Shred).unwrap_or(KeyState::Destroyed);
        }
    }

    /// Whether the key was shredded.
    #[must_use]
    pub fn is_shredded(&self) -> bool {
        self.active().is_err()
    }

    /// Refuses every version below `minimum` from now on, whatever its state. It never sinks again.
    ///
    /// # Errors
    ///
    /// [`KeyRingError`]: records still need a lower version, `minimum` is above the active version
    /// or below what it is now, or the key is shredded.
    pub fn raise_min_decrypt_version(
        &mut self,
        minimum: u32,
        records: &RecordsByVersion,
    ) -> Result<(), KeyRingError> {
        let active = self.active()?;
        let current = self.min_decrypt_version;
        if minimum < current || minimum > active {
            return Err(KeyRingError::Minimum {
                minimum,
                current,
                active,
            });
        }
        if let Some((version, records)) = records.lowest().filter(|(lowest, _)| *lowest < minimum) {
            return Err(KeyRingError::StillNeeded { version, records });
        }
        self.min_decrypt_version = minimum;
        Ok(())
    }

    fn known(&self, version: u32) -> Result<KeyState, KeyUnusable> {
        self.state(version).ok_or(KeyUnusable::Unknown { version })
    }

    /// The one version in a state that one version at most is in.
    fn only(&self, wanted: KeyState) -> Option<u32> {
        let mut versions = self.versions();
        let found = versions.find(|(_, state)| *state == wanted);
        found.map(|(version, _)| version)
    }

    /// The state that an event leads to, if the table has it.
    fn next(&self, version: u32, event: KeyEvent) -> Result<KeyState, KeyRingError> {
        let from = self
            .state(version)
            .ok_or(KeyRingError::Unknown { version })?;
        from.after(event).ok_or(KeyRingError::NotAllowed {
            version,
            from,
            event,
        })
    }

    fn apply(&mut self, version: u32, event: KeyEvent) -> Result<(), KeyRingError> {
        let next = self.next(version, event)?;
        self.versions.insert(version, next);
        Ok(())
    }

    /// What holds for every ring.
    fn check(&self) -> Result<(), InvalidKeyRing> {
        let all = |wanted| {
            let of_state = self.versions().filter(move |(_, state)| *state == wanted);
            of_state.map(|(version, _)| version).collect::<Vec<_>>()
        };
        let minimum = self.min_decrypt_version;
        if self.versions.is_empty() || minimum == 0 {
            return Err(InvalidKeyRing::Empty);
        }
        let active = match all(KeyState::Active).as_slice() {
            [active] => *active,
            [] => {
                let shredded = self.versions.values().all(|s| *s == KeyState::Destroyed);
                return if shredded {
                    Ok(())
                } else {
                    Err(InvalidKeyRing::NoActive)
                };
            }
            [first, second, ..] => {
                return Err(InvalidKeyRing::TwoActive {
                    first: *first,
                    second: *second,
                });
            }
        };
        for (version, state) in self.versions() {
            let in_place = match state {
                KeyState::Pending => version > active,
                KeyState::DecryptOnly | KeyState::Disabled => version < active,
                KeyState::Active | KeyState::Destroyed => true,
            };
            if !in_place {
                return Err(InvalidKeyRing::Order {
                    version,
                    state,
                    active,
                });
            }
        }
        if all(KeyState::Pending).len() > 1 {
            return Err(InvalidKeyRing::TwoPending);
        }
        if minimum > active {
            return Err(InvalidKeyRing::Minimum { minimum, active });
        }
        Ok(())
    }
}

impl Default for KeyRing {
    fn default() -> Self {
        Self::new()
    }
}

fn unneeded(version: u32, records: &RecordsByVersion) -> Result<(), KeyRingError> {
    match records.under(version) {
        0 => Ok(()),
        records => Err(KeyRingError::StillNeeded { version, records }),
    }
}

#[cfg(test)]
mod tests;
