//! Which organization key: its name, apart from its bytes.

use std::fmt;

use crate::context::Context;
use crate::hex;
use crate::master_keys::KeyError;
use crate::random;

/// The name of one version of an organization's key: organization, key id, version.
///
/// Build it from the row that is being read. A key service is told this name when it wraps and when
/// it unwraps, and the key itself is derived with it, so the bytes of one organization are of no use
/// in the row of another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrgKeyRef {
    org: [u8; 16],
    key_id: [u8; 8],
    version: u32,
}

impl OrgKeyRef {
    /// Names a key version.
    ///
    /// # Errors
    ///
    /// [`KeyError::Unset`] when the organization, the key id or the version is zero: that row was
    /// never filled.
    pub fn new(org: &[u8; 16], key_id: [u8; 8], version: u32) -> Result<Self, KeyError> {
        refuse_zero("organization", org)?;
        refuse_zero("key id", &key_id)?;
        refuse_zero("key version", &version.to_be_bytes())?;
        Ok(Self {
            org: *org,
            key_id,
            version,
        })
    }

    /// The organization's id.
    #[must_use]
    pub fn org(&self) -> &[u8; 16] {
        &self.org
    }

    /// The key's id, which all its versions have.
    #[must_use]
    pub fn key_id(&self) -> [u8; 8] {
        self.key_id
    }

    /// The version, from 1.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The name as pairs of text, for a key service that binds an encryption context of that form
    /// (`spec/organization-keys.md`, section "Wrapping").
    ///
    /// They are public: such a service writes them into its log.
    #[must_use]
    pub fn pairs(&self) -> [(&'static str, String); 4] {
        [
            ("portcullis:purpose", PURPOSE.to_owned()),
            ("portcullis:org", hex::lower(&self.org)),
            ("portcullis:key", hex::lower(&self.key_id)),
            ("portcullis:version", self.version.to_string()),
        ]
    }

    /// The name as bytes, for a key service that binds associated data: the context of a record of
    /// type 2 (`spec/sealed-record.md`, section "Context").
    #[must_use]
    pub fn associated_data(&self) -> Vec<u8> {
        self.with_context(|context| context.encode())
    }

    /// The context of a sealed record that holds this key.
    pub(crate) fn with_context<T>(&self, work: impl FnOnce(&Context<'_>) -> T) -> T {
        let name = hex::lower(&self.key_id);
        work(&Context::of_org_key(
            &self.org,
            &name,
            u64::from(self.version),
        ))
    }
}

impl fmt::Debug for OrgKeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OrgKeyRef({self})")
    }
}

/// `{organization}/{key id}/{version}`, the first two in hexadecimal digits.
impl fmt::Display for OrgKeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (org, key_id) = (hex::lower(&self.org), hex::lower(&self.key_id));
        write!(f, "{org}/{key_id}/{}", self.version)
    }
}

/// Refuses a field of a row that nobody filled.
pub(crate) fn refuse_zero(field: &'static str, bytes: &[u8]) -> Result<(), KeyError> {
    if random::is_zero(bytes) {
        Err(KeyError::Unset { field })
    } else {
        Ok(())
    }
}

/// The purpose of a record of type 2.
const PURPOSE: &str = "organization-key";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RecordType;

    fn named() -> OrgKeyRef {
        OrgKeyRef::new(&[0x0a; 16], [0xb0; 8], 7).unwrap()
    }

    #[test]
    fn a_name_with_a_zero_field_is_refused_by_that_field() {
        for (org, key_id, version, field) in [
            ([0; 16], [1; 8], 1, "organization"),
            ([1; 16], [0; 8], 1, "key id"),
            ([1; 16], [1; 8], 0, "key version"),
        ] {
            let refused = OrgKeyRef::new(&org, key_id, version).unwrap_err();
            assert_eq!(refused, KeyError::Unset { field });
        }
    }

    #[test]
    fn the_pairs_are_those_of_the_specification() {
        let spec = include_str!("../../../spec/organization-keys.md");
        for (name, _) in named().pairs() {
            assert!(spec.contains(&format!("| `{name}` |")), "{name}");
        }
        assert_eq!(
            named().pairs().map(|(_, value)| value),
            [
                "organization-key",
                "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a",
                "b0b0b0b0b0b0b0b0",
                "7"
            ]
        );
        assert_eq!(PURPOSE, RecordType::WrappedOrgKey.purpose());
    }

    #[test]
    fn the_associated_data_is_the_context_of_a_wrapped_key() {
        let org = [0x0a; 16];
        let context = Context::wrapped_org_key(&org, "b0b0b0b0b0b0b0b0", 7).unwrap();
        assert_eq!(named().associated_data(), context.encode());
    }
}
