//! The key that signs the heads of all logs: 32 random bytes in a sealed record.

use getrandom::SysRng;
use portcullis_audit::Ed25519Signer;
use portcullis_envelope::{Context, MasterKeys, RecordType, SealedRecord, open, seal};
use portcullis_store::{Blob, InstanceSecretRow, UnixMicros};
use zeroize::Zeroizing;

use crate::OpenError;

/// The name of the instance secret.
pub(crate) const LOG_KEY: &str = "audit-log-key";

/// Draws a key and seals it under the active master key.
pub(crate) fn create(
    master: &MasterKeys,
    version: u32,
    now: UnixMicros,
) -> Result<(Ed25519Signer, InstanceSecretRow), OpenError> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut seed[..]).map_err(|_| OpenError::NoRandomness)?;
    let key = master.sealing_key(master.active_version())?;
    let context = Context::log_key(LOG_KEY, u64::from(version))?;
    let sealed = seal(&key, RecordType::LogKey, &context, &seed[..], &mut SysRng);
    let sealed = sealed.map_err(|why| unusable(version, &why))?;
    let row = InstanceSecretRow {
        name: LOG_KEY.to_owned(),
        version,
        sealed: Blob::from(sealed.as_bytes()),
        created_at: now,
    };
    Ok((Ed25519Signer::from_seed(&seed), row))
}

/// The newest key among the instance's secrets, if there is one.
pub(crate) fn newest(
    secrets: &[InstanceSecretRow],
    master: &MasterKeys,
) -> Result<Option<Ed25519Signer>, OpenError> {
    let keys = secrets.iter().filter(|row| row.name == LOG_KEY);
    let newest = keys.max_by_key(|row| row.version);
    newest.map(|row| read(row, master)).transpose()
}

fn read(row: &InstanceSecretRow, master: &MasterKeys) -> Result<Ed25519Signer, OpenError> {
    let version = row.version;
    let record =
        SealedRecord::parse(row.sealed.as_slice()).map_err(|why| unusable(version, &why))?;
    let key = master.sealing_key(record.header().key_version())?;
    let context = Context::log_key(LOG_KEY, u64::from(version))?;
    let plain =
        open(&key, RecordType::LogKey, &context, &record).map_err(|why| unusable(version, &why))?;
    let seed: Result<Zeroizing<[u8; 32]>, _> = plain.expose().try_into().map(Zeroizing::new);
    let seed = seed.map_err(|_| unusable(version, &"it is not 32 bytes long"))?;
    Ok(Ed25519Signer::from_seed(&seed))
}

fn unusable(version: u32, why: &dyn ToString) -> OpenError {
    OpenError::InstanceSecret {
        name: LOG_KEY,
        version,
        why: why.to_string(),
    }
}
