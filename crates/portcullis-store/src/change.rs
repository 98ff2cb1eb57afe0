use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crate::{
    AuditDraft, Blob, CapRow, CredentialId, CredentialRow, CredentialSlot, HoldId, HoldRow,
    InstanceSecretRow, KeyId, KeyRow, LimitsRow, LogId, MasterCheckRow, OrgId, OrgKeyRow,
    OrganizationRow, ProjectId, ProjectRow, RetentionRow, RulesRow, SecretRow, StoreError,
    StoreErrorKind, Subject, UnixMicros,
};

/// One action on the control plane: guards, changes and the audit draft, committed together or not at all.
#[derive(Clone, Debug)]
#[must_use = "a change set does nothing until it is committed"]
pub struct ChangeSet {
    org: Option<OrgId>,
    draft: AuditDraft,
    guards: Vec<Guard>,
    changes: Vec<Change>,
    urgent: bool,
}

impl ChangeSet {
    /// A set within one organization: a row of another one in it is refused.
    pub fn new(org: OrgId, draft: AuditDraft) -> Self {
        Self {
            org: Some(org),
            draft,
            guards: Vec::new(),
            changes: Vec::new(),
            urgent: false,
        }
    }

    /// A set about the instance itself: instance secrets and master keys, no tenant's rows.
    pub fn instance(draft: AuditDraft) -> Self {
        Self {
            org: None,
            draft,
            guards: Vec::new(),
            changes: Vec::new(),
            urgent: false,
        }
    }

    /// Does not wait for a broken audit log: when the draft cannot be sealed, the changes are made all the same, and the draft
    /// waits in the outbox of its log, which the next append has to take first. For what ends access, and nothing else.
    pub fn urgent(mut self) -> Self {
        self.urgent = true;
        self
    }

    /// Adds a condition that must hold inside the transaction.
    pub fn require(mut self, guard: Guard) -> Self {
        self.guards.push(guard);
        self
    }

    /// Adds a change.
    pub fn change(mut self, change: Change) -> Self {
        self.changes.push(change);
        self
    }

    /// The organization that the set belongs to; `None` for the instance.
    #[must_use]
    pub fn org(&self) -> Option<OrgId> {
        self.org
    }

    /// Who does what.
    #[must_use]
    pub fn draft(&self) -> &AuditDraft {
        &self.draft
    }

    /// Whether the changes are made even when the draft cannot be sealed.
    #[must_use]
    pub fn is_urgent(&self) -> bool {
        self.urgent
    }

    /// The log that the draft belongs to.
    #[must_use]
    pub fn log(&self) -> LogId {
        self.org.map_or(LogId::System, LogId::Organization)
    }

    /// The conditions, in the order in which they were added.
    #[must_use]
    pub fn guards(&self) -> &[Guard] {
        &self.guards
    }

    /// The changes, in the order in which they are made.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// What other nodes hear of it: each subject once.
    #[must_use]
    pub fn notices(&self) -> BTreeSet<Subject> {
        self.changes
            .iter()
            .filter_map(|change| change.subject(self.org))
            .collect()
    }

    /// Refuses a set that carries rows of another organization, or none at all. Every adapter calls it first.
    ///
    /// # Errors
    /// [`StoreErrorKind::CrossTenant`] for a foreign row, [`StoreErrorKind::Conflict`] for an empty set.
    pub fn check(&self) -> Result<(), StoreError> {
        if self.changes.is_empty() {
            let message = "a change set without a change: nothing to commit";
            return Err(StoreError::new(StoreErrorKind::Conflict, message).nothing_written());
        }
        let fits = |change: &Change| match change.reach() {
            Reach::Row(owner) => self.org == Some(owner),
            Reach::Tenant => self.org.is_some(),
            Reach::Instance => self.org.is_none(),
            Reach::Either => true,
        };
        if self.changes.iter().all(fits) {
            Ok(())
        } else {
            let message = "a change set carries a row of another organization; nothing was written";
            Err(StoreError::new(StoreErrorKind::CrossTenant, message).nothing_written())
        }
    }
}

