//! Records that leave the gateway. Each export is itself on record, as the last record that it exports.

use std::io;

use portcullis_audit::{
    Action, Checkpoint, Count, Damage, DamageKind, Disclosure, Exported, Format, JsonLines,
    Opening, Origin, Record, TileFile, TileWriter, VerifierKey, Word, retained,
};
use portcullis_store::{LogEntryRow, LogId, NotSealed};

use super::sealer::Job;
use super::tree::{self, Entries, Retained};
use super::verifying::DamagedLog;
use crate::admin::{Admin, AdminError};

/// As what, and from where on, records are exported.
///
/// ```
/// use portcullis_gate::AuditExport;
/// use portcullis_gate::audit_log::Format;
/// // What came after record 41, for a receiver that has it.
/// let export = AuditExport::siem(Format::Ocsf).after(41);
/// # let _ = export;
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct AuditExport {
    form: Form,
    after: Option<u64>,
    openings: bool,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    JsonLines,
    Siem(Format),
}

/// What was exported.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportedAudit {
    /// The first record; `next` where there was nothing new.
    pub first: u64,
    /// One more than the last one: where the next export goes on, by [`AuditExport::after`] `next - 1`.
    pub next: u64,
    /// The head that covers them.
    pub head: Checkpoint,
    /// The key that verifies it.
    pub key: VerifierKey,
}

impl AuditExport {
    /// Lines of JSON that verify by themselves.
    pub fn json_lines() -> Self {
        Self::of(Form::JsonLines)
    }

    /// A format of a SIEM.
    pub fn siem(format: Format) -> Self {
        Self::of(Form::Siem(format))
    }

    fn of(form: Form) -> Self {
        Self {
            form,
            after: None,
            openings: true,
        }
    }

    /// Only what follows this record: the last one that the receiver has.
    pub fn after(self, seq: u64) -> Self {
        Self {
            after: Some(seq),
            ..self
        }
    }

    /// Leaves out what private fields open to: who acted, from which address.
    pub fn without_private_fields(self) -> Self {
        Self {
            openings: false,
            ..self
        }
    }
}

impl Form {
    fn word(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Siem(format) => format.name(),
        }
    }
}

