//! May this call be made? The answer is a value that nobody else can make.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portcullis_limits::Claim;
use portcullis_store::RequestId;

use crate::authenticate::{check_standing, replaced_secret};
use crate::call::{Bill, Call};
use crate::caller::Caller;
use crate::clock::Reading;
use crate::convert;
use crate::credential::Credential;
use crate::dispatch::{CredentialChoice, Dispatch, Target};
use crate::limits::demand::{Demanded, Meters};
use crate::limits::hold::Hold;
use crate::node::Node;
use crate::node::slot::{Rules, Secret};
use crate::node::vault::{OrgState, SealedCredential, Wanted};
use crate::refusal::{Refusal, Unavailable, Unusable};
use crate::traces::Traced;
use crate::vault::keys::Material;
use crate::vault::trouble::KeyTrouble;

/// The proof that a dispatch was allowed, and the only ticket to a credential. It has no public constructor.
///
/// Dropping it sends nothing and gives back what was held for it. Keeping it gains nothing: [`open`](Permit::open) asks the rules again, and a permit
/// older than a minute is refused.
#[must_use = "a permit that is dropped sends nothing"]
pub struct Permit {
    caller: Caller,
    given: Reading,
    provider: Provider,
    model: Arc<str>,
    hold: Option<Hold>,
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
        let (mut permit, claim, meters) = self.check(dispatch)?;
        let given = permit.given;
        if let Some(claim) = claim {
            let held = self.node.hold(&self.slot.org, claim, given.utc).await;
            let held = held.map_err(|why| self.not_held(why, &meters, given))?;
            permit.hold = Some(held);
        }
        // Now that its own part is taken: what is told to be left is there for the next one.
        permit.bill.limits = self.rate_limits(&meters, given);
        Ok(permit)
    }

    /// All that is decided at once; what has to be held is left to do.
    fn check(&self, dispatch: &Dispatch<'_>) -> Result<(Permit, Option<Claim>, Meters), Refusal> {
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
        let Demanded {
            bill,
            claim,
            meters,
        } = self.demand(dispatch, &rules, given)?;
        let permit = Permit {
            caller: self.clone(),
            given,
            provider,
            model: self.recorded_model(dispatch),
            hold: None,
            bill,
        };
        Ok((permit, claim, meters))
    }

    /// What each decision asks again: freshness, the secret's standing, the organization's, and the signal.
    fn check_standing(&self, rules: &Rules, secret: &Secret, now: Reading) -> Result<(), Refusal> {
        check_standing(&self.node, &self.slot, rules, secret, self.client(), now)?;
        if self.signal.token().is_cancelled() {
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

impl Permit {
    /// Opens the credential and begins the call: this is the dispatch (`spec/decisions.md`, part C).
    ///
    /// # Errors
    /// The [`Refusal`] of what changed since the permit was given, or [`Refusal::MissingCredential`],
    /// [`Refusal::CredentialUnusable`], [`Refusal::KeyServiceUnavailable`].
    ///
    /// # Security
    /// The credential is opened into memory that is wiped when it is dropped.
    pub async fn open(self) -> Result<(Call, Credential), Refusal> {
        let opened = self.opened().await;
        let (now, credential) = opened.inspect_err(|refusal| self.refused(refusal))?;
        Ok((self.begin(now), credential))
    }

    /// Begins a call that needs no credential.
    ///
    /// # Errors
    /// The [`Refusal`] of what changed since the permit was given.
    pub async fn open_without_credential(self) -> Result<Call, Refusal> {
        let checked = self.check();
        let now = checked.inspect_err(|refusal| self.refused(refusal))?;
        Ok(self.begin(now))
    }

    fn refused(&self, refusal: &Refusal) {
        let provider = self.provider.name();
        let caller = &self.caller;
        caller.trace(
            refusal,
            caller.note_not_opened(refusal, provider, &self.model),
        );
    }

    fn check(&self) -> Result<Reading, Refusal> {
        let caller = &self.caller;
        let now = caller.node.clock.now();
        if now
            .age_of(self.given)
            .is_none_or(|age| age > PERMIT_LIFETIME)
        {
            return Err(Refusal::Unavailable(Unavailable::PermitExpired));
        }
        let rules = caller.slot.rules();
        let secret = rules
            .secret(caller.version)
            .ok_or_else(|| replaced_secret(&caller.slot))?;
        caller.check_standing(&rules, secret, now)?;
        Ok(now)
    }

    /// The credential, and the moment by whose rules it was opened. It waits only where a key service has to be asked; whatever
    /// was decided before is decided again then.
    async fn opened(&self) -> Result<(Reading, Credential), Refusal> {
        let now = self.check()?;
        let (credential, has_waited) = self.open_credential(now).await?;
        let now = if has_waited { self.check()? } else { now };
        Ok((now, credential))
    }

    async fn open_credential(&self, now: Reading) -> Result<(Credential, bool), Refusal> {
        let found = match &self.provider {
            Provider::WithCredential(found) => found,
            Provider::Without(provider) => {
                return Err(self.caller.missing_credential(provider, "default"));
            }
        };
        let (caller, org) = (&self.caller, &self.caller.slot.org);
        let mut attempts = ATTEMPTS;
        loop {
            // It may have been overwritten since: what is opened is what is stored now.
            let current = org.credential_by_id(found.id).ok_or_else(|| {
                let slot = &found.slot;
                caller.missing_credential(slot.provider.as_str(), slot.name.as_str())
            })?;
            caller.check_credential(&current, now)?;
            match unseal(&caller.node, org, &current, now).await {
                Ok((credential, has_waited)) => {
                    caller.node.opens.note(&current, convert::micros(now.utc));
                    caller.record_opening(current.id, now);
                    return Ok((credential, has_waited));
                }
                // Sealed again under another key meanwhile: a rotation is no trouble of the caller's.
                Err(_) if attempts > 0 && is_outdated(org, &current) => attempts -= 1,
                Err(why) => return Err(self.not_opened(&current, &why)),
            }
        }
    }

    fn not_opened(&self, credential: &SealedCredential, why: &NotOpened) -> Refusal {
        tracing::error!(credential = %credential.id, %why, "a stored credential does not open");
        match why {
            NotOpened::Key(trouble) if trouble.is_temporary() => Refusal::KeyServiceUnavailable {
                provider: credential.slot.provider.as_str().into(),
                why: why.to_string().into(),
                retry_after: trouble.retry_after().unwrap_or(RETRY_AFTER),
            },
            NotOpened::Key(_) | NotOpened::Record(_) => {
                let why = why.to_string().into();
                self.caller
                    .unusable(credential, Unusable::Unreadable { why })
            }
        }
    }

    fn begin(self, now: Reading) -> Call {
        let mut bill = self.bill;
        bill.charge = self.hold.map(Hold::dispatch);
        let traced = Traced::begin(&self.caller, self.model, now);
        Call::begin(self.caller, self.provider, bill, traced, now)
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}

/// Why a credential did not open: for the operator.
#[derive(Debug, thiserror::Error)]
enum NotOpened {
    #[error(transparent)]
    Key(#[from] KeyTrouble),
    #[error("{0}")]
    Record(Box<str>),
}

/// Opens a credential, and says whether somebody had to be waited for.
async fn unseal(
    node: &Node,
    org: &OrgState,
    credential: &SealedCredential,
    now: Reading,
) -> Result<(Credential, bool), NotOpened> {
    let version = credential.key_version().map_err(NotOpened::Record)?;
    let keys = Arc::clone(&org.rules().keys);
    let known = (*keys)
        .as_ref()
        .map_err(|why| KeyTrouble::from(why.clone()))?;
    let (key, has_waited) = match known.for_opening(version)? {
        Material::Derived(key) => (Arc::clone(key), false),
        Material::Wrapped { .. } => {
            let key = node.vault.opening_key(known, version, now).await?;
            // What was withdrawn while it was fetched is not used, and not kept.
            let current = Arc::clone(&org.rules().keys);
            let current = (*current)
                .as_ref()
                .map_err(|why| KeyTrouble::from(why.clone()))?;
            if let Err(why) = current.for_opening(version) {
                node.vault.cache.forget_organization(org.id.as_bytes());
                return Err(why.into());
            }
            (key, true)
        }
    };
    let opened = credential.open(&key).map_err(NotOpened::Record)?;
    Ok((Credential::new(opened), has_waited))
}

/// Whether a credential was replaced since it was looked up.
fn is_outdated(org: &OrgState, credential: &Arc<SealedCredential>) -> bool {
    let current = org.credential_by_id(credential.id);
    current.is_none_or(|current| !Arc::ptr_eq(&current, credential))
}

/// How long a permit may be kept before it is opened.
const PERMIT_LIFETIME: Duration = Duration::from_secs(60);
/// How often a credential is looked up again that was sealed under another key while it was opened.
const ATTEMPTS: u8 = 3;
/// When to come back, if the key service did not say.
const RETRY_AFTER: Duration = Duration::from_secs(1);
