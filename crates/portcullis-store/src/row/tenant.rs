use crate::{Blob, CapRow, OrgId, ProjectId, UnixMicros};

/// An organization, with what its data key is derived from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationRow {
    /// The id, which goes into every derivation.
    pub id: OrgId,
    /// What people call it; unique among organizations.
    pub name: String,
    /// 32 random bytes, the HKDF salt of the organization key.
    pub salt: Blob,
    /// The organization key's id, 8 random bytes.
    pub key_id: [u8; 8],
    /// The organization key's version, from 1.
    pub key_version: u32,
    /// The master key version that this organization key version is derived from.
    pub master_version: u32,
    /// When it was shut out, if it is.
    pub suspended_at: Option<UnixMicros>,
    /// The addresses and ranges from which its keys may be used, as the operator wrote them: a key's own list must
    /// admit an address, and this one too. `None` = unrestricted, an empty list = nowhere.
    pub allow_ips: Option<Vec<String>>,
    /// What all its keys together may use up; none is unrestricted.
    pub caps: Vec<CapRow>,
    /// When it was made.
    pub created_at: UnixMicros,
    /// 1 when made; the store adds 1 with every change.
    pub generation: u64,
}

/// A project inside an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectRow {
    /// The id.
    pub id: ProjectId,
    /// The organization it belongs to.
    pub org: OrgId,
    /// What people call it; unique within the organization.
    pub name: String,
    /// What all its keys together may use up; none is unrestricted.
    pub caps: Vec<CapRow>,
    /// When it was made.
    pub created_at: UnixMicros,
    /// 1 when made; the store adds 1 with every change.
    pub generation: u64,
}