/// A condition of a [`ChangeSet`], evaluated inside its transaction and inside its organization: a key or
/// credential of another organization does not exist for it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Guard {
    /// No credential stands in this slot.
    CredentialAbsent(CredentialSlot),
    /// The slot's credential exists at this generation.
    CredentialAt {
        /// Where it stands.
        slot: CredentialSlot,
        /// The generation that the caller has read.
        generation: u64,
    },
    /// The set's organization has this credential, and its record still has these bytes (compare-and-swap of a rotation).
    CredentialSealedIs {
        /// The credential.
        id: CredentialId,
        /// The bytes that the caller has read.
        sealed: Blob,
    },
    /// No instance secret has this name and version.
    InstanceSecretAbsent {
        /// What it is for.
        name: String,
        /// Its version.
        version: u32,
    },
    /// The instance secret still has these bytes (compare-and-swap of a rotation).
    InstanceSecretSealedIs {
        /// What it is for.
        name: String,
        /// Its version.
        version: u32,
        /// The bytes that the caller has read.
        sealed: Blob,
    },
    /// No key has this id, in any organization.
    KeyAbsent(KeyId),
    /// The key exists at this generation.
    KeyAt {
        /// The key.
        id: KeyId,
        /// The generation that the caller has read.
        generation: u64,
    },
    /// The key exists.
    KeyExists(KeyId),
    /// This version of the key of the set's organization is the active one.
    KeyVersionActive(u32),
    /// No check value is recorded for this master key version.
    MasterCheckAbsent(u32),
    /// A check value is recorded for this master key version.
    MasterCheckRecorded(u32),
    /// Nothing stands under this master key version: no organization key that is not destroyed, no instance secret.
    MasterVersionUnneeded(u32),
    /// No credential of the set's organization stands under these versions of its key, as the records' headers say.
    NoCredentialUnder {
        /// The versions.
        versions: RangeInclusive<u32>,
    },
    /// No organization has this name.
    OrganizationNameFree(String),
    /// The set's organization exists at this generation.
    OrganizationAt {
        /// The generation that the caller has read.
        generation: u64,
    },
    /// The set's organization has this project, at this generation.
    ProjectAt {
        /// The project.
        id: ProjectId,
        /// The generation that the caller has read.
        generation: u64,
    },
    /// The set's organization has this project.
    ProjectExists(ProjectId),
    /// The set's organization has no project of this name.
    ProjectNameFree(String),
    /// The secret still has this digest (compare-and-swap of an upgrade).
    SecretDigestIs {
        /// The key.
        key: KeyId,
        /// The secret's version.
        version: u32,
        /// The digest that the caller has verified against.
        digest: Blob,
    },
}

