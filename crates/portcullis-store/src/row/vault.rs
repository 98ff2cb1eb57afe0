use std::fmt;
use std::str::FromStr;

use crate::{Blob, UnixMicros};

/// One version of an organization's key: its state, and what it comes from (`spec/organization-keys.md`).
///
/// A version is never removed: what is destroyed stays as a tombstone, without wrapped form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrgKeyRow {
    /// The version, from 1.
    pub version: u32,
    /// What it may still do.
    pub state: OrgKeyState,
    /// Which key service wrapped it, by its reference; `None` when it is derived from a master key.
    pub service: Option<String>,
    /// The wrapped form; `None` when it is derived, or destroyed.
    pub wrapped: Option<Blob>,
    /// The master key version that it is derived from, or wrapped under by the instance itself; `None` behind a key service
    /// outside.
    pub master_version: Option<u32>,
    /// When it was made.
    pub created_at: UnixMicros,
    /// When its state or its wrapped form changed last.
    pub changed_at: UnixMicros,
}

impl OrgKeyRow {
    /// Version 1 of a new organization: active, derived from a master key version.
    #[must_use]
    pub fn first_derived(master_version: u32, at: UnixMicros) -> Self {
        Self {
            version: 1,
            state: OrgKeyState::Active,
            service: None,
            wrapped: None,
            master_version: Some(master_version),
            created_at: at,
            changed_at: at,
        }
    }
}

/// Declares the closed list of states with the words under which they are stored.
macro_rules! states {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// What a version of an organization's key may still do. A store asks only whether a version is active; the table of
        /// what may follow what is the envelope's.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum OrgKeyState { $($(#[$doc])* $name,)* }

        impl OrgKeyState {
            /// Every state.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The stored word.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

states! {
    /// Waits to be activated; opens already.
    Pending = "pending",
    /// Seals and opens: one version at a time.
    Active = "active",
    /// Opens.
    DecryptOnly = "decrypt_only",
    /// Does nothing until it is enabled again.
    Disabled = "disabled",
    /// Gone for good.
    Destroyed = "destroyed",
}

impl fmt::Display for OrgKeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for OrgKeyState {
    type Err = UnknownState;

    fn from_str(word: &str) -> Result<Self, UnknownState> {
        let found = Self::ALL.iter().find(|state| state.as_str() == word);
        found.copied().ok_or(UnknownState)
    }
}

/// A word that no state is stored under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no state of a key is stored under that word: it was written by a newer version, or by hand"
)]
pub struct UnknownState;

/// Under which key a sealed record stands, as its header says: all that a store reads of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SealedUnder {
    /// The sealing key's id.
    pub key_id: [u8; 8],
    /// The sealing key's version.
    pub version: u32,
}

impl SealedUnder {
    /// Reads bytes 8 to 20 of a sealed record (`spec/sealed-record.md`, section "Record"); `None` for bytes that are too
    /// short to be one.
    #[must_use]
    pub fn of(sealed: &Blob) -> Option<Self> {
        let (key_id, rest) = sealed.as_slice().get(8..20)?.split_first_chunk()?;
        let version = u32::from_be_bytes(*rest.first_chunk()?);
        Some(Self {
            key_id: *key_id,
            version,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_under_which_key_it_stands() {
        let mut bytes = vec![0; 8];
        bytes.extend([7; 8]);
        bytes.extend([0, 0, 1, 2]);
        let under = SealedUnder::of(&Blob(bytes.clone()));
        let expected = SealedUnder {
            key_id: [7; 8],
            version: 258,
        };
        assert_eq!(under, Some(expected));
        bytes.pop();
        assert_eq!(SealedUnder::of(&Blob(bytes)), None);
    }

    #[test]
    fn every_state_is_read_back_from_its_word() {
        for state in OrgKeyState::ALL {
            assert_eq!(state.as_str().parse(), Ok(*state));
        }
        assert_eq!("Active".parse::<OrgKeyState>(), Err(UnknownState));
    }
}
