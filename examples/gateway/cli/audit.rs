//! The words of `audit ..`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

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
    /// Verifies a log record by record, up to its signed head. Exit codes: 0 sound, 1 tampered, 2 sound but for records that were
    /// pruned as declared, 3 usage.
    Verify {
        #[command(flatten)]
        log: OfLog,
        /// It must also continue this head, which was kept elsewhere: a file that `audit checkpoint` wrote (may be given
        /// several times).
        #[arg(long = "known-checkpoint", value_name = "FILE")]
        known: Vec<PathBuf>,
    },
    /// Writes a log into a folder or a file, for other tools.
    Export {
        #[command(flatten)]
        log: OfLog,
        /// As what.
        #[arg(long, default_value = "tiles", value_enum)]
        format: Format,
        /// Where to: a folder for tiles, a file for the others.
        #[arg(long, value_name = "PATH")]
        to: PathBuf,
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

/// In which form a log is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Static files (C2SP tlog-tiles) that Go's sumdb verifies.
    Tiles,
    /// One JSON line for each record, with what verifies it.
    Jsonl,
}