/// One change of a row. A change that finds no row to change fails the whole set.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Change {
    /// Removes a credential.
    DeleteCredential(CredentialId),
    /// Forgets the salt of the set's organization: its derived keys cannot be derived again from these rows.
    EraseOrganizationSalt,
    /// Adds an instance secret.
    InsertInstanceSecret(InstanceSecretRow),
    /// Adds a key with its first secret.
    InsertKey(KeyRow),
    /// Records a master key version's check value.
    InsertMasterCheck(MasterCheckRow),
    /// Adds the set's own organization.
    InsertOrganization(OrganizationRow),
    /// Adds a project.
    InsertProject(ProjectRow),
    /// Adds a secret to a key.
    InsertSecret {
        /// The key.
        key: KeyId,
        /// The secret; its version is not in use.
        secret: SecretRow,
    },
    /// Lifts a legal hold of the set's organization, or of the instance in a set of the instance.
    LiftHold(HoldId),
    /// Places a legal hold.
    PlaceHold(HoldRow),
    /// Saves a credential: adds it, or overwrites the one of the same id, whose `last_opened_at` stays. A record under a
    /// version of the organization's key that is not the active one is a [`Conflict`](StoreErrorKind::Conflict).
    PutCredential(CredentialRow),
    /// Removes the check value of a master key version: the instance does not need it any more.
    RemoveMasterCheck(u32),
    /// Replaces a digest, and touches nothing else.
    ReplaceDigest {
        /// The key.
        key: KeyId,
        /// The secret's version.
        version: u32,
        /// The new scheme's name.
        scheme: String,
        /// The new pepper's id.
        pepper: Option<u32>,
        /// The new digest.
        digest: Blob,
    },
    /// Replaces a credential's record and nothing else: the same secret under another key. A record under a version of the
    /// organization's key that is not the active one is a [`Conflict`](StoreErrorKind::Conflict).
    ResealCredential {
        /// The credential.
        id: CredentialId,
        /// The new record.
        sealed: Blob,
    },
    /// Replaces the record of an instance secret and nothing else.
    ResealInstanceSecret {
        /// What it is for.
        name: String,
        /// Its version.
        version: u32,
        /// The new record.
        sealed: Blob,
    },
    /// Ends a key for good. The first time stands: revoking again changes nothing.
    RevokeKey {
        /// The key.
        key: KeyId,
        /// When.
        at: UnixMicros,
    },
    /// Ends one secret for good. The first time stands.
    RevokeSecret {
        /// The key.
        key: KeyId,
        /// The secret's version.
        version: u32,
        /// When.
        at: UnixMicros,
    },
    /// Switches a credential off (`Some(when)`) or on again (`None`).
    SetCredentialDisabled {
        /// The credential.
        id: CredentialId,
        /// When it was switched off.
        at: Option<UnixMicros>,
    },
    /// Changes from when on a credential may not be used.
    SetCredentialExpiry {
        /// The credential.
        id: CredentialId,
        /// From when on; `None` is never.
        expires_at: Option<UnixMicros>,
    },
    /// Switches a key off (`Some(when)`) or on again (`None`).
    SetKeyDisabled {
        /// The key.
        key: KeyId,
        /// When it was switched off.
        at: Option<UnixMicros>,
    },
    /// Replaces what a key may use up.
    SetKeyLimits {
        /// The key.
        key: KeyId,
        /// The new limits.
        limits: LimitsRow,
    },
    /// Replaces what a key may call.
    SetKeyRules {
        /// The key.
        key: KeyId,
        /// The new rules.
        rules: RulesRow,
    },
    /// Replaces the addresses from which the set's organization may be used.
    SetOrganizationAllowlist {
        /// As the operator wrote them; `None` = unrestricted, an empty list = nowhere.
        allow_ips: Option<Vec<String>>,
    },
    /// Replaces what all keys of the set's organization may use up together.
    SetOrganizationCaps {
        /// The new caps; none is unrestricted.
        caps: Vec<CapRow>,
    },
    /// Writes versions of the key of the set's organization: those that are named are added or replaced, the others stay.
    SetOrganizationKeys {
        /// The versions.
        keys: Vec<OrgKeyRow>,
        /// The lowest version that may still open a record.
        min_decrypt_version: u32,
    },
    /// Shuts the set's organization out (`Some(when)`) or lets it in again (`None`).
    SetOrganizationSuspended {
        /// When it was shut out.
        at: Option<UnixMicros>,
    },
    /// Replaces what all keys of a project may use up together.
    SetProjectCaps {
        /// The project.
        project: ProjectId,
        /// The new caps; none is unrestricted.
        caps: Vec<CapRow>,
    },
    /// Replaces what was written of how long and how much is kept; a row with nothing written in it goes.
    SetRetention(RetentionRow),
    /// Brings a secret's end forward. An earlier end stands: an expiry is never extended.
    ShortenSecret {
        /// The key.
        key: KeyId,
        /// The secret's version.
        version: u32,
        /// From when on it is refused.
        expires_at: UnixMicros,
    },
}

