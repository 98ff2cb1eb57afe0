use crate::{Blob, CapRow, OrgId, OrgKeyRow, ProjectId, UnixMicros};

/// An organization, with the versions of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationRow {
    /// The id, which goes into every derivation.
    pub id: OrgId,
    /// What people call it; unique among organizations.
    pub name: String,
    /// 32 random bytes, the HKDF salt of derived organization keys; empty once the organization was shredded.
    pub salt: Blob,
    /// The organization key's id, 8 random bytes, which all its versions have.
    pub key_id: [u8; 8],
    /// The versions of the organization's key, ascending.
    pub keys: Vec<OrgKeyRow>,
    /// The lowest key version that may still open a record.
    pub min_decrypt_version: u32,
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
