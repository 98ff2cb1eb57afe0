//! The words of `breach ..`.

use chrono::{DateTime, Utc};
use clap::{Subcommand, ValueEnum};
use portcullis::retention_policy::Duty;

#[derive(Debug, Subcommand)]
pub(crate) enum BreachCommand {
    /// Enters a breach of personal data: its clock starts when somebody became aware. What is entered stays.
    Record {
        /// Since when it is known: now, or a time such as 2026-11-20T16:30:00Z.
        #[arg(long, value_name = "TIME|now", value_parser = aware)]
        aware: Aware,
        /// What is known: what happened, to which data, of how many people. No secret: an authority reads it.
        #[arg(long, value_name = "TEXT")]
        what: String,
    },
    /// Enters that somebody was told of a breach, now.
    Told {
        /// The breach, as `breach show` names it.
        breach: String,
        /// Who.
        #[arg(value_enum)]
        who: Who,
        /// Why so late; needed after the deadline.
        #[arg(long, value_name = "TEXT")]
        late_because: Option<String>,
    },
    /// Enters that somebody need not be told of a breach, and why: no risk is likely (Art. 33(1)), or no high one (Art. 34).
    NotRequired {
        /// The breach, as `breach show` names it.
        breach: String,
        /// Who.
        #[arg(value_enum)]
        who: Who,
        /// Why.
        #[arg(value_name = "TEXT")]
        reason: String,
    },
    /// Enters what else is known of a breach: more facts, an effect, a remedy. A closed one takes notes, too.
    Note {
        /// The breach, as `breach show` names it.
        breach: String,
        /// What. No secret: an authority reads it.
        text: String,
    },
    /// Enters how a breach ended, once: after authority and users were told, or need not be.
    Close {
        /// The breach, as `breach show` names it.
        breach: String,
        /// How it ended.
        #[arg(value_name = "TEXT")]
        outcome: String,
    },
    /// Writes the record of an entry into the system's audit log, where the command that made the entry could not. Each entry beside
    /// a database leaves one: the breach, the number and the kind of the entry, and nothing of its text.
    Audit {
        /// The number of the entry, as the command said it.
        entry: u64,
    },
    /// Shows each breach: who is to be told until when, how many hours are left, its notes, and how it ended.
    Show {
        /// This one alone.
        breach: Option<String>,
    },
}

/// Who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Who {
    /// The supervisory authority.
    Authority,
    /// The affected users.
    Users,
}

impl From<Who> for Duty {
    fn from(who: Who) -> Self {
        match who {
            Who::Authority => Self::Authority,
            Who::Users => Self::Users,
        }
    }
}

/// Since when; `None` is now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aware(pub(crate) Option<DateTime<Utc>>);

fn aware(text: &str) -> Result<Aware, String> {
    if text == "now" {
        return Ok(Aware(None));
    }
    let time = text.parse().map(|time| Aware(Some(time)));
    time.map_err(|_| {
        format!(
            "`{text}` is no time; write now, or a date, a time and a zone: 2026-11-20T16:30:00Z"
        )
    })
}
