use crate::{Blob, EnvironmentName, KeyId, LimitsRow, OrgId, ProjectId, UnixMicros};

/// A virtual key: one id, its rules, and the secrets that are or were valid under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// The public id inside the key text.
    pub id: KeyId,
    /// The organization it belongs to.
    pub org: OrgId,
    /// The project it belongs to, of the same organization.
    pub project: ProjectId,
    /// What people call it.
    pub name: String,
    /// The prefix of the key text with its trailing `_`, such as `mr_live_`: a presented key must carry the same.
    pub prefix: String,
    /// The environment: from here, never from the presented text.
    pub environment: EnvironmentName,
    /// What the key may call.
    pub rules: RulesRow,
    /// What the key may use up.
    pub limits: LimitsRow,
    /// When it was switched off, if it is.
    pub disabled_at: Option<UnixMicros>,
    /// When it was ended for good: set once, never cleared.
    pub revoked_at: Option<UnixMicros>,
    /// When it was made.
    pub created_at: UnixMicros,
    /// 1 when made; the store adds 1 with every change of the key or of one of its secrets (uses apart).
    pub generation: u64,
    /// The secrets, by ascending version.
    pub secrets: Vec<SecretRow>,
}

/// One secret of a key. The secret itself is nowhere: only its digest is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRow {
    /// The version, from 1; a rotation adds the next one.
    pub version: u32,
    /// The digest scheme's name. Whether it is accepted is the configuration's word, not the row's.
    pub scheme: String,
    /// The pepper's id, for schemes that have one.
    pub pepper: Option<u32>,
    /// The digest.
    pub digest: Blob,
    /// The last 4 characters of the key text, for display (checksum characters: they give away nothing).
    pub last4: String,
    /// When it was made.
    pub created_at: UnixMicros,
    /// From when on it is refused; `None` = never expires.
    pub expires_at: Option<UnixMicros>,
    /// When it was ended for good: set once, never cleared.
    pub revoked_at: Option<UnixMicros>,
    /// When it was last used, accurate to about a second.
    pub last_used_at: Option<UnixMicros>,
}

/// What a key may call and from where, as its owner wrote it. `None` = unrestricted, an empty list = nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RulesRow {
    /// The allowed providers.
    pub providers: Option<Vec<String>>,
    /// The allowed models: exact names, `*`, or `segment/*`.
    pub allow_models: Option<Vec<String>>,
    /// The denied models; deny beats allow.
    pub deny_models: Vec<String>,
    /// The addresses and ranges from which the key may be used, as the operator wrote them.
    pub allow_ips: Option<Vec<String>>,
}
