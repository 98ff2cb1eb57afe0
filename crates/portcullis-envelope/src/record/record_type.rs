//! What a record holds.

/// What a record holds. A closed set: format version 1 has no other, and 3 is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordType {
    /// 1: a provider credential.
    Credential,
    /// 2: an organization key that a key service wrapped.
    WrappedOrgKey,
    /// 4: a secret of the instance itself.
    InstanceSecret,
    /// 5: a key that signs an audit log.
    LogKey,
}

impl RecordType {
    /// The byte in the header.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Credential => 1,
            Self::WrappedOrgKey => 2,
            Self::InstanceSecret => 4,
            Self::LogKey => 5,
        }
    }

    /// The type of a header's byte.
    pub(super) const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Credential),
            2 => Some(Self::WrappedOrgKey),
            4 => Some(Self::InstanceSecret),
            5 => Some(Self::LogKey),
            _ => None,
        }
    }

    /// The purpose in the context.
    #[must_use]
    pub const fn purpose(self) -> &'static str {
        match self {
            Self::Credential => "provider-credential",
            Self::WrappedOrgKey => "organization-key",
            Self::InstanceSecret => "instance-secret",
            Self::LogKey => "log-key",
        }
    }
}
