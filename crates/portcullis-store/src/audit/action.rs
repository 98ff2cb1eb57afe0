use std::fmt;
use std::str::FromStr;

/// Declares the closed list of actions with the words under which they are recorded.
macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// What was done: a closed list, so that a record's word can be searched and counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum AuditAction { $($(#[$doc])* $name,)* }

        impl AuditAction {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The recorded word, `subject.verb`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

impl AuditAction {
    /// Whether it takes access away. Such a change takes effect even where it cannot be recorded at once: its record waits in the
    /// outbox of the log.
    #[must_use]
    pub fn ends_access(self) -> bool {
        matches!(
            self,
            Self::CredentialDisabled
                | Self::KeyDisabled
                | Self::KeyRevoked
                | Self::KeySecretRevoked
                | Self::OrganizationKeyDisabled
                | Self::OrganizationSuspended
        )
    }
}

impl fmt::Display for AuditAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for AuditAction {
    type Err = UnknownAction;

    fn from_str(word: &str) -> Result<Self, UnknownAction> {
        let found = Self::ALL.iter().find(|action| action.as_str() == word);
        found.copied().ok_or(UnknownAction)
    }
}

/// A word that no action is recorded under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no action is recorded under that word: it was written by a newer version, or by hand")]
pub struct UnknownAction;

actions! {
    /// A credential was stored for the first time.
    CredentialAdded = "credential.added",
    /// A credential was removed.
    CredentialDeleted = "credential.deleted",
    /// A credential was switched off, reversibly.
    CredentialDisabled = "credential.disabled",
    /// A disabled credential was switched on again.
    CredentialEnabled = "credential.enabled",
    /// From when on a credential may not be used was changed.
    CredentialExpiryChanged = "credential.expiry_changed",
    /// A credential that an older system kept in plain was taken over.
    CredentialImported = "credential.imported",
    /// A credential was overwritten.
    CredentialReplaced = "credential.replaced",
    /// A legal hold was placed.
    HoldPlaced = "hold.placed",
    /// A legal hold was lifted.
    HoldReleased = "hold.released",
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
    /// A master key version is not needed any more.
    MasterKeyRetired = "master_key.retired",
    /// What stood under other master key versions was sealed anew under the active one.
    MasterKeyRotated = "master_key.rotated",
    /// The addresses from which an organization's keys may be used were changed.
    OrganizationAllowlistChanged = "organization.allowlist_changed",
    /// An organization was made.
    OrganizationCreated = "organization.created",
    /// What an organization may use up was changed.
    OrganizationLimitsChanged = "organization.limits_changed",
    /// How long, or how much, is kept of an organization was changed; of the instance, if that is the target.
    OrganizationRetentionChanged = "organization.retention_changed",
    /// A suspended organization was let in again.
    OrganizationResumed = "organization.resumed",
    /// An organization was shut out, reversibly.
    OrganizationSuspended = "organization.suspended",
    /// A version of an organization's key seals from now on; the one before opens only.
    OrganizationKeyActivated = "organization_key.activated",
    /// An organization's key got a further version, which waits to be activated.
    OrganizationKeyAdded = "organization_key.added",
    /// A version of an organization's key was destroyed; no record needed it.
    OrganizationKeyDestroyed = "organization_key.destroyed",
    /// A version of an organization's key was switched off, whatever it sealed.
    OrganizationKeyDisabled = "organization_key.disabled",
    /// A disabled version of an organization's key opens again.
    OrganizationKeyEnabled = "organization_key.enabled",
    /// Versions of an organization's key below a number do not open any more.
    OrganizationKeyMinimumRaised = "organization_key.minimum_raised",
    /// Credentials were sealed again under the active version of their organization's key.
    OrganizationKeyResealed = "organization_key.resealed",
    /// A version of an organization's key was switched off; no record needed it.
    OrganizationKeyRetired = "organization_key.retired",
    /// An organization's key was wrapped again, by another key service or key.
    OrganizationKeyRewrapped = "organization_key.rewrapped",
    /// All versions of an organization's key were destroyed, with what they sealed.
    OrganizationKeyShredded = "organization_key.shredded",
    /// A project was made.
    ProjectCreated = "project.created",
    /// What a project may use up was changed.
    ProjectLimitsChanged = "project.limits_changed",
    /// How long, or how much, is kept of a project was changed.
    ProjectRetentionChanged = "project.retention_changed",
}
