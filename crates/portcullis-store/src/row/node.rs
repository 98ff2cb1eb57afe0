use crate::{CredentialId, KeyId, NodeId, OrgId, ProjectId, UnixMicros};

/// One row of the change log: something changed, look it up again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRow {
    /// The sequence: its order is the order of commits, without exception.
    pub seq: u64,
    /// 16 random bytes: a restored or replaced database shows by a different nonce at a known sequence.
    pub nonce: [u8; 16],
    /// What changed.
    pub subject: Subject,
}

/// What a row of the change log speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// A credential was saved or removed.
    Credential(OrgId, CredentialId),
    /// An instance secret or a master key's check value was added.
    Instance,
    /// A key, its rules or one of its secrets changed.
    Key(OrgId, KeyId),
    /// An organization was made, suspended or resumed.
    Organization(OrgId),
    /// A project was made or changed.
    Project(OrgId, ProjectId),
}

/// A serving process and its lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRow {
    /// The id, new with every start.
    pub id: NodeId,
    /// Who it is, for people: host, process id.
    pub description: String,
    /// When it started.
    pub started_at: UnixMicros,
    /// Until when it may answer without renewing.
    pub lease_until: UnixMicros,
    /// The last sequence of the change log that it has applied.
    pub applied: u64,
}
