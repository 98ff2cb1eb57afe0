//! From drafts and refusals to events of the log.

use std::net::IpAddr;

use portcullis_audit::{
    Action, Actor, Event, KeyId, ObjectId, Outcome, PrivateText, Refused, Settings, Target,
    Timestamp,
};
use portcullis_store::{ActorKind, AuditAction, AuditDraft, AuditTarget, NotSealed, UnixMicros};

/// What a record says beyond the draft that its change was committed with.
#[derive(Clone, Default)]
pub(crate) struct Said {
    /// More than the draft's word.
    pub(crate) action: Option<Action>,
    /// The request of the embedding gateway that asked for it.
    pub(crate) request: Option<ObjectId>,
}

impl From<Action> for Said {
    fn from(action: Action) -> Self {
        Self {
            action: Some(action),
            request: None,
        }
    }
}

/// The event of an admin action.
pub(crate) fn of_draft(draft: &AuditDraft, said: Option<&Said>) -> Result<Event, NotSealed> {
    let action = said.and_then(|said| said.action.clone());
    let action = action.map_or_else(|| of_action(draft.action()), Ok)?;
    let acting = Acting {
        at: timestamp(draft.at()),
        actor: actor(draft.actor())?,
        address: draft.address(),
        request: said.and_then(|said| said.request),
    };
    Ok(acting.did_to(action, target(draft.target())?))
}

/// Who acts, when, from where, in which request: what the records of an action have in common.
#[derive(Clone)]
pub(crate) struct Acting {
    pub(crate) at: Timestamp,
    pub(crate) actor: Actor,
    pub(crate) address: Option<IpAddr>,
    pub(crate) request: Option<ObjectId>,
}

impl Acting {
    /// The gateway itself, now.
    pub(crate) fn system(at: UnixMicros) -> Self {
        Self {
            at: timestamp(at),
            actor: Actor::System,
            address: None,
            request: None,
        }
    }

    /// Something that concerns the gateway, or the log itself.
    pub(crate) fn did(&self, action: Action) -> Event {
        self.did_to(action, Target::Instance)
    }

    pub(crate) fn did_to(&self, action: Action, target: Target) -> Event {
        let mut event = Event::new(self.at, self.actor.clone(), action, target);
        if let Some(address) = self.address {
            event = event.address(address);
        }
        if let Some(request) = self.request {
            event = event.request(request);
        }
        event
    }
}

/// Who acts, as the log names it.
pub(crate) fn actor(actor: &portcullis_store::Actor) -> Result<Actor, NotSealed> {
    let text = |id: &str| {
        PrivateText::new(id).map_err(|why| NotSealed(format!("an actor cannot be recorded: {why}")))
    };
    Ok(match actor.kind() {
        ActorKind::Operator => Actor::Operator(text(actor.id())?),
        ActorKind::User => Actor::User(text(actor.id())?),
        ActorKind::System => Actor::System,
        // The list may grow; somebody who cannot be named is not recorded as somebody else.
        other => return Err(NotSealed(format!("this version cannot record a {other:?}"))),
    })
}

/// The event of a request that was refused.
pub(crate) fn of_refusal(acting: &Acting, target: Target, refused: Refused) -> Event {
    let event = acting.did_to(Action::RequestRefused(refused), target);
    event.outcome(Outcome::Refused)
}

pub(crate) fn timestamp(at: UnixMicros) -> Timestamp {
    Timestamp::from_micros(at.0)
}

pub(crate) fn key_id(id: &portcullis_store::KeyId) -> Result<KeyId, NotSealed> {
    KeyId::parse(id.as_str()).map_err(|why| NotSealed(why.to_string()))
}

fn target(target: AuditTarget) -> Result<Target, NotSealed> {
    Ok(match target {
        AuditTarget::Credential(id) => Target::Credential(ObjectId::from_bytes(*id.as_bytes())),
        AuditTarget::Instance => Target::Instance,
        AuditTarget::Key(id) => Target::Key(key_id(&id)?),
        AuditTarget::KeySecret(id, version) => Target::KeySecret(key_id(&id)?, version),
        AuditTarget::Organization(id) => Target::Organization(ObjectId::from_bytes(*id.as_bytes())),
        AuditTarget::Project(id) => Target::Project(ObjectId::from_bytes(*id.as_bytes())),
        other => return Err(NotSealed(format!("this version cannot record {other:?}"))),
    })
}

