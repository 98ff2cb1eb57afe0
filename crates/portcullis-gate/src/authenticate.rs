//! Whose key is it? One SHA-256 block, no allocation, nothing that waits.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use portcullis_key::{DigestContext, PresentedKey, Slot as CompareSlot};
use portcullis_scope::ScopeRefusal;
use portcullis_store::KeyId;

use crate::caller::Caller;
use crate::client::Client;
use crate::clock::Reading;
use crate::convert;
use crate::node::Node;
use crate::node::slot::{Rules, Secret, Slot};
use crate::presented::Presented;
use crate::refusal::Refusal;
use crate::traces::Traces;

/// The answer to [`Gate::authenticate`](crate::Gate::authenticate): ready at once on a node that holds its rules in
/// memory, and still a future, because a gate that reads its store has the same interface.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Authenticate {
    answer: Option<Result<Caller, Refusal>>,
}

impl Authenticate {
    pub(crate) fn now(node: &Arc<Node>, presented: &Presented, client: Client) -> Self {
        let answer = authenticate(node, presented, client).map_err(|refusal| {
            let refusal = if refusal.is_before_secret() {
                node.flood.judge(refusal, client.resolved(&node.address_source))
            } else {
                refusal
            };
            if !matches!(refusal, Refusal::TooManyAttempts { .. }) {
                // Those are counted, and logged together: a flood must not fill the log.
                tracing::info!(code = refusal.code(), peer = ?client.peer(), why = %refusal, "refused");
            }
            let request = Traces::refused_holder(node, &refusal);
            node.record_refusal(&refusal, client, request);
            refusal
        });
        Self {
            answer: Some(answer),
        }
    }
}

impl Future for Authenticate {
    type Output = Result<Caller, Refusal>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        self.answer.take().map_or(Poll::Pending, Poll::Ready)
    }
}

/// `spec/decisions.md`, part A.
fn authenticate(
    node: &Arc<Node>,
    presented: &Presented,
    client: Client,
) -> Result<Caller, Refusal> {
    let key = PresentedKey::parse(presented.as_bytes())?;
    let now = node.clock.now();
    node.freshness.check(now)?;

    let slot = KeyId::from_bytes(*key.id().as_bytes())
        .ok()
        .and_then(|id| node.keys.pin().get(&id).cloned());
    let (slot, matched) = match_secret(node, &key, slot)?;
    // The signal first, then the rules once more: what ends after this reading of the rules ends this signal, and
    // what ended before it is seen in them. The rules that the secret was matched with may be older than the signal.
    let signal = matched.cell.signal();
    let rules = slot.rules();
    let secret = rules
        .secret(matched.version)
        .ok_or_else(|| replaced_secret(&slot))?;

    let client = client.resolved(&node.address_source);
    check_standing(node, &slot, &rules, secret, client, now)?;
    if let Err(why) = secret.scope.check_environment(&node.environments) {
        return Err(Refusal::Scope { key: slot.id, why });
    }
    node.uses.note(slot.id, secret, convert::micros(now.utc));
    // The digest that was verified, so that an upgrade replaces that one and no other.
    node.replace_obsolete_digest(&key, &slot, &matched);
    drop(rules);
    Ok(Caller::new(
        Arc::clone(node),
        slot,
        matched.version,
        signal,
        client,
    ))
}

/// Steps A4 and A5: the same work whether the id is known or not.
fn match_secret(
    node: &Node,
    key: &PresentedKey<'_>,
    slot: Option<Arc<Slot>>,
) -> Result<(Arc<Slot>, Arc<Secret>), Refusal> {
    let rules = slot.as_ref().map(|slot| slot.rules());
    let secrets = rules.as_ref().map_or([None, None], |rules| {
        let [current, grace] = &rules.secrets;
        [current.as_ref(), grace.as_ref()]
    });
    let org = slot.as_ref().map_or(&NO_ORG, |slot| slot.org.id.as_bytes());
    let compare = secrets.map(|secret| {
        secret.map(|secret| CompareSlot {
            secret_version: secret.version,
            digest: &secret.digest,
        })
    });
    let matched = node.digester.load().verify_slots(key, org, compare);
    let secret = matched
        .and_then(|index| secrets.get(index).copied().flatten())
        .cloned();

    match (slot, secret) {
        (None, _) => Err(unknown(key)),
        (Some(slot), _) if *slot.prefix != *key.prefix() => Err(Refusal::WrongPrefix(slot.id)),
        (Some(slot), None) => Err(Refusal::WrongSecret(slot.id)),
        (Some(slot), Some(secret)) => Ok((slot, secret)),
    }
}

/// The checks that every decision repeats: status, expiry, organization, the client's address.
pub(crate) fn check_standing(
    node: &Node,
    slot: &Slot,
    rules: &Rules,
    secret: &Secret,
    client: Client,
    now: Reading,
) -> Result<(), Refusal> {
    node.freshness.check(now)?;
    if let Err(why) = secret.scope.check_standing(now.utc) {
        return Err(Refusal::Scope { key: slot.id, why });
    }
    let org = slot.org.rules();
    if org.suspended {
        return Err(Refusal::OrganizationSuspended {
            key: slot.id,
            org: slot.org_id(),
        });
    }
    client.check(slot.id, rules, &org)
}

/// The refusal of a caller whose secret is not among the two newest any more.
pub(crate) fn replaced_secret(slot: &Slot) -> Refusal {
    Refusal::Scope {
        key: slot.id,
        why: ScopeRefusal::KeyRevoked,
    }
}

fn unknown(key: &PresentedKey<'_>) -> Refusal {
    // A parsed id is base62, so it is always a key id.
    KeyId::from_bytes(*key.id().as_bytes()).map_or(Refusal::NoCredential, Refusal::UnknownKey)
}

impl Node {
    /// Queues a digest of an old scheme or pepper for replacement, now that its secret is at hand.
    fn replace_obsolete_digest(&self, key: &PresentedKey<'_>, slot: &Slot, secret: &Secret) {
        let digester = self.digester.load();
        if digester.is_obsolete(&secret.digest) {
            let context = DigestContext {
                org: slot.org.id.as_bytes(),
                secret_version: secret.version,
            };
            self.upgrades
                .queue(slot, secret, &digester.digest(key, &context));
        }
    }
}

/// Stands in for the organization of a key that does not exist.
static NO_ORG: [u8; 16] = [0; 16];
