//! The words of `usage`, `retention ..`, `hold ..` and `purge ..`.

use std::num::NonZeroU16;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};
use portcullis::retention_policy::{DataClass, Days, PurgeExtent, Rate};
use portcullis::{HoldId, KeyId};

#[derive(Args, Debug)]
pub(crate) struct UsageArgs {
    /// Of how many days, today included.
    #[arg(long, default_value = "30")]
    pub(crate) days: NonZeroU16,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RetentionCommand {
    /// Shows what holds for the organization and its project, and what is kept.
    Show,
    /// Changes limits; what is not named stays. `request_meta=30d`, `body_sample=7d`, `audit=400d`, `rollup=400d`, `opening=400d`,
    /// `sampling=5%`; `CLASS=inherit` takes a limit back.
    Set {
        /// Of the project, which only shortens.
        #[arg(long, conflicts_with = "instance")]
        project: bool,
        /// Of the instance, from which all inherit.
        #[arg(long)]
        instance: bool,
        /// The limits.
        #[arg(required = true, value_name = "CLASS=LIMIT", value_parser = limit)]
        limits: Vec<(Limited, Option<String>)>,
    },
    /// Reads limits from a policy file, as `--retention` does at a start.
    Load {
        /// The file.
        file: PathBuf,
    },
    /// Prints what would be removed now, what a hold keeps, and how late it is. Removes nothing.
    Plan,
    /// Removes what is past its limit. A gateway that serves does so once an hour.
    Apply {
        /// Rows in one transaction.
        #[arg(long, default_value = "1000", value_name = "ROWS")]
        batch: std::num::NonZeroU32,
        /// For at most so many seconds; the next run goes on.
        #[arg(long, default_value = "60")]
        seconds: u64,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum HoldCommand {
    /// Places a hold: nothing under it is removed, by a limit, a purge or an erasure, until it is lifted.
    Place {
        /// Why: the matter, the order.
        #[arg(long)]
        reason: String,
        /// Only the project.
        #[arg(long, conflicts_with = "key")]
        project: bool,
        /// Only this key.
        #[arg(long)]
        key: Option<KeyId>,
        /// Only data from this time on, such as 2026-11-01T00:00:00Z.
        #[arg(long)]
        from: Option<DateTime<Utc>>,
        /// Only data from before this time.
        #[arg(long)]
        until: Option<DateTime<Utc>>,
    },
    /// Lifts a hold.
    Lift {
        /// Its id, as `hold list` shows it.
        id: HoldId,
    },
    /// Lists the holds.
    List,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PurgeCommand {
    /// Removes the project's bodies and openings, and prints the receipt.
    Project {
        /// Only say what would be removed.
        #[arg(long)]
        dry_run: bool,
        /// What goes at once; the rest goes by its limit.
        #[arg(long, value_enum, default_value_t = Extent::Content)]
        extent: Extent,
    },
}

/// What a purge removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Extent {
    /// Bodies and openings.
    Content,
    /// Bodies, openings and traces.
    ContentAndMetadata,
}

impl From<Extent> for PurgeExtent {
    fn from(extent: Extent) -> Self {
        match extent {
            Extent::Content => Self::Content,
            Extent::ContentAndMetadata => Self::ContentAndMetadata,
        }
    }
}

/// What has a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limited {
    Class(DataClass),
    Sampling,
}

/// Reads `request_meta=30d`; `None` is `inherit`.
fn limit(text: &str) -> Result<(Limited, Option<String>), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| format!("`{text}` has no limit; write `request_meta=30d`"))?;
    let limited = match name {
        "sampling" => Limited::Sampling,
        name => {
            let class = name.parse::<DataClass>().map(Limited::Class);
            class.map_err(|why| format!("`{name}`: {why}, or `sampling`"))?
        }
    };
    if value == "inherit" {
        return Ok((limited, None));
    }
    let checked = match limited {
        Limited::Class(_) => value
            .parse::<Days>()
            .map(drop)
            .map_err(|why| why.to_string()),
        Limited::Sampling => value
            .parse::<Rate>()
            .map(drop)
            .map_err(|why| why.to_string()),
    };
    checked.map_err(|why| format!("`{name}` = `{value}`: {why}"))?;
    Ok((limited, Some(value.to_owned())))
}
