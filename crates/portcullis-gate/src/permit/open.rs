//! Opening a permit is the dispatch: what was decided is decided again, and the credential is opened.

use std::sync::Arc;
use std::time::Duration;

use portcullis_envelope::SealingKey;
use portcullis_limits::Held;

use super::{Permit, Provider};
use crate::authenticate::replaced_secret;
use crate::call::Call;
use crate::clock::Reading;
use crate::convert::{self, BadRow};
use crate::credential::Credential;
use crate::node::Node;
use crate::node::vault::{OrgState, SealedCredential};
use crate::refusal::{Refusal, Unavailable, Unusable};
use crate::traces::Traced;
use crate::vault::keys::{Material, OrgKeys};
use crate::vault::trouble::KeyTrouble;

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
            let newer;
            let current = if org.has_credential(found) {
                found
            } else {
                newer = org.credential_by_id(found.id).ok_or_else(|| {
                    let slot = &found.slot;
                    caller.missing_credential(slot.provider.as_str(), slot.name.as_str())
                })?;
                &newer
            };
            caller.check_credential(current, now)?;
            match unseal(&caller.node, org, current, now).await {
                Ok((credential, has_waited)) => {
                    caller.node.opens.note(current, convert::micros(now.utc));
                    caller.record_opening(current.id, now);
                    return Ok((credential, has_waited));
                }
                // Sealed again under another key meanwhile: a rotation is no trouble of the caller's.
                Err(_) if attempts > 0 && !org.has_credential(current) => attempts -= 1,
                Err(why) => return Err(self.not_opened(current, &why)),
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
        bill.running = self.held.map(Held::dispatch);
        let traced = Traced::begin(&self.caller, self.provider, self.model, now);
        Call::begin(self.caller, bill, traced, now)
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
    let open = |key: &SealingKey| {
        let opened = credential.open(key).map_err(NotOpened::Record);
        opened.map(Credential::new)
    };
    let rules = org.rules();
    if let Material::Derived(key) = known(&rules.keys)?.for_opening(version)? {
        return Ok((open(key)?, false));
    }
    // Whoever waits holds on to the keys, and not to the rules.
    let keys = Arc::clone(&rules.keys);
    drop(rules);
    let key = node.vault.opening_key(known(&keys)?, version, now).await?;
    // What was withdrawn while it was fetched is not used, and not kept.
    if let Err(why) = known(&org.rules().keys)?.for_opening(version) {
        node.vault.cache.forget_organization(org.id.as_bytes());
        return Err(why.into());
    }
    Ok((open(&key)?, true))
}

/// The versions of an organization's key, if its row could be read.
fn known(keys: &Result<OrgKeys, BadRow>) -> Result<&OrgKeys, KeyTrouble> {
    keys.as_ref().map_err(|why| why.clone().into())
}

/// How long a permit may be kept before it is opened.
const PERMIT_LIFETIME: Duration = Duration::from_secs(60);
/// How often a credential is looked up again that was sealed under another key while it was opened.
const ATTEMPTS: u8 = 3;
/// When to come back, if the key service did not say.
const RETRY_AFTER: Duration = Duration::from_secs(1);