impl Admin {
    /// Exports records, in pieces of bytes, each by one call of `write`; together they are one file. `progress` hears how many
    /// of how many records were read.
    ///
    /// That they leave is put on record first, and that record is the last one of the export. Where nothing is new, nothing is
    /// written or recorded. A crash on the way leaves a record of an export that did not end; doing it again is a second
    /// copy of the same records, each with the same uid.
    ///
    /// # Errors
    /// [`AdminError::Damaged`] when the log ends before the record that the receiver has, [`AdminError::Log`] when the
    /// log was not begun, a record cannot be read, or a private field is not what the record committed to;
    /// [`AdminError::Write`] when `write` fails, or the store's.
    ///
    /// # Security
    /// With private fields, unless told [otherwise](AuditExport::without_private_fields): what has left can not be erased here.
    pub async fn export_audit(
        &self,
        log: LogId,
        export: AuditExport,
        mut write: impl FnMut(&[u8]) -> io::Result<()>,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<ExportedAudit, AdminError> {
        let exported = self
            .record_export(log, export.form.word(), export.after)
            .await?;
        let (first, next) = (exported.first, exported.next);
        if first == next {
            return Ok(exported);
        }
        let lines = JsonLines::new(exported.head.origin().clone());
        write(&self.beginning(log, export.form, &lines, first).await?)?;
        let mut entries = Entries::between(self.stores(), log, first, next);
        let mut expected = first;
        let log_name = exported.head.origin();
        while let Some(rows) = entries.part().await? {
            let to = rows
                .last()
                .map_or(expected, |row| row.seq.saturating_add(1));
            let openings = match export.openings {
                true => self.openings(log, expected, to).await?,
                false => Vec::new(),
            };
            for row in &rows {
                in_order(log_name, expected, row.seq)?;
                let own = openings.iter().filter(|it| it.seq == row.seq);
                let own: Vec<Opening> = own.cloned().collect();
                write(&piece(export.form, &lines, row, &own)?)?;
                expected += 1;
            }
            progress(expected, next);
        }
        in_order(log_name, expected, next)?;
        if let Form::JsonLines = export.form {
            write(&lines.checkpoint(&exported.head))?;
        }
        Ok(exported)
    }

    /// Exports a log as static files (C2SP tlog-tiles), each by one call of `write`, the checkpoint last. On record as
    /// [`export_audit`](Self::export_audit) says.
    ///
    /// # Errors
    /// [`AdminError::Damaged`] when the records do not lead to the signed head, and as `export_audit`.
    pub async fn export_audit_tiles(
        &self,
        log: LogId,
        mut write: impl FnMut(TileFile) -> io::Result<()>,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<ExportedAudit, AdminError> {
        let exported = self.record_export(log, "tiles", None).await?;
        let (first, next) = (exported.first, exported.next);
        let mut writer = TileWriter::new();
        if first > 0 {
            let retained = Retained::of(self.stores(), log).await?;
            let pruned = TileWriter::pruned(first, |node| retained.hash(node));
            writer = pruned.ok_or_else(|| NotSealed("a retained hash is missing".to_owned()))?;
        }
        let mut files = Vec::new();
        let mut entries = Entries::between(self.stores(), log, first, next);
        while let Some(rows) = entries.part().await? {
            for row in &rows {
                writer.push(&row.entry, |file| files.push(file));
            }
            for file in files.drain(..) {
                write(file)?;
            }
            progress(rows.last().map_or(next, |row| row.seq + 1), next);
        }
        let last = writer.finish(&exported.head).map_err(|_| {
            let kind = DamageKind::NotWhatWasSigned;
            let damage = Damage { seq: first, kind };
            DamagedLog::records(exported.head.origin(), damage)
        })?;
        for file in last {
            write(file)?;
        }
        Ok(exported)
    }

    /// Puts on record which records leave now, itself included, and returns them with the head that covers them.
    async fn record_export(
        &self,
        log: LogId,
        format: &'static str,
        after: Option<u64>,
    ) -> Result<ExportedAudit, AdminError> {
        let not_begun = || NotSealed("the log was not begun".to_owned());
        let found = self.audit_log(log).await?.ok_or_else(not_begun)?;
        let size = found.head.size();
        let asked = after.map_or(0, |seq| seq.saturating_add(1));
        if asked > size {
            let kind = DamageKind::Truncated { size: asked };
            return Err(
                DamagedLog::records(found.head.origin(), Damage { seq: size, kind }).into(),
            );
        }
        let first = asked.max(found.minimum);
        let mut exported = ExportedAudit {
            first,
            next: size,
            head: found.head,
            key: found.key,
        };
        if first == size {
            return Ok(exported);
        }
        let format = Word::new(format).map_err(|why| NotSealed(why.to_string()))?;
        let acting = self.acting()?;
        let last = move |own: u64| {
            acting.did(Action::AuditExported(Exported {
                first: Count::new(first),
                format: format.clone(),
                next: Count::new(own.saturating_add(1)),
            }))
        };
        let job = Job {
            last: Some(Box::new(last)),
            ..Job::default()
        };
        exported.head = self.append(log, job).await?;
        exported.next = exported.head.size();
        Ok(exported)
    }

    /// What stands before the first record.
    async fn beginning(
        &self,
        log: LogId,
        form: Form,
        lines: &JsonLines,
        first: u64,
    ) -> Result<Vec<u8>, AdminError> {
        match form {
            Form::Siem(format) => Ok(format.header()),
            Form::JsonLines => {
                let peaks = tree::hashes(self.stores(), log, retained(first)).await?;
                let begin = lines.begin(first, |node| peaks.get(&node).copied());
                let missing = || NotSealed("a hash of the records before is missing".to_owned());
                Ok(begin.ok_or_else(missing)?)
            }
        }
    }
}

/// One record.
fn piece(
    form: Form,
    lines: &JsonLines,
    row: &LogEntryRow,
    openings: &[Opening],
) -> Result<Vec<u8>, NotSealed> {
    let at = |why: &dyn ToString| NotSealed(format!("record {}: {}", row.seq, why.to_string()));
    match form {
        Form::JsonLines => Ok(lines.record(row.seq, &row.entry, openings)),
        Form::Siem(format) => {
            let record = Record::parse(&row.entry).map_err(|why| at(&why))?;
            let disclosure = Disclosure::new(&record, openings).map_err(|why| at(&why))?;
            Ok(format.export(&disclosure))
        }
    }
}

/// That `found` is the next one: a receiver that counts on each record once must hear of a gap from us.
fn in_order(log: &Origin, expected: u64, found: u64) -> Result<(), DamagedLog> {
    if found == expected {
        return Ok(());
    }
    let kind = DamageKind::Missing { next: found };
    let seq = expected;
    Err(DamagedLog::records(log, Damage { seq, kind }))
}
