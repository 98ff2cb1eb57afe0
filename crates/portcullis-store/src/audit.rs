use std::fmt;

use crate::{CredentialId, KeyId, OrgId, ProjectId, UnixMicros};

/// Who did what to what, and when: what an action leaves behind in the same transaction as its change.
///
/// Typed ids only; there is no field that takes free text, so a secret cannot be recorded by mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditDraft {
    at: UnixMicros,
    actor: Actor,
    action: AuditAction,
    target: AuditTarget,
}

impl AuditDraft {
    /// The draft of one action.
    #[must_use]
    pub fn new(at: UnixMicros, actor: Actor, action: AuditAction, target: AuditTarget) -> Self {
        Self {
            at,
            actor,
            action,
            target,
        }
    }

    /// When it was done.
    #[must_use]
    pub fn at(&self) -> UnixMicros {
        self.at
    }

    /// Who did it.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// What was done.
    #[must_use]
    pub fn action(&self) -> AuditAction {
        self.action
    }

    /// To what it was done.
    #[must_use]
    pub fn target(&self) -> AuditTarget {
        self.target
    }
}

/// Who acts: every admin call carries one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    kind: ActorKind,
    id: Box<str>,
}

impl Actor {
    /// A person or script with the operator's access: a login name, an e-mail address, a job's name.
    ///
    /// # Errors
    /// An empty id, one longer than 128 bytes, or one with control characters.
    pub fn operator(id: &str) -> Result<Self, InvalidActor> {
        Self::new(ActorKind::Operator, id)
    }

    /// A user that the embedding gateway has authenticated, by the gateway's own id.
    ///
    /// # Errors
    /// An empty id, one longer than 128 bytes, or one with control characters.
    pub fn user(id: &str) -> Result<Self, InvalidActor> {
        Self::new(ActorKind::User, id)
    }

    /// Portcullis itself: first start, digest upgrades.
    #[must_use]
    pub fn system() -> Self {
        Self {
            kind: ActorKind::System,
            id: "portcullis".into(),
        }
    }

    /// The kind of actor.
    #[must_use]
    pub fn kind(&self) -> ActorKind {
        self.kind
    }

    /// The actor's id within its kind.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    fn new(kind: ActorKind, id: &str) -> Result<Self, InvalidActor> {
        if id.is_empty() || id.len() > 128 || id.chars().any(char::is_control) {
            return Err(InvalidActor { length: id.len() });
        }
        Ok(Self {
            kind,
            id: id.into(),
        })
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.as_str(), self.id)
    }
}

/// The kind of an [`Actor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ActorKind {
    /// Has the operator's access to the machine and its files.
    Operator,
    /// Portcullis itself.
    System,
    /// Was authenticated by the embedding gateway.
    User,
}

impl ActorKind {
    /// The stored word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::System => "system",
            Self::User => "user",
        }
    }
}

/// An actor's id that cannot be recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an actor's id has 1 to 128 bytes and no control characters; this one has {length} bytes")]
pub struct InvalidActor {
    length: usize,
}

/// Declares the closed list of actions with the words under which they are recorded.
macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// What was done: a closed list, so that a record's word can be searched and counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum AuditAction { $($(#[$doc])* $name,)* }

        impl AuditAction {
            /// The recorded word, `subject.verb`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

actions! {
    /// A credential was stored for the first time.
    CredentialAdded = "credential.added",
    /// A credential was removed.
    CredentialDeleted = "credential.deleted",
    /// A credential was overwritten.
    CredentialReplaced = "credential.replaced",
    /// A secret of the instance (such as a pepper) was made.
    InstanceSecretCreated = "instance_secret.created",
    /// A key's digest was brought to the preferred scheme.
    KeyDigestUpgraded = "key.digest_upgraded",
    /// A key was switched off, reversibly.
    KeyDisabled = "key.disabled",
    /// A disabled key was switched on again.
    KeyEnabled = "key.enabled",
    /// A key was made.
    KeyMinted = "key.minted",
    /// A key was ended for good.
    KeyRevoked = "key.revoked",
    /// A key got a further secret.
    KeyRotated = "key.rotated",
    /// What a key may use up was changed.
    KeyLimitsChanged = "key.limits_changed",
    /// A key's providers or models were changed.
    KeyRulesChanged = "key.rules_changed",
    /// One secret of a key was ended for good.
    KeySecretRevoked = "key.secret_revoked",
    /// A master key version was used here for the first time.
    MasterKeyRegistered = "master_key.registered",
    /// The addresses from which an organization's keys may be used were changed.
    OrganizationAllowlistChanged = "organization.allowlist_changed",
    /// An organization was made.
    OrganizationCreated = "organization.created",
    /// What an organization may use up was changed.
    OrganizationLimitsChanged = "organization.limits_changed",
    /// A suspended organization was let in again.
    OrganizationResumed = "organization.resumed",
    /// An organization was shut out, reversibly.
    OrganizationSuspended = "organization.suspended",
    /// A project was made.
    ProjectCreated = "project.created",
    /// What a project may use up was changed.
    ProjectLimitsChanged = "project.limits_changed",
}

/// To what it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuditTarget {
    /// A credential.
    Credential(CredentialId),
    /// The instance as a whole.
    Instance,
    /// A key.
    Key(KeyId),
    /// One secret of a key, by its version.
    KeySecret(KeyId, u32),
    /// An organization.
    Organization(OrgId),
    /// A project.
    Project(ProjectId),
}

impl fmt::Display for AuditTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential(id) => write!(f, "credential:{id}"),
            Self::Instance => f.write_str("instance"),
            Self::Key(id) => write!(f, "key:{id}"),
            Self::KeySecret(id, version) => write!(f, "key:{id}/secret:{version}"),
            Self::Organization(id) => write!(f, "organization:{id}"),
            Self::Project(id) => write!(f, "project:{id}"),
        }
    }
}
