//! What belongs to the instance itself: which digests it accepts, its peppers, and which master keys it knows.

mod secret;

use std::sync::Arc;

use portcullis_audit::Ed25519Signer;
use portcullis_envelope::MasterKeys;
use portcullis_key::{Digester, Pepper, PepperRing};
use portcullis_retention::SamplingKey;
use portcullis_store::{
    Actor, AuditAction, AuditDraft, AuditTarget, Change, ChangeSet, Guard, InstanceSecretRow,
    MasterCheckRow, UnixMicros,
};

use self::secret::{LOG_KEY, PEPPER, SAMPLING_KEY, Secret};
use crate::OpenError;
use crate::audit::events::Said;
use crate::audit::policy::AuditPolicy;
use crate::audit::sealer::Sealer;
use crate::clock::Clock;
use crate::convert;
use crate::stores::Stores;

/// Which digests of keys are accepted, and which one is written: a closed set, chosen by configuration and never by
/// a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DigestPolicy {
    /// SHA-256 over the key's public id and its secret: one compression, and a stolen table gives away nothing. Who
    /// can *write* the table can plant a key.
    #[default]
    Sha256,
    /// HMAC-SHA-256 under a sealed pepper: who writes the table cannot plant a key. `sha256` digests are refused.
    HmacSha256,
    /// HMAC-SHA-256, while `sha256` digests are still accepted and replaced when they are used: for changing over.
    HmacSha256WhileSha256IsReplaced,
}

/// The digester for a policy, with the peppers of the instance's sealed secrets.
pub(crate) fn digester(
    policy: DigestPolicy,
    secrets: &[InstanceSecretRow],
    master: &MasterKeys,
) -> Result<Digester, OpenError> {
    match policy {
        DigestPolicy::Sha256 => Ok(Digester::sha256()),
        DigestPolicy::HmacSha256 => Ok(Digester::hmac_sha256(peppers(secrets, master)?)),
        DigestPolicy::HmacSha256WhileSha256IsReplaced => {
            Ok(Digester::hmac_sha256(peppers(secrets, master)?).also_accept_sha256())
        }
    }
}

/// Makes what a first start lacks: the check values of new master key versions, and a pepper if the policy needs one.
/// A master key that is not the one this instance was made with is refused before anything is written. The digester is
/// made of what is stored in the end, whoever stored it.
pub(crate) async fn prepare(
    stores: &Stores,
    master: &MasterKeys,
    policy: DigestPolicy,
    audit: AuditPolicy,
    clock: &dyn Clock,
) -> Result<(Digester, Arc<Sealer>), OpenError> {
    let known = stores.master_checks().await?;
    check_master(&known, master)?;
    let secrets = stores.instance_secrets().await?;
    let has_pepper = !PEPPER.versions(&secrets).is_empty();
    if policy == DigestPolicy::Sha256 && has_pepper {
        return Err(OpenError::DigestPolicyWeaker);
    }
    let sealer = sealer(stores, master, &secrets, audit, clock).await?;
    for version in master
        .versions()
        .filter(|v| !known.iter().any(|row| row.version == *v))
    {
        register_master(stores, master, version, clock, &sealer).await?;
    }
    if policy != DigestPolicy::Sha256 && !has_pepper {
        create(&PEPPER, stores, master, clock, &sealer).await?;
    }
    let digester = digester(policy, &stores.instance_secrets().await?, master)?;
    Ok((digester, sealer))
}

/// What continues the audit logs. The first start makes the key that signs them, and records that in the log which it begins:
/// before anything else, since nothing is changed without a record.
async fn sealer(
    stores: &Stores,
    master: &MasterKeys,
    secrets: &[InstanceSecretRow],
    policy: AuditPolicy,
    clock: &dyn Clock,
) -> Result<Arc<Sealer>, OpenError> {
    if let Some(signer) = log_key(secrets, master)? {
        return Sealer::open(stores, signer, policy, clock).await;
    }
    let (seed, set) = LOG_KEY.draw(master, convert::micros(clock.now().utc))?;
    let signer = Ed25519Signer::from_seed(&seed);
    let first = Sealer::first(signer, &policy)?;
    // A guard that fails: another process was faster, and its key is the one to use.
    let _outcome = stores
        .commit_recorded(set, &first, clock, Said::default())
        .await?;
    let signer = log_key(&stores.instance_secrets().await?, master)?;
    let signer = signer.ok_or(OpenError::LogKeyMissing)?;
    Sealer::open(stores, signer, policy, clock).await
}

