use crate::{
    Blob, CredentialId, CredentialName, EnvironmentName, OrgId, ProjectId, ProviderName, UnixMicros,
};

/// A sealed provider credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialRow {
    /// The id; an overwrite keeps it.
    pub id: CredentialId,
    /// Where it stands: no two credentials share a slot.
    pub slot: CredentialSlot,
    /// 1 when made, one more with every overwrite; it is part of what the record is sealed to.
    pub generation: u64,
    /// What may be shown of it, written when it was saved, so that a list opens nothing.
    pub mask: String,
    /// The sealed record.
    pub sealed: Blob,
    /// When it was first saved.
    pub created_at: UnixMicros,
    /// When it was last saved.
    pub updated_at: UnixMicros,
    /// When it was switched off, if it is. An overwrite leaves it.
    pub disabled_at: Option<UnixMicros>,
    /// From when on it may not be used; `None` is never. Each overwrite sets it anew.
    pub expires_at: Option<UnixMicros>,
    /// When it was last opened for a call. Only [`record_opens`](crate::ControlStore::record_opens) moves it.
    pub last_opened_at: Option<UnixMicros>,
}

/// Which credential: the organization, optionally narrowed to a project or an environment, the provider, a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CredentialSlot {
    /// The organization it belongs to.
    pub org: OrgId,
    /// Only for this project, or for all of the organization's.
    pub project: Option<ProjectId>,
    /// Only for keys of this environment, or for all.
    pub environment: Option<EnvironmentName>,
    /// The provider it is for.
    pub provider: ProviderName,
    /// Which of the provider's credentials.
    pub name: CredentialName,
}