fn of_action(action: AuditAction) -> Result<Action, NotSealed> {
    let changed = || Settings::new(Vec::new()).map_err(|why| NotSealed(why.to_string()));
    Ok(match action {
        AuditAction::CredentialAdded => Action::CredentialAdded,
        AuditAction::CredentialDeleted => Action::CredentialDeleted,
        AuditAction::CredentialReplaced => Action::CredentialReplaced,
        AuditAction::InstanceSecretCreated => Action::InstanceSecretCreated,
        AuditAction::KeyDigestUpgraded => Action::KeyDigestUpgraded,
        AuditAction::KeyDisabled => Action::KeyDisabled,
        AuditAction::KeyEnabled => Action::KeyEnabled,
        AuditAction::KeyLimitsChanged => Action::KeyLimitsChanged(changed()?),
        AuditAction::OrganizationLimitsChanged => Action::OrganizationLimitsChanged(changed()?),
        AuditAction::ProjectLimitsChanged => Action::ProjectLimitsChanged(changed()?),
        AuditAction::OrganizationRetentionChanged => {
            Action::OrganizationRetentionChanged(changed()?)
        }
        AuditAction::ProjectRetentionChanged => Action::ProjectRetentionChanged(changed()?),
        // Their records name the hold, which a draft cannot: they come with an action that says more.
        AuditAction::HoldPlaced | AuditAction::HoldReleased => {
            return Err(NotSealed(format!(
                "{action} is recorded with its hold only"
            )));
        }
        AuditAction::KeyMinted => Action::KeyMinted,
        AuditAction::KeyRevoked => Action::KeyRevoked,
        AuditAction::KeyRotated => Action::KeyRotated,
        AuditAction::KeyRulesChanged => Action::KeyRulesChanged,
        AuditAction::KeySecretRevoked => Action::KeySecretRevoked,
        AuditAction::MasterKeyRegistered => Action::MasterKeyRegistered,
        AuditAction::OrganizationAllowlistChanged => Action::OrganizationAllowlistChanged,
        AuditAction::OrganizationCreated => Action::OrganizationCreated,
        AuditAction::OrganizationResumed => Action::OrganizationResumed,
        AuditAction::OrganizationSuspended => Action::OrganizationSuspended,
        AuditAction::ProjectCreated => Action::ProjectCreated,
        AuditAction::CredentialDisabled => Action::CredentialDisabled,
        AuditAction::CredentialEnabled => Action::CredentialEnabled,
        AuditAction::CredentialExpiryChanged => Action::CredentialExpiryChanged,
        AuditAction::CredentialImported => Action::CredentialImported,
        AuditAction::MasterKeyRetired => Action::MasterKeyRetired,
        AuditAction::MasterKeyRotated => Action::MasterKeyRotated,
        AuditAction::OrganizationKeyActivated => Action::OrganizationKeyActivated(changed()?),
        AuditAction::OrganizationKeyAdded => Action::OrganizationKeyAdded(changed()?),
        AuditAction::OrganizationKeyDestroyed => Action::OrganizationKeyDestroyed(changed()?),
        AuditAction::OrganizationKeyDisabled => Action::OrganizationKeyDisabled(changed()?),
        AuditAction::OrganizationKeyEnabled => Action::OrganizationKeyEnabled(changed()?),
        AuditAction::OrganizationKeyMinimumRaised => {
            Action::OrganizationKeyMinimumRaised(changed()?)
        }
        AuditAction::OrganizationKeyResealed => Action::OrganizationKeyResealed(changed()?),
        AuditAction::OrganizationKeyRetired => Action::OrganizationKeyRetired(changed()?),
        AuditAction::OrganizationKeyRewrapped => Action::OrganizationKeyRewrapped(changed()?),
        AuditAction::OrganizationKeyShredded => Action::OrganizationKeyShredded(changed()?),
        other => return Err(NotSealed(format!("this version cannot record {other:?}"))),
    })
}
