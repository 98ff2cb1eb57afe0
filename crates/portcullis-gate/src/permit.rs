//! May this call be made? The answer is a value that nobody else can make.

use std::fmt;
use std::sync::Arc;

use portcullis_limits::{Ask, Held};
use portcullis_store::RequestId;

use crate::authenticate::{check_standing, replaced_secret};
use crate::call::Bill;
use crate::caller::Caller;
use crate::clock::Reading;
use crate::dispatch::{CredentialChoice, Dispatch, Target};
use crate::limits::demand::{Demanded, Meters};
use crate::node::slot::{Rules, Secret};
use crate::node::vault::{SealedCredential, Wanted};
use crate::refusal::{Refusal, Unavailable, Unusable};
use crate::traces::Word;

mod open;

/// The proof that a dispatch was allowed, and the only ticket to a credential. It has no public constructor.
///
/// Dropping it sends nothing and gives back what was held for it. Keeping it gains nothing: [`open`](Permit::open) asks the rules again, and a permit
/// older than a minute is refused.
#[must_use = "a permit that is dropped sends nothing"]
pub struct Permit {
    caller: Caller,
    given: Reading,
    provider: Provider,
    model: Word,
    held: Option<Held>,
    bill: Bill,
}

/// The provider of a permit and of its call: of the credential that was found, or by name.
pub(crate) enum Provider {
    WithCredential(Arc<SealedCredential>),
    Without(Box<str>),
}

impl Provider {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::WithCredential(found) => found.slot.provider.as_str(),
            Self::Without(provider) => provider,
        }
    }
}

impl Default for Provider {
    /// None.
    fn default() -> Self {
        Self::Without(Box::default())
    }
}

impl Caller {
    /// Decides about one attempt, by the rules and the clock of this moment (`spec/decisions.md`, part B).
    ///
    /// It is ready at once, but for a spend cap whose chunk has run out: then it waits for a durable debit, at most for
    /// [`FreshnessPolicy::bound`](crate::FreshnessPolicy::bound), and refuses. Dropping it while it waits takes nothing.
    ///
    /// # Errors
    /// The [`Refusal`] of the first check that fails.
    pub async fn authorize(&self, dispatch: Dispatch<'_>) -> Result<Permit, Refusal> {
        let permit = self.decide(&dispatch).await;
        permit.inspect_err(|refusal| {
            self.trace(refusal, self.note_refused(refusal, Some(&dispatch)));
        })
    }

    fn trace(&self, refusal: &Refusal, request: RequestId) {
        tracing::info!(key = %self.key(), code = refusal.code(), why = %refusal, "refused");
        let (client, request) = (self.client(), Some(request));
        self.node.record_refusal(refusal, client, request);
    }

    async fn decide(&self, dispatch: &Dispatch<'_>) -> Result<Permit, Refusal> {
        let (mut permit, ask, meters) = self.check(dispatch)?;
        let given = permit.given;
        if let Some(ask) = ask {
            let held = self.node.hold(&self.slot.org, ask, given.utc).await;
            let held = held.map_err(|why| self.not_held(why, &meters, given))?;
            permit.held = Some(held);
        }
        // Now that its own part is taken: what is told to be left is there for the next one.
        permit.bill.limits = self.rate_limits(&meters, given);
        Ok(permit)
    }

    /// All that is decided at once; what has to be held is left to do.
    fn check(&self, dispatch: &Dispatch<'_>) -> Result<(Permit, Option<Ask>, Meters), Refusal> {
        let given = self.node.clock.now();
        let rules = self.slot.rules();
        let secret = rules
            .secret(self.version)
            .ok_or_else(|| replaced_secret(&self.slot))?;
        self.check_standing(&rules, secret, given)?;
        let scope = |why| Refusal::Scope {
            key: self.key(),
            why,
        };
        secret
            .scope
            .check_provider(dispatch.provider)
            .map_err(scope)?;
        match &dispatch.target {
            Target::Model(model) => secret.scope.check_model(Some(model)).map_err(scope)?,
            Target::Opaque => secret.scope.check_model(None).map_err(scope)?,
            Target::ModelList => {}
        }
        let provider = match dispatch.credential {
            CredentialChoice::None => Provider::Without(dispatch.provider.into()),
            CredentialChoice::Named(name) => {
                let wanted = Wanted {
                    project: self.slot.project,
                    environment: &self.slot.environment,
                    provider: dispatch.provider,
                    name,
                };
                let found = self.slot.org.credential(wanted);
                let found = found.ok_or_else(|| self.missing_credential(dispatch.provider, name));
                let found = found?;
                self.check_credential(&found, given)?;
                Provider::WithCredential(found)
            }
        };
        let Demanded { bill, ask, meters } = self.demand(dispatch, &rules, given)?;
        let permit = Permit {
            caller: self.clone(),
            given,
            provider,
            model: self.recorded_model(dispatch),
            held: None,
            bill,
        };
        Ok((permit, ask, meters))
    }

    /// What each decision asks again: freshness, the secret's standing, the organization's, and the signal.
    fn check_standing(&self, rules: &Rules, secret: &Secret, now: Reading) -> Result<(), Refusal> {
        check_standing(&self.node, &self.slot, rules, secret, self.client(), now)?;
        if self.signal.is_given() {
            // Cut and in force again since: switched off and on, suspended and resumed. Whoever began before begins
            // anew, because a signal that was given does not come back.
            return Err(Refusal::Unavailable(Unavailable::Stale));
        }
        Ok(())
    }

    fn missing_credential(&self, provider: &str, name: &str) -> Refusal {
        Refusal::MissingCredential {
            provider: provider.into(),
            name: name.into(),
            hint: self.credential_hint(provider),
        }
    }

    /// Whether a credential may be used, as its row says. Told to the caller as one that is missing is.
    fn check_credential(&self, found: &SealedCredential, now: Reading) -> Result<(), Refusal> {
        let standing = found.standing.check(now.utc);
        standing.map_err(|why| self.unusable(found, why.into()))
    }

    fn unusable(&self, found: &SealedCredential, why: Unusable) -> Refusal {
        let provider = found.slot.provider.as_str();
        Refusal::CredentialUnusable {
            provider: provider.into(),
            name: found.slot.name.as_str().into(),
            hint: self.credential_hint(provider),
            why,
        }
    }

    fn credential_hint(&self, provider: &str) -> Option<Box<str>> {
        let hint = self.node.credential_hint.as_deref();
        hint.map(|hint| hint.replace("{provider}", provider).into())
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}
