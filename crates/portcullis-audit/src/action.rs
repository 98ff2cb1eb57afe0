//! What was done: a closed list, so that a record's word can be searched and counted.

mod details;

pub use details::{
    AnchorGivenUp, BreachEntry, Change, ClockStep, Erased, Exported, GuardReport, Heartbeat, Hold,
    LogHead, LogKey, Pruned, Purged, Refused, RoleChange, Settings, TooManyChanges,
};
pub(crate) use details::{Details, RawDetails};

use crate::json::Object;

/// Declares the actions, with the words under which they are recorded and the details that some of them carry.
macro_rules! actions {
    (
        words { $($(#[$doc:meta])* $name:ident = $word:literal,)* }
        with_details { $($(#[$with_doc:meta])* $with:ident($details:ty) = $with_word:literal,)* }
    ) => {
        /// What was done.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Action {
            $($(#[$doc])* $name,)*
            $($(#[$with_doc])* $with($details),)*
        }

        impl Action {
            /// Every recorded word.
            pub const WORDS: &[&str] = &[$($word,)* $($with_word,)*];

            /// The recorded word, `subject.verb`.
            #[must_use]
            pub const fn word(&self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                    $(Self::$with(_) => $with_word,)*
                }
            }

            /// Writes the member `details`, if there are any.
            pub(crate) fn write_details(&self, record: &mut Object<'_>) {
                match self {
                    $(Self::$name => {})*
                    $(Self::$with(details) => record.object("details", |object| details.write(object)),)*
                }
            }

            /// Puts a word and its details together again.
            pub(crate) fn read(word: &str, details: Option<&RawDetails<'_>>) -> Option<Self> {
                match word {
                    $($word => details.is_none().then_some(Self::$name),)*
                    $($with_word => <$details>::read(details?).map(Self::$with),)*
                    _ => None,
                }
            }
        }
    };
}

actions! {
    words {
        /// The log was begun: its record 0.
        AuditLogCreated = "audit.log_created",
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
        /// A credential was decrypted, to be used or shown.
        CredentialOpened = "credential.opened",
        /// A credential was overwritten.
        CredentialReplaced = "credential.replaced",
        /// The guard that keeps rows from being changed is in force again.
        GuardRestored = "guard.restored",
        /// A secret of the instance (such as a pepper) was made.
        InstanceSecretCreated = "instance_secret.created",
        /// The addresses from which a key may be used were changed.
        KeyAllowlistChanged = "key.allowlist_changed",
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
        /// A key's providers or models were changed.
        KeyRulesChanged = "key.rules_changed",
        /// One secret of a key was ended for good.
        KeySecretRevoked = "key.secret_revoked",
        /// A master key version was used here for the first time.
        MasterKeyRegistered = "master_key.registered",
        /// A master key version is not needed any more.
        MasterKeyRetired = "master_key.retired",
        /// All records were sealed anew under another master key version.
        MasterKeyRotated = "master_key.rotated",
        /// A node began to serve.
        NodeStarted = "node.started",
        /// A node stopped in good order.
        NodeStopped = "node.stopped",
        /// The addresses from which an organization's keys may be used were changed.
        OrganizationAllowlistChanged = "organization.allowlist_changed",
        /// An organization was made.
        OrganizationCreated = "organization.created",
        /// An organization was removed.
        OrganizationDeleted = "organization.deleted",
        /// A suspended organization was let in again.
        OrganizationResumed = "organization.resumed",
        /// An organization was shut out, reversibly.
        OrganizationSuspended = "organization.suspended",
        /// The price list was replaced.
        PricesChanged = "prices.changed",
        /// A project was made.
        ProjectCreated = "project.created",
        /// A project was removed.
        ProjectDeleted = "project.deleted",
        /// A suspended project was let in again.
        ProjectResumed = "project.resumed",
        /// A project was shut out, reversibly.
        ProjectSuspended = "project.suspended",
    }
    with_details {
        /// A head that is kept outside of the database was given up, after a backup was restored.
        AuditAnchorGivenUp(AnchorGivenUp) = "audit.anchor_given_up",
        /// Openings were deleted: private fields cannot be read any more.
        AuditErased(Erased) = "audit.erased",
        /// Records left the gateway.
        AuditExported(Exported) = "audit.exported",
        /// The head of another log, kept in the system log.
        AuditHead(LogHead) = "audit.head",
        /// Nothing else may have happened; the log is alive.
        AuditHeartbeat(Heartbeat) = "audit.heartbeat",
        /// The heads of this log are signed by another key from the next batch on.
        AuditKeyChanged(LogKey) = "audit.key_changed",
        /// The oldest records are about to be removed.
        AuditPruned(Pruned) = "audit.pruned",
        /// The register of breaches got an entry, which says more than this record may.
        BreachEntered(BreachEntry) = "breach.entered",
        /// The clock stands earlier than it did.
        ClockWentBack(ClockStep) = "clock.went_back",
        /// The clock jumped ahead further than time can have passed.
        ClockWentAhead(ClockStep) = "clock.went_ahead",
        /// Data of some class were removed.
        DataPurged(Purged) = "data.purged",
        /// The guard that keeps rows from being changed was found missing or weakened.
        GuardFailed(GuardReport) = "guard.failed",
        /// A legal hold was placed: nothing of the target may be removed.
        HoldPlaced(Hold) = "hold.placed",
        /// A legal hold was lifted.
        HoldReleased(Hold) = "hold.released",
        /// The caps of a key were changed.
        KeyLimitsChanged(Settings) = "key.limits_changed",
        /// The caps of an organization were changed.
        OrganizationLimitsChanged(Settings) = "organization.limits_changed",
        /// How long, or how much, is kept of an organization was changed.
        OrganizationRetentionChanged(Settings) = "organization.retention_changed",
        /// A version of an organization's key seals from now on; the one before opens only.
        OrganizationKeyActivated(Settings) = "organization_key.activated",
        /// An organization's key got a further version, which waits to be activated.
        OrganizationKeyAdded(Settings) = "organization_key.added",
        /// A version of an organization's key was destroyed; no record needed it.
        OrganizationKeyDestroyed(Settings) = "organization_key.destroyed",
        /// A version of an organization's key was switched off, whatever it sealed.
        OrganizationKeyDisabled(Settings) = "organization_key.disabled",
        /// A disabled version of an organization's key opens again.
        OrganizationKeyEnabled(Settings) = "organization_key.enabled",
        /// Versions of an organization's key below a number do not open any more.
        OrganizationKeyMinimumRaised(Settings) = "organization_key.minimum_raised",
        /// Credentials were sealed again under the active version of their organization's key.
        OrganizationKeyResealed(Settings) = "organization_key.resealed",
        /// A version of an organization's key was switched off; no record needed it.
        OrganizationKeyRetired(Settings) = "organization_key.retired",
        /// An organization's key was wrapped again, by another key service or key.
        OrganizationKeyRewrapped(Settings) = "organization_key.rewrapped",
        /// All versions of an organization's key were destroyed, with what they sealed.
        OrganizationKeyShredded(Settings) = "organization_key.shredded",
        /// The caps of a project were changed.
        ProjectLimitsChanged(Settings) = "project.limits_changed",
        /// How long, or how much, is kept of a project was changed.
        ProjectRetentionChanged(Settings) = "project.retention_changed",
        /// A request was refused. Of many with the same cause only some are recorded.
        RequestRefused(Refused) = "request.refused",
        /// A user got a role.
        RoleGranted(RoleChange) = "role.granted",
        /// A role was taken from a user.
        RoleRevoked(RoleChange) = "role.revoked",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_unique_and_has_a_subject_and_a_verb() {
        for (at, word) in Action::WORDS.iter().enumerate() {
            assert!(!Action::WORDS[..at].contains(word), "{word}");
            let (subject, verb) = word.split_once('.').unwrap();
            for part in [subject, verb] {
                assert!(
                    part.bytes()
                        .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
                );
            }
        }
    }
}
