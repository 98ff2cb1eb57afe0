//! The one table from actions to the classes, activities and severities of other schemas.

mod class;
mod entity;
mod ids;

pub(super) use class::{Activity, Class};
pub(super) use entity::Entity;
pub(super) use ids::{actor_id, target_id, target_version};

use super::severity::Severity;
use crate::{Action, Outcome, Record, RecordedActor, Word};

/// What other schemas call a record.
pub(super) struct Mapping<'a> {
    pub(super) class: Class<'a>,
    pub(super) activity: Activity,
    pub(super) severity: Severity,
    /// A sentence without any data.
    pub(super) message: String,
    /// Why, where the details say so.
    pub(super) cause: Option<&'a Word>,
}

impl<'a> Mapping<'a> {
    pub(super) fn of(record: &'a Record) -> Self {
        row(record).ended(record.outcome())
    }

    /// A call of a model, which is no record.
    pub(super) fn call(outcome: Outcome) -> Self {
        let (class, activity) = (Class::ApiActivity, Activity::CALL);
        Row::new(class, activity, Severity::Informational, "Model call").ended(outcome)
    }
}
/// One line of the table in `spec/audit-export.md`.
struct Row<'a> {
    class: Class<'a>,
    activity: Activity,
    /// The severity of the action done.
    done: Severity,
    caption: &'static str,
    cause: Option<&'a Word>,
}

impl<'a> Row<'a> {
    const fn new(
        class: Class<'a>,
        activity: Activity,
        done: Severity,
        caption: &'static str,
    ) -> Self {
        Self {
            class,
            activity,
            done,
            caption,
            cause: None,
        }
    }

    const fn because(self, cause: &'a Word) -> Self {
        Self {
            cause: Some(cause),
            ..self
        }
    }

    fn ended(self, outcome: Outcome) -> Mapping<'a> {
        let caption = self.caption;
        Mapping {
            class: self.class,
            activity: self.activity,
            severity: Severity::of(self.done, outcome),
            message: match outcome {
                Outcome::Done => caption.to_owned(),
                Outcome::Failed => format!("{caption}: failed"),
                Outcome::Refused => format!("{caption}: refused"),
            },
            cause: self.cause,
        }
    }
}

