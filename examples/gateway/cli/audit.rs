//! The words of `audit ..`.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use clap::{Args, Subcommand, ValueEnum};
use portcullis::AuditExport;
use portcullis::audit_log::{self, Field, Framing, Syslog};

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Prints the newest records.
    Tail {
        #[command(flatten)]
        log: OfLog,
        /// How many.
        #[arg(short = 'n', long, default_value_t = 20, value_name = "COUNT")]
        count: u64,
    },
    /// Verifies a log record by record, up to its signed head, and against the head in the data folder. Exit codes: 0 sound,
    /// 1 tampered, 2 sound but for records that were pruned as declared, 3 usage.
    Verify {
        #[command(flatten)]
        log: OfLog,
        /// Every log, and that none is gone whose head the system log has taken.
        #[arg(long, conflicts_with = "system")]
        all: bool,
        /// It must also continue this head, which was kept elsewhere: a file that `audit checkpoint` wrote (may be given
        /// several times).
        #[arg(long = "known-checkpoint", value_name = "FILE")]
        known: Vec<PathBuf>,
    },
    /// Writes a log into a folder or a file, for other tools. The export itself is the last record of it. Exit codes: 0 done,
    /// 1 the log is not what was signed, or ends before --after, 2 records behind --after were pruned unexported, 3 usage.
    Export(ExportArgs),
    /// Writes what is kept of each model call to standard output, for metering or a SIEM: no content, and what was refused is in the
    /// log.
    Usage {
        /// As what.
        #[arg(long, default_value = "otel", value_enum)]
        format: UsageAs,
        /// Calls of this day (UTC) and later, such as 2026-01-31; of the last day, if not given.
        #[arg(long, value_name = "DATE")]
        from: Option<NaiveDate>,
    },
    /// Proves one record: writes RECORD.json, and RECORD.tlog-proof beside it, which anybody can verify offline.
    Prove {
        #[command(flatten)]
        log: OfLog,
        /// Which record.
        seq: u64,
        /// The folder to write to.
        #[arg(long, default_value = ".", value_name = "DIR")]
        to: PathBuf,
    },
    /// Removes the oldest records, 256 at a time, with what can be erased of them. The rest still verifies, and a record says what
    /// was removed. What is under a legal hold stays.
    Prune(PruneArgs),
    /// Erases what private fields open to, for good: who acted, from which address. The records stay and verify, and a
    /// record says what was erased. What is under a legal hold stays.
    Erase(EraseArgs),
    /// After a backup was restored on purpose: the logs go on from before the heads in the data folder. Each head that is given up
    /// is put on record, and its file kept. Heads that somebody else keeps still tell.
    DangerouslyGiveUpHeads,
    /// Prints the signed head of a log: keep it elsewhere. The key that verifies it goes to standard error.
    Checkpoint {
        #[command(flatten)]
        log: OfLog,
    },
}

/// Which log: the organization's, if nothing is said.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct OfLog {
    /// The log of the gateway itself: refused strangers, instance secrets, the heads of all other logs.
    #[arg(long)]
    pub(crate) system: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) log: OfLog,

    /// As what.
    #[arg(long, default_value = "tiles", value_enum)]
    format: Format,

    /// Where to: a folder for tiles, a file for the others; standard output, if not given.
    #[arg(long, value_name = "PATH")]
    pub(crate) to: Option<PathBuf>,

    /// Only what follows this record, the last one that the receiver has: each export says what the next one goes on with, so
    /// that every record arrives at least once.
    #[arg(long, value_name = "SEQ")]
    pub(crate) after: Option<u64>,

    /// Without what can be erased: who acted, and from which address.
    #[arg(long)]
    no_private_fields: bool,

    /// In syslog: your private enterprise number, as IANA assigned it. The default one is for documentation.
    #[arg(long, default_value_t = 32_473, value_name = "NUMBER")]
    enterprise: u32,

    /// In syslog: the length in front of each message (RFC 5425) instead of a line feed behind it.
    #[arg(long)]
    octet_counting: bool,
}