impl Change {
    fn subject(&self, org: Option<OrgId>) -> Option<Subject> {
        match self {
            Self::InsertInstanceSecret(_)
            | Self::InsertMasterCheck(_)
            | Self::RemoveMasterCheck(_)
            | Self::ResealInstanceSecret { .. } => Some(Subject::Instance),
            Self::InsertOrganization(row) => Some(Subject::Organization(row.id)),
            Self::EraseOrganizationSalt
            | Self::SetOrganizationAllowlist { .. }
            | Self::SetOrganizationCaps { .. }
            | Self::SetOrganizationKeys { .. }
            | Self::SetOrganizationSuspended { .. } => org.map(Subject::Organization),
            // No node holds anything by them; what it samples by, it reads again with the organization.
            Self::PlaceHold(_) | Self::LiftHold(_) | Self::SetRetention(_) => {
                Some(org.map_or(Subject::Instance, Subject::Organization))
            }
            Self::SetProjectCaps { project, .. } => org.map(|org| Subject::Project(org, *project)),
            Self::InsertProject(row) => Some(Subject::Project(row.org, row.id)),
            Self::InsertKey(row) => Some(Subject::Key(row.org, row.id)),
            Self::InsertSecret { key, .. }
            | Self::ReplaceDigest { key, .. }
            | Self::RevokeKey { key, .. }
            | Self::RevokeSecret { key, .. }
            | Self::SetKeyDisabled { key, .. }
            | Self::SetKeyLimits { key, .. }
            | Self::SetKeyRules { key, .. }
            | Self::ShortenSecret { key, .. } => org.map(|org| Subject::Key(org, *key)),
            Self::PutCredential(row) => Some(Subject::Credential(row.slot.org, row.id)),
            Self::DeleteCredential(id)
            | Self::ResealCredential { id, .. }
            | Self::SetCredentialDisabled { id, .. }
            | Self::SetCredentialExpiry { id, .. } => org.map(|org| Subject::Credential(org, *id)),
        }
    }

    fn reach(&self) -> Reach {
        match self {
            Self::InsertInstanceSecret(_)
            | Self::InsertMasterCheck(_)
            | Self::RemoveMasterCheck(_)
            | Self::ResealInstanceSecret { .. } => Reach::Instance,
            Self::InsertOrganization(row) => Reach::Row(row.id),
            Self::InsertProject(row) => Reach::Row(row.org),
            Self::InsertKey(row) => Reach::Row(row.org),
            Self::PutCredential(row) => Reach::Row(row.slot.org),
            Self::PlaceHold(HoldRow { org, .. }) | Self::SetRetention(RetentionRow { org, .. }) => {
                org.map_or(Reach::Instance, Reach::Row)
            }
            Self::LiftHold(_) => Reach::Either,
            Self::DeleteCredential(_)
            | Self::EraseOrganizationSalt
            | Self::ResealCredential { .. }
            | Self::SetCredentialDisabled { .. }
            | Self::SetCredentialExpiry { .. }
            | Self::InsertSecret { .. }
            | Self::ReplaceDigest { .. }
            | Self::RevokeKey { .. }
            | Self::RevokeSecret { .. }
            | Self::SetKeyDisabled { .. }
            | Self::SetKeyLimits { .. }
            | Self::SetKeyRules { .. }
            | Self::SetOrganizationAllowlist { .. }
            | Self::SetOrganizationCaps { .. }
            | Self::SetOrganizationKeys { .. }
            | Self::SetOrganizationSuspended { .. }
            | Self::SetProjectCaps { .. }
            | Self::ShortenSecret { .. } => Reach::Tenant,
        }
    }
}

/// What became of a [`ChangeSet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a guard may have failed, and then nothing was written"]
pub enum Outcome {
    /// It is durable; the last sequence that it took in the change log.
    Committed {
        /// The sequence that nodes must have applied for the change to be seen everywhere.
        seq: u64,
    },
    /// The guard at this index did not hold; nothing was written.
    GuardFailed(usize),
}

/// How far a change reaches, for the tenant check.
enum Reach {
    /// It carries a row of this organization.
    Row(OrgId),
    /// It names a row, which the adapter looks up inside the set's organization.
    Tenant,
    /// It belongs to no organization.
    Instance,
    /// It names a row, which the adapter looks up among those of the set's organization, or of the instance.
    Either,
}
