//! Secrets of the instance: 32 random bytes each, in a sealed record.

use getrandom::SysRng;
use portcullis_envelope::{
    Context, InvalidContext, MasterKeys, RecordType, SealedRecord, open, seal,
};
use portcullis_store::{
    AuditAction, Blob, Change, ChangeSet, Guard, InstanceSecretRow, UnixMicros,
};
use zeroize::Zeroizing;

use super::system_change;
use crate::OpenError;

/// One of the secrets that an instance has, by its name; it may have several versions.
pub(crate) struct Secret {
    name: &'static str,
    kind: RecordType,
    context: fn(&'static str, u64) -> Result<Context<'static>, InvalidContext>,
}

/// What digests of keys are made with, under a policy that asks for it.
pub(crate) const PEPPER: Secret = Secret::named("pepper");
/// What decides which bodies are kept.
pub(crate) const SAMPLING_KEY: Secret = Secret::named("body-sampling-key");
/// What signs the heads of all audit logs.
pub(crate) const LOG_KEY: Secret = Secret {
    name: "audit-log-key",
    kind: RecordType::LogKey,
    context: Context::log_key,
};

impl Secret {
    const fn named(name: &'static str) -> Self {
        Self {
            name,
            kind: RecordType::InstanceSecret,
            context: Context::instance_secret,
        }
    }

    /// Its versions among the instance's secrets, the oldest first.
    pub(crate) fn versions<'r>(
        &self,
        secrets: &'r [InstanceSecretRow],
    ) -> Vec<&'r InstanceSecretRow> {
        let mut rows: Vec<_> = secrets.iter().filter(|row| row.name == self.name).collect();
        rows.sort_by_key(|row| row.version);
        rows
    }

    /// Draws version 1, sealed under the active master key; and the change that stores it, if nobody was faster.
    ///
    /// # Security
    /// The bytes are wiped when they are dropped.
    pub(crate) fn draw(
        &self,
        master: &MasterKeys,
        now: UnixMicros,
    ) -> Result<(Zeroizing<[u8; 32]>, ChangeSet), OpenError> {
        let version = 1;
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(&mut bytes[..]).map_err(|_| OpenError::NoRandomness)?;
        let key = master.sealing_key(master.active_version())?;
        let context = (self.context)(self.name, u64::from(version))?;
        let sealed = seal(&key, self.kind, &context, &bytes[..], &mut SysRng);
        let sealed = sealed.map_err(|why| self.unusable(version, &why))?;
        let name = self.name.to_owned();
        let row = InstanceSecretRow {
            name: name.clone(),
            version,
            sealed: Blob::from(sealed.as_bytes()),
            created_at: now,
        };
        let set = system_change(now, AuditAction::InstanceSecretCreated)
            .require(Guard::InstanceSecretAbsent { name, version })
            .change(Change::InsertInstanceSecret(row));
        Ok((bytes, set))
    }

    /// Opens one version.
    ///
    /// # Security
    /// The bytes are wiped when they are dropped.
    pub(crate) fn open(
        &self,
        row: &InstanceSecretRow,
        master: &MasterKeys,
    ) -> Result<Zeroizing<[u8; 32]>, OpenError> {
        let version = row.version;
        let record = SealedRecord::parse(row.sealed.as_slice());
        let record = record.map_err(|why| self.unusable(version, &why))?;
        let key = master.sealing_key(record.header().key_version())?;
        let context = (self.context)(self.name, u64::from(version))?;
        let plain = open(&key, self.kind, &context, &record);
        let plain = plain.map_err(|why| self.unusable(version, &why))?;
        let bytes: Result<Zeroizing<[u8; 32]>, _> = plain.expose().try_into().map(Zeroizing::new);
        bytes.map_err(|_| self.unusable(version, &"it is not 32 bytes long"))
    }

    pub(crate) fn unusable(&self, version: u32, why: &dyn ToString) -> OpenError {
        OpenError::InstanceSecret {
            name: self.name,
            version,
            why: why.to_string(),
        }
    }
}