impl ExportArgs {
    /// What is exported as one file of records; `None` for tiles.
    pub(crate) fn as_records(&self) -> Option<AuditExport> {
        let export = match self.format {
            Format::Tiles => return None,
            Format::Jsonl => AuditExport::json_lines(),
            Format::Cef => AuditExport::siem(audit_log::Format::Cef),
            Format::Csv => AuditExport::siem(audit_log::Format::Csv),
            Format::Ecs => AuditExport::siem(audit_log::Format::Ecs),
            Format::Ocsf => AuditExport::siem(audit_log::Format::Ocsf),
            Format::Syslog => {
                let framing = match self.octet_counting {
                    true => Framing::OctetCounting,
                    false => Framing::LineFeed,
                };
                let syslog = Syslog::new(self.enterprise, framing);
                AuditExport::siem(audit_log::Format::Syslog(syslog))
            }
        };
        let export = match self.after {
            Some(seq) => export.after(seq),
            None => export,
        };
        Some(match self.no_private_fields {
            true => export.without_private_fields(),
            false => export,
        })
    }
}

#[derive(Args, Debug)]
pub(crate) struct PruneArgs {
    #[command(flatten)]
    pub(crate) log: OfLog,

    /// What was recorded before this day (UTC), such as 2026-01-31.
    #[arg(long, value_name = "DATE", required_unless_present = "keep_days")]
    before: Option<NaiveDate>,

    /// What is older than so many days.
    #[arg(long, value_name = "DAYS", conflicts_with = "before")]
    keep_days: Option<u16>,

    /// Only say what would be removed.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

impl PruneArgs {
    pub(crate) fn before(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        match (self.before, self.keep_days) {
            (Some(day), _) => day.and_time(NaiveTime::MIN).and_utc(),
            (None, days) => now - TimeDelta::days(days.unwrap_or(u16::MAX).into()),
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct EraseArgs {
    #[command(flatten)]
    pub(crate) log: OfLog,

    /// Which records: 7, or 7-12.
    #[arg(required = true, value_name = "SEQ|FIRST-LAST", value_parser = records)]
    pub(crate) records: Vec<RangeInclusive<u64>>,

    /// Only this private field; all, if not given (may be given several times).
    #[arg(long = "field", value_enum)]
    fields: Vec<PrivateField>,

    /// Why: it becomes part of the record of the erasure.
    #[arg(long, value_enum)]
    pub(crate) reason: Reason,
}

impl EraseArgs {
    pub(crate) fn fields(&self) -> BTreeSet<Field> {
        let field = |field: &PrivateField| match field {
            PrivateField::Actor => Field::Actor,
            PrivateField::Address => Field::Address,
            PrivateField::Note => Field::Note,
            PrivateField::Subject => Field::Subject,
        };
        match self.fields.is_empty() {
            true => PrivateField::value_variants().iter().map(field).collect(),
            false => self.fields.iter().map(field).collect(),
        }
    }
}

/// Which private field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PrivateField {
    /// Who acted.
    Actor,
    /// From which address.
    Address,
    /// What the actor had to say about it.
    Note,
    /// Whom it was about.
    Subject,
}

/// Why something is erased: a closed list, as a record takes no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reason {
    /// The person has asked for it.
    PersonAsked,
    /// It should not have been recorded.
    Mistake,
    /// It is not needed any more.
    NotNeeded,
}

impl Reason {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::PersonAsked => "person_asked",
            Self::Mistake => "mistake",
            Self::NotNeeded => "not_needed",
        }
    }
}

fn records(text: &str) -> Result<RangeInclusive<u64>, String> {
    let bad = |_| format!("`{text}` names no records; write 7, or 7-12");
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Ok(first.parse().map_err(bad)?..=last.parse().map_err(bad)?)
}

/// In which form model calls are exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum UsageAs {
    /// The gen_ai attributes of OpenTelemetry, JSON lines.
    Otel,
    /// Open Cybersecurity Schema Framework 1.8, JSON lines.
    Ocsf,
}

/// In which form a log is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Static files (C2SP tlog-tiles) that Go's sumdb verifies.
    Tiles,
    /// One JSON line for each record, with what verifies it.
    Jsonl,
    /// ArcSight's Common Event Format.
    Cef,
    /// A table for spreadsheets.
    Csv,
    /// Elastic Common Schema 8.17, JSON lines.
    Ecs,
    /// Open Cybersecurity Schema Framework 1.8, JSON lines.
    Ocsf,
    /// RFC 5424.
    Syslog,
}