/// The table: every action has its line, and a new action does not compile without one.
fn row(record: &Record) -> Row<'_> {
    use Severity::{Critical, High, Informational as Info, Low, Medium};

    use Action as A;
    use Activity as Do;
    use Class::{ApplicationLifecycle as App, DetectionFinding as Finding, EntityManagement as On};
    use Entity as E;

    let row = Row::new;
    let target = On(E::Target(record.target()));
    match record.action() {
        A::AuditAnchorGivenUp(_) => row(Finding, Do::FINDING, High, "Audit anchor given up"),
        A::AuditErased(erased) => {
            row(On(E::Openings), Do::DELETE, Medium, "Private fields erased").because(&erased.cause)
        }
        A::AuditExported(_) => row(On(E::Log), Do::READ, Low, "Audit records exported"),
        A::AuditHead(_) => row(App, Do::HEAD, Info, "Audit head recorded"),
        A::AuditHeartbeat(_) => row(App, Do::HEARTBEAT, Info, "Heartbeat"),
        A::AuditKeyChanged(_) => row(On(E::Log), Do::UPDATE, Medium, "Audit signing key changed"),
        A::AuditLogCreated => row(On(E::Log), Do::CREATE, Info, "Audit log created"),
        A::AuditPruned(pruned) => {
            row(On(E::Records), Do::DELETE, Low, "Audit records pruned").because(&pruned.cause)
        }
        A::BreachEntered(entered) => row(
            On(E::Breach(entered.breach)),
            Do::UPDATE,
            Medium,
            "Entry in the register of breaches",
        ),
        A::ClockWentAhead(_) => row(Finding, Do::FINDING, Medium, "Clock went ahead"),
        A::ClockWentBack(_) => row(Finding, Do::FINDING, Medium, "Clock went back"),
        A::CredentialAdded => row(target, Do::CREATE, Low, "Credential added"),
        A::CredentialDeleted => row(target, Do::DELETE, Medium, "Credential deleted"),
        A::CredentialOpened => row(target, Do::READ, Info, "Credential opened"),
        A::CredentialReplaced => row(target, Do::UPDATE, Low, "Credential replaced"),
        A::CredentialDisabled => row(target, Do::DISABLE, Low, "Credential disabled"),
        A::CredentialEnabled => row(target, Do::ENABLE, Low, "Credential enabled"),
        A::CredentialExpiryChanged => row(target, Do::UPDATE, Low, "Credential expiry changed"),
        A::CredentialImported => row(target, Do::CREATE, Medium, "Plaintext credential imported"),
        A::DataPurged(purged) => {
            let data = On(E::Data(&purged.class));
            row(data, Do::DELETE, Low, "Retained data purged").because(&purged.cause)
        }
        A::GuardFailed(guard) => {
            row(Finding, Do::FINDING, Critical, "Append-only guard failed").because(&guard.cause)
        }
        A::GuardRestored => row(Finding, Do::RESOLVED, Info, "Append-only guard restored"),
        A::HoldPlaced(hold) => row(On(E::Hold(hold.hold)), Do::CREATE, Low, "Legal hold placed"),
        A::HoldReleased(hold) => row(
            On(E::Hold(hold.hold)),
            Do::DELETE,
            Medium,
            "Legal hold released",
        ),
        A::InstanceSecretCreated => row(
            On(E::InstanceSecret),
            Do::CREATE,
            Low,
            "Instance secret created",
        ),
        A::KeyAllowlistChanged => row(target, Do::UPDATE, Low, "API key allowlist changed"),
        A::KeyDigestUpgraded => row(target, Do::UPDATE, Info, "API key digest upgraded"),
        A::KeyDisabled => row(target, Do::DISABLE, Low, "API key disabled"),
        A::KeyEnabled => row(target, Do::ENABLE, Low, "API key enabled"),
        A::KeyLimitsChanged(_) => row(target, Do::UPDATE, Low, "API key limits changed"),
        A::KeyMinted => row(target, Do::CREATE, Low, "API key minted"),
        A::KeyRevoked => row(target, Do::DELETE, Low, "API key revoked"),
        A::KeyRotated => row(target, Do::UPDATE, Low, "API key rotated"),
        A::KeyRulesChanged => row(target, Do::UPDATE, Low, "API key rules changed"),
        A::KeySecretRevoked => row(target, Do::DELETE, Low, "API key secret revoked"),
        A::MasterKeyRegistered => row(
            On(E::MasterKey),
            Do::CREATE,
            Medium,
            "Master key registered",
        ),
        A::MasterKeyRotated => row(On(E::MasterKey), Do::UPDATE, Medium, "Master key rotated"),
        A::MasterKeyRetired => row(On(E::MasterKey), Do::DELETE, Medium, "Master key retired"),
        A::NodeStarted => row(App, Do::START, Info, "Node started"),
        A::NodeStopped => row(App, Do::STOP, Info, "Node stopped"),
        A::OrganizationAllowlistChanged => {
            row(target, Do::UPDATE, Low, "Organization allowlist changed")
        }
        A::OrganizationCreated => row(target, Do::CREATE, Low, "Organization created"),
        A::OrganizationDeleted => row(target, Do::DELETE, Medium, "Organization deleted"),
        A::OrganizationKeyActivated(_) => {
            row(target, Do::UPDATE, Medium, "Organization key activated")
        }
        A::OrganizationKeyAdded(_) => {
            row(target, Do::CREATE, Low, "Organization key version added")
        }
        A::OrganizationKeyDestroyed(_) => row(
            target,
            Do::DELETE,
            Medium,
            "Organization key version destroyed",
        ),
        A::OrganizationKeyDisabled(_) => row(
            target,
            Do::DISABLE,
            Medium,
            "Organization key version disabled",
        ),
        A::OrganizationKeyEnabled(_) => row(
            target,
            Do::ENABLE,
            Medium,
            "Organization key version enabled",
        ),
        A::OrganizationKeyMinimumRaised(_) => {
            row(target, Do::UPDATE, Low, "Organization key minimum raised")
        }
        A::OrganizationKeyResealed(_) => row(target, Do::UPDATE, Low, "Credentials sealed again"),
        A::OrganizationKeyRetired(_) => {
            row(target, Do::DISABLE, Low, "Organization key version retired")
        }
        A::OrganizationKeyRewrapped(_) => {
            row(target, Do::UPDATE, Medium, "Organization key rewrapped")
        }
        A::OrganizationKeyShredded(_) => row(target, Do::DELETE, High, "Organization key shredded"),
        A::OrganizationLimitsChanged(_) => {
            row(target, Do::UPDATE, Low, "Organization limits changed")
        }
        A::OrganizationResumed => row(target, Do::RESUME, Low, "Organization resumed"),
        A::OrganizationRetentionChanged(_) => {
            row(target, Do::UPDATE, Medium, "Organization retention changed")
        }
        A::OrganizationSuspended => row(target, Do::SUSPEND, Medium, "Organization suspended"),
        A::PricesChanged => row(On(E::Prices), Do::UPDATE, Low, "Prices changed"),
        A::ProjectCreated => row(target, Do::CREATE, Low, "Project created"),
        A::ProjectDeleted => row(target, Do::DELETE, Medium, "Project deleted"),
        A::ProjectLimitsChanged(_) => row(target, Do::UPDATE, Low, "Project limits changed"),
        A::ProjectResumed => row(target, Do::RESUME, Low, "Project resumed"),
        A::ProjectRetentionChanged(_) => {
            row(target, Do::UPDATE, Medium, "Project retention changed")
        }
        A::ProjectSuspended => row(target, Do::SUSPEND, Medium, "Project suspended"),
        // Who has shown no valid key has failed to log on; who has, and may not, has made a call.
        A::RequestRefused(refused) => match record.actor() {
            RecordedActor::Stranger => row(Class::Authentication, Do::LOGON, Info, "Request"),
            RecordedActor::Key(_)
            | RecordedActor::Operator
            | RecordedActor::System
            | RecordedActor::User => row(Class::ApiActivity, Do::DENIED_CALL, Info, "Request"),
        }
        .because(&refused.cause),
        A::RoleGranted(role) => row(
            Class::UserAccess(&role.role),
            Do::ASSIGN,
            Medium,
            "Role granted",
        ),
        A::RoleRevoked(role) => row(
            Class::UserAccess(&role.role),
            Do::REVOKE,
            Low,
            "Role revoked",
        ),
    }
}
