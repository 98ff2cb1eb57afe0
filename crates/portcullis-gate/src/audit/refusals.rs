//! Which refusals are recorded, and where; and what is recorded of requests that pass.

use portcullis_audit::{Action, Actor, ObjectId, Target};
use portcullis_store::{CredentialId, KeyId, LogId, RequestId};

use super::events::{self, Acting};
use crate::caller::Caller;
use crate::client::Client;
use crate::clock::Reading;
use crate::convert;
use crate::node::Node;
use crate::refusal::Refusal;

impl Node {
    /// Records a refusal: in the organization's log when a secret had matched, in the system log otherwise. What says something about
    /// the gate only, such as a store that does not answer, is not recorded. `request` is our id of it, if it has one.
    pub(crate) fn record_refusal(
        &self,
        refusal: &Refusal,
        client: Client,
        request: Option<RequestId>,
    ) {
        let (holder, named) = who(refusal);
        let log = match (holder, named) {
            (Some(key), _) => {
                let Some(slot) = self.keys.pin().get(&key).cloned() else {
                    return;
                };
                LogId::Organization(slot.org_id())
            }
            (None, Some(_)) => LogId::System,
            (None, None) if is_of_a_stranger(refusal) => LogId::System,
            (None, None) => return,
        };
        let now = self.clock.now();
        // Made for the few that are recorded only: what an id costs would tell a stranger which ids there are.
        let event = |refused| {
            let key = |key: KeyId| events::key_id(&key).ok();
            let acting = Acting {
                actor: holder.and_then(key).map_or(Actor::Stranger, Actor::Key),
                address: client.resolved(&self.address_source).ip(),
                request: request.map(|id| ObjectId::from_bytes(*id.as_bytes())),
                ..Acting::system(convert::micros(now.utc))
            };
            let target = holder.or(named).and_then(key);
            let target = target.map_or(Target::Instance, Target::Key);
            events::of_refusal(&acting, target, refused)
        };
        self.recorder.refused(log, refusal.code(), now, event);
    }
}

impl Caller {
    /// Records that a credential was opened for this caller's request: the first time of each day.
    pub(crate) fn record_opening(&self, credential: CredentialId, now: Reading) {
        let node = &self.node;
        let event = || {
            let acting = Acting {
                actor: events::key_id(&self.key()).map_or(Actor::System, Actor::Key),
                address: self.client().resolved(&node.address_source).ip(),
                ..Acting::system(convert::micros(now.utc))
            };
            let target = Target::Credential(ObjectId::from_bytes(*credential.as_bytes()));
            acting.did_to(Action::CredentialOpened, target)
        };
        let log = LogId::Organization(self.org());
        node.recorder.opened(log, credential, now, event);
    }
}

/// Whose secret had matched; or which key that there is was named without it.
fn who(refusal: &Refusal) -> (Option<KeyId>, Option<KeyId>) {
    match refusal {
        Refusal::Scope { key, .. }
        | Refusal::OrganizationSuspended { key, .. }
        | Refusal::AddressNotAllowed { key, .. }
        | Refusal::Limit { key, .. } => (Some(*key), None),
        Refusal::WrongPrefix(key) | Refusal::WrongSecret(key) => (None, Some(*key)),
        // An id that nobody has is text of a client; it is not recorded.
        Refusal::UnknownKey(_)
        | Refusal::NoCredential
        | Refusal::MalformedCredential
        | Refusal::ConflictingCredentials
        | Refusal::MalformedKey(_)
        | Refusal::TooManyAttempts { .. }
        | Refusal::Unbounded(_)
        | Refusal::UnsupportedEndpoint
        | Refusal::Body(_)
        | Refusal::BodyTooLong { .. }
        | Refusal::BodyCutShort
        | Refusal::MissingCredential { .. }
        | Refusal::CredentialUnusable { .. }
        | Refusal::KeyServiceUnavailable { .. }
        | Refusal::Unavailable(_)
        | Refusal::NoCaller
        | Refusal::Upstream
        | Refusal::CredentialRejected => (None, None),
    }
}

fn is_of_a_stranger(refusal: &Refusal) -> bool {
    refusal.is_before_secret() || matches!(refusal, Refusal::TooManyAttempts { .. })
}
