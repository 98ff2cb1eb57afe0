//! Under which key something stands.

use std::fmt;

use crate::hex;
use crate::record::{Header, RecordType};
use crate::wrapped_key::WrappedKey;

/// Under which key a record or a wrapped key stands, as its header says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum KeyLabel {
    /// An organization's key: its credentials.
    Organization {
        /// The key's id.
        key_id: [u8; 8],
        /// The key's version.
        version: u32,
    },
    /// The instance key of a master version: the instance's own secrets, and the organization keys
    /// that the local key service wrapped.
    Instance {
        /// The check value of the master key.
        check: [u8; 8],
        /// The master version.
        version: u32,
    },
    /// A key service outside.
    Service {
        /// The service's reference.
        reference: Box<str>,
    },
}

impl KeyLabel {
    /// Under which key a record stands.
    #[must_use]
    pub fn of_record(header: &Header) -> Self {
        let (id, version) = (header.key_id(), header.key_version());
        match header.record_type() {
            RecordType::Credential => Self::Organization {
                key_id: id,
                version,
            },
            RecordType::WrappedOrgKey | RecordType::InstanceSecret | RecordType::LogKey => {
                Self::Instance { check: id, version }
            }
        }
    }

    /// Under which key a wrapped key stands: the instance key if the local key service wrapped it.
    #[must_use]
    pub fn of_wrapped_key(wrapped: &WrappedKey) -> Self {
        wrapped.sealed_header().map_or_else(
            || Self::Service {
                reference: wrapped.service().into(),
            },
            |header| Self::of_record(&header),
        )
    }

    /// Whether this is a later version of the same key as `target`: whoever plans does not know of
    /// the newest version.
    pub(super) fn is_ahead_of(&self, target: &Self) -> bool {
        match (self, target) {
            (
                Self::Organization { key_id, version },
                Self::Organization {
                    key_id: target_id,
                    version: target_version,
                },
            ) => key_id == target_id && version > target_version,
            // The id of an instance key is its master's check value: another with each version.
            (
                Self::Instance { version, .. },
                Self::Instance {
                    version: target, ..
                },
            ) => version > target,
            (Self::Organization { .. } | Self::Instance { .. } | Self::Service { .. }, _) => false,
        }
    }
}

impl fmt::Display for KeyLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Organization { key_id, version } => {
                write!(
                    f,
                    "organization key {} version {version}",
                    hex::lower(key_id)
                )
            }
            Self::Instance { check, version } => {
                write!(f, "master key {} version {version}", hex::lower(check))
            }
            Self::Service { reference } => write!(f, "key service {reference}"),
        }
    }
}
