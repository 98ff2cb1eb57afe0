//! Reading the logs: what an operator looks at, verifies and exports.

use std::collections::HashMap;

use portcullis_audit::{
    Checkpoint, Damage, DamageKind, Field, Hash, LogHead, Node as TreeNode, Opening, PrivateText,
    ProofFile, ProofPlan, Record, StoredEntry, TileFile, TileWriter, Verified, Verifier,
    VerifierKey,
};
use portcullis_store::{LogEntryRow, LogId, NotSealed, OpeningRow, RetainedRow};

use crate::admin::{Admin, AdminError};

/// One record of a log, with what is known of its private fields.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AuditRecord {
    /// The record.
    pub record: Record,
    /// The exact bytes that are stored and hashed.
    pub bytes: Vec<u8>,
    /// What opens its private fields, as far as it was not erased.
    pub openings: Vec<Opening>,
}

/// One audit log, as it is stored.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AuditLog {
    /// Which log.
    pub id: LogId,
    /// Its signed head.
    pub head: Checkpoint,
    /// The key that verifies it.
    pub key: VerifierKey,
    /// The first record that is still there.
    pub minimum: u64,
}

impl Admin {
    /// All logs that were begun.
    ///
    /// # Errors
    /// [`AdminError::Log`] for a head that is not what was signed, or the store's.
    pub async fn audit_logs(&self) -> Result<Vec<AuditLog>, AdminError> {
        let mut logs = Vec::new();
        for (id, _) in self.stores().logs().await? {
            logs.extend(self.audit_log(id).await?);
        }
        Ok(logs)
    }

    /// One log; `None` when it was not begun.
    ///
    /// # Errors
    /// As [`audit_logs`](Self::audit_logs).
    pub async fn audit_log(&self, id: LogId) -> Result<Option<AuditLog>, AdminError> {
        let Some((row, minimum)) = self.stores().log_head(id).await? else {
            return Ok(None);
        };
        let head = self.sealer().load(id, &row)?.checkpoint().clone();
        let key = self.sealer().verifier(head.origin())?;
        Ok(Some(AuditLog {
            id,
            head,
            key,
            minimum,
        }))
    }

