//! The words of `audit ..`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use portcullis::AuditExport;
use portcullis::audit_log::{self, Framing, Syslog};

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