/// Compares the check values that were recorded with those of the keys at hand.
///
/// # Errors
/// A version that is recorded and not here, or that is here with another key.
pub(crate) fn check_master(known: &[MasterCheckRow], master: &MasterKeys) -> Result<(), OpenError> {
    for row in known {
        let version = row.version;
        let Ok(value) = master.check_value(version) else {
            let held = master.versions().collect();
            return Err(OpenError::MasterVersionMissing { version, held });
        };
        if value.0 != row.check_value {
            return Err(OpenError::MasterKeyWrong { version });
        }
    }
    Ok(())
}

async fn register_master(
    stores: &Stores,
    master: &MasterKeys,
    version: u32,
    clock: &dyn Clock,
    sealer: &Arc<Sealer>,
) -> Result<(), OpenError> {
    let now = convert::micros(clock.now().utc);
    let check_value = master.check_value(version)?.0;
    let row = MasterCheckRow {
        version,
        check_value,
        created_at: now,
    };
    let set = system_change(now, AuditAction::MasterKeyRegistered)
        .require(Guard::MasterCheckAbsent(version))
        .change(Change::InsertMasterCheck(row));
    // A guard that fails: another process was faster. Whether with the same key is checked again.
    let _outcome = stores
        .commit_recorded(set, sealer, clock, Said::default())
        .await?;
    check_master(&stores.master_checks().await?, master)
}

/// The newest key that signs the heads of the audit logs, if there is one.
pub(crate) fn log_key(
    secrets: &[InstanceSecretRow],
    master: &MasterKeys,
) -> Result<Option<Ed25519Signer>, OpenError> {
    let newest = LOG_KEY.versions(secrets).pop();
    let seed = newest.map(|row| LOG_KEY.open(row, master)).transpose()?;
    Ok(seed.map(|seed| Ed25519Signer::from_seed(&seed)))
}

/// What decides which bodies are kept: made when it is first needed, and the same on all nodes.
pub(crate) async fn sampling_key(
    stores: &Stores,
    master: &MasterKeys,
    clock: &dyn Clock,
    sealer: &Arc<Sealer>,
) -> Result<SamplingKey, OpenError> {
    let mut secrets = stores.instance_secrets().await?;
    if SAMPLING_KEY.versions(&secrets).is_empty() {
        create(&SAMPLING_KEY, stores, master, clock, sealer).await?;
        secrets = stores.instance_secrets().await?;
    }
    // The first one for good: another one would choose other requests.
    let first = SAMPLING_KEY.versions(&secrets).into_iter().next();
    let row = first.ok_or(OpenError::NoRandomness)?;
    let key = SamplingKey::new(SAMPLING_KEY.open(row, master)?);
    key.map_err(|why| SAMPLING_KEY.unusable(row.version, &why))
}

async fn create(
    secret: &Secret,
    stores: &Stores,
    master: &MasterKeys,
    clock: &dyn Clock,
    sealer: &Arc<Sealer>,
) -> Result<(), OpenError> {
    let (_read_again, set) = secret.draw(master, convert::micros(clock.now().utc))?;
    // A guard that fails: another process was faster, and its secret is the one to use.
    let _outcome = stores
        .commit_recorded(set, sealer, clock, Said::default())
        .await?;
    Ok(())
}

/// All peppers, the newest as the current one.
fn peppers(secrets: &[InstanceSecretRow], master: &MasterKeys) -> Result<PepperRing, OpenError> {
    let rows = PEPPER.versions(secrets);
    let pepper = |row| PEPPER.open(row, master).map(Pepper::from);
    let (current, retired) = rows.split_last().ok_or(OpenError::PepperMissing)?;
    let mut ring = PepperRing::builder(current.version, pepper(current)?);
    for row in retired {
        ring = ring.retired(row.version, pepper(row)?);
    }
    ring.build()
        .map_err(|why| PEPPER.unusable(current.version, &why))
}

fn system_change(now: UnixMicros, action: AuditAction) -> ChangeSet {
    ChangeSet::instance(AuditDraft::new(
        now,
        Actor::system(),
        action,
        AuditTarget::Instance,
    ))
}