    /// Up to `limit` records of a log from `from` on.
    ///
    /// # Errors
    /// [`AdminError::Log`] for bytes that are no record, or the store's.
    pub async fn audit_records(
        &self,
        log: LogId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, AdminError> {
        let rows = self.stores().entries(log, from, limit).await?;
        let to = rows.last().map_or(from, |row| row.seq.saturating_add(1));
        let openings = self.stores().openings(log, from, to).await?;
        let record = |row: LogEntryRow| {
            let record = Record::parse(&row.entry);
            let record = record.map_err(|why| NotSealed(format!("record {}: {why}", row.seq)))?;
            let own = openings.iter().filter(|opening| opening.seq == row.seq);
            Ok(AuditRecord {
                record,
                bytes: row.entry,
                openings: own.filter_map(opening).collect(),
            })
        };
        rows.into_iter().map(record).collect()
    }

    /// Verifies a log from its first record to its signed head, and against heads that were kept elsewhere. `progress` hears how
    /// many of how many records were read.
    ///
    /// # Errors
    /// [`AdminError::Damaged`] names the first bad record and what is wrong with it.
    pub async fn verify_audit(
        &self,
        log: LogId,
        known: &[LogHead],
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Verified, AdminError> {
        let Some((row, minimum)) = self.stores().log_head(log).await? else {
            let seq = 0;
            let size = known.iter().map(|head| head.size.get()).max().unwrap_or(0);
            return Err(Damage {
                seq,
                kind: DamageKind::Truncated { size },
            }
            .into());
        };
        let head = self.sealer().load(log, &row)?;
        let retained = self.stores().retained(log).await?;
        let mut verifier = Verifier::new(&head);
        if minimum > 0 {
            verifier = verifier.pruned(minimum, |node| kept(&retained, node))?;
        }
        for head in known {
            verifier = verifier.known(head.clone())?;
        }
        let mut from = minimum;
        loop {
            let rows = self.stores().entries(log, from, PAGE).await?;
            let Some(last) = rows.last() else { break };
            from = last.seq.saturating_add(1);
            for row in &rows {
                verifier.push(StoredEntry {
                    seq: row.seq,
                    bytes: &row.entry,
                    hashes: &row.hashes,
                })?;
            }
            progress(verifier.position(), head.size());
        }
        Ok(verifier.finish()?)
    }

    /// Writes a log as static files (C2SP tlog-tiles), each by one call of `write`, the checkpoint last. How many records.
    ///
    /// # Errors
    /// [`AdminError::Damaged`] when the records do not lead to the signed head, [`AdminError::Write`] when `write` fails, or the
    /// store's.
    pub async fn export_audit_tiles(
        &self,
        log: LogId,
        mut write: impl FnMut(TileFile) -> std::io::Result<()>,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<u64, AdminError> {
        let Some(described) = self.audit_log(log).await? else {
            return Err(NotSealed("the log was not begun".to_owned()).into());
        };
        let (head, minimum) = (described.head, described.minimum);
        let retained = self.stores().retained(log).await?;
        let writer = if minimum == 0 {
            Some(TileWriter::new())
        } else {
            TileWriter::pruned(minimum, |node| kept(&retained, node))
        };
        let mut writer =
            writer.ok_or_else(|| NotSealed("a retained hash is missing".to_owned()))?;
        let mut files = Vec::new();
        let (mut from, mut count) = (minimum, 0);
        while from < head.size() {
            let rows = self.stores().entries(log, from, PAGE).await?;
            let Some(last) = rows.last() else { break };
            from = last.seq.saturating_add(1);
            // Records that came after the head was read belong to the next export.
            for row in rows.iter().filter(|row| row.seq < head.size()) {
                writer.push(&row.entry, |file| files.push(file));
                count += 1;
            }
            for file in files.drain(..) {
                write(file)?;
            }
            progress(from.min(head.size()), head.size());
        }
        let size = head.size();
        let last = writer.finish(&head).map_err(|_| Damage {
            seq: size,
            kind: DamageKind::NotWhatWasSigned,
        })?;
        for file in last {
            write(file)?;
        }
        Ok(count)
    }

    /// The proof that a record is in its log: a `c2sp.org/tlog-proof@v1` file, to be kept beside the record's bytes.
    ///
    /// # Errors
    /// [`AdminError::Log`] when there is no such record, or the store's.
    pub async fn prove_audit(
        &self,
        log: LogId,
        seq: u64,
    ) -> Result<(AuditRecord, ProofFile), AdminError> {
        let missing =
            || AdminError::from(NotSealed(format!("there is no record {seq} in this log")));
        let described = self.audit_log(log).await?.ok_or_else(missing)?;
        let mut found = self.audit_records(log, seq, 1).await?;
        let record = found
            .pop()
            .filter(|found| found.record.seq() == seq)
            .ok_or_else(missing)?;
        let plan = ProofPlan::inclusion(seq, described.head.size()).ok_or_else(missing)?;
        let retained = self.stores().retained(log).await?;
        let mut hashes = HashMap::new();
        for node in plan.nodes() {
            let hash = match kept(&retained, node) {
                Some(hash) => Some(hash),
                None => self.node_hash(log, node).await?,
            };
            hashes.insert(node, hash.ok_or_else(missing)?);
        }
        let path = plan
            .proof(|node| hashes.get(&node).copied())
            .ok_or_else(missing)?;
        Ok((record, ProofFile::new(seq, path, described.head)))
    }

    /// The hashes of the tree of the records before `first`, which an export that begins there has to bring along.
    ///
    /// # Errors
    /// The store's.
    pub async fn audit_peaks(
        &self,
        log: LogId,
        first: u64,
    ) -> Result<HashMap<TreeNode, Hash>, AdminError> {
        let retained = self.stores().retained(log).await?;
        let mut peaks = HashMap::new();
        for node in portcullis_audit::retained(first) {
            let hash = match kept(&retained, node) {
                Some(hash) => Some(hash),
                None => self.node_hash(log, node).await?,
            };
            peaks.extend(hash.map(|hash| (node, hash)));
        }
        Ok(peaks)
    }

    /// The hash of a node of the tree, from the record that completed it.
    pub(super) async fn node_hash(
        &self,
        log: LogId,
        node: TreeNode,
    ) -> Result<Option<Hash>, AdminError> {
        let rows = self.stores().entries(log, node.entry(), 1).await?;
        let row = rows.first().filter(|row| row.seq == node.entry());
        Ok(row.and_then(|row| node.hash_in(&row.hashes)))
    }
}

pub(super) fn kept(retained: &[RetainedRow], node: TreeNode) -> Option<Hash> {
    let at =
        retained.binary_search_by_key(&(node.level(), node.index()), |row| (row.level, row.index));
    retained.get(at.ok()?).map(|row| Hash::from_bytes(row.hash))
}

fn opening(row: &OpeningRow) -> Option<Opening> {
    Some(Opening {
        seq: row.seq,
        field: Field::parse(&row.field)?,
        salt: row.salt,
        value: PrivateText::new(&row.value).ok()?,
    })
}

const PAGE: usize = 1024;
