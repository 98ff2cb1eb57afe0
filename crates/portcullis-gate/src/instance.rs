//! What belongs to the instance itself: which digests it accepts, its peppers, and which master keys it knows.

use std::sync::Arc;

use getrandom::SysRng;
use portcullis_envelope::{Context, MasterKeys, RecordType, SealedRecord, open, seal};
use portcullis_key::{Digester, Pepper, PepperRing};
use portcullis_retention::SamplingKey;
use portcullis_store::{
    Actor, AuditAction, AuditDraft, AuditTarget, Blob, Change, ChangeSet, Guard, InstanceSecretRow,
    MasterCheckRow, UnixMicros,
};
use zeroize::Zeroizing;

use crate::OpenError;
use crate::audit::events::Said;
use crate::audit::log_key;
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
    let has_pepper = secrets.iter().any(|row| row.name == PEPPER);
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
        create_secret(PEPPER, stores, master, clock, &sealer).await?;
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
    if let Some(signer) = log_key::newest(secrets, master)? {
        return Sealer::open(stores, signer, policy, clock).await;
    }
    let now = convert::micros(clock.now().utc);
    let version = 1;
    let (signer, row) = log_key::create(master, version, now)?;
    let set = system_change(now, AuditAction::InstanceSecretCreated)
        .require(Guard::InstanceSecretAbsent {
            name: log_key::LOG_KEY.to_owned(),
            version,
        })
        .change(Change::InsertInstanceSecret(row));
    let first = Sealer::first(signer, &policy)?;
    // A guard that fails: another process was faster, and its key is the one to use.
    let _outcome = stores
        .commit_recorded(set, &first, clock, Said::default())
        .await?;
    let signer = log_key::newest(&stores.instance_secrets().await?, master)?;
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

/// What decides which bodies are kept: made when it is first needed, and the same on all nodes.
pub(crate) async fn sampling_key(
    stores: &Stores,
    master: &MasterKeys,
    clock: &dyn Clock,
    sealer: &Arc<Sealer>,
) -> Result<SamplingKey, OpenError> {
    let is_key = |row: &&InstanceSecretRow| row.name == SAMPLING_KEY;
    let mut secrets = stores.instance_secrets().await?;
    if !secrets.iter().any(|row| is_key(&row)) {
        create_secret(SAMPLING_KEY, stores, master, clock, sealer).await?;
        secrets = stores.instance_secrets().await?;
    }
    // The first one for good: another one would choose other requests.
    let first = secrets.iter().filter(is_key).min_by_key(|row| row.version);
    let row = first.ok_or(OpenError::NoRandomness)?;
    let bytes = secret(SAMPLING_KEY, row, master)?;
    SamplingKey::new(bytes).map_err(|why| unreadable(SAMPLING_KEY, row, &why))
}

/// Makes version 1 of a secret of 32 random bytes.
async fn create_secret(
    name: &'static str,
    stores: &Stores,
    master: &MasterKeys,
    clock: &dyn Clock,
    sealer: &Arc<Sealer>,
) -> Result<(), OpenError> {
    let now = convert::micros(clock.now().utc);
    let version = 1;
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut bytes[..]).map_err(|_| OpenError::NoRandomness)?;
    let key = master.sealing_key(master.active_version())?;
    let context = Context::instance_secret(name, u64::from(version))?;
    let sealed = seal(
        &key,
        RecordType::InstanceSecret,
        &context,
        &bytes[..],
        &mut SysRng,
    )
    .map_err(|why| OpenError::InstanceSecret {
        name,
        version,
        why: why.to_string(),
    })?;
    let row = InstanceSecretRow {
        name: name.to_owned(),
        version,
        sealed: Blob::from(sealed.as_bytes()),
        created_at: now,
    };
    let set = system_change(now, AuditAction::InstanceSecretCreated)
        .require(Guard::InstanceSecretAbsent {
            name: name.to_owned(),
            version,
        })
        .change(Change::InsertInstanceSecret(row));
    // A guard that fails: another process was faster, and its secret is the one to use.
    let _outcome = stores
        .commit_recorded(set, sealer, clock, Said::default())
        .await?;
    Ok(())
}

/// All peppers, the newest as the current one.
fn peppers(secrets: &[InstanceSecretRow], master: &MasterKeys) -> Result<PepperRing, OpenError> {
    let mut rows: Vec<_> = secrets.iter().filter(|row| row.name == PEPPER).collect();
    rows.sort_by_key(|row| row.version);
    let (current, retired) = rows.split_last().ok_or(OpenError::PepperMissing)?;
    let mut ring = PepperRing::builder(current.version, pepper(current, master)?);
    for row in retired {
        ring = ring.retired(row.version, pepper(row, master)?);
    }
    ring.build()
        .map_err(|why| unreadable(PEPPER, current, &why))
}

fn pepper(row: &InstanceSecretRow, master: &MasterKeys) -> Result<Pepper, OpenError> {
    secret(PEPPER, row, master).map(Pepper::from)
}

/// Opens a secret of 32 bytes.
fn secret(
    name: &'static str,
    row: &InstanceSecretRow,
    master: &MasterKeys,
) -> Result<Zeroizing<[u8; 32]>, OpenError> {
    let unreadable = |why: &dyn ToString| unreadable(name, row, why);
    let record = SealedRecord::parse(row.sealed.as_slice()).map_err(|why| unreadable(&why))?;
    let key = master.sealing_key(record.header().key_version())?;
    let context = Context::instance_secret(name, u64::from(row.version))?;
    let plain = open(&key, RecordType::InstanceSecret, &context, &record);
    let plain = plain.map_err(|why| unreadable(&why))?;
    let bytes: [u8; 32] = plain
        .expose()
        .try_into()
        .map_err(|_| unreadable(&"it is not 32 bytes long"))?;
    Ok(Zeroizing::new(bytes))
}

fn unreadable(name: &'static str, row: &InstanceSecretRow, why: &dyn ToString) -> OpenError {
    OpenError::InstanceSecret {
        name,
        version: row.version,
        why: why.to_string(),
    }
}

fn system_change(now: UnixMicros, action: AuditAction) -> ChangeSet {
    ChangeSet::instance(AuditDraft::new(
        now,
        Actor::system(),
        action,
        AuditTarget::Instance,
    ))
}

const PEPPER: &str = "pepper";
const SAMPLING_KEY: &str = "body-sampling-key";
