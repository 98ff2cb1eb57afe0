//! What is known of a call once it is over.

use std::time::Duration;

use chrono::{DateTime, Utc};
use portcullis_dialect::Usage;
use portcullis_limits::NanoUsd;
use portcullis_store::{KeyId, OrgId, ProjectId};

use crate::caller::Caller;

/// The end of one call: for logs and metering. It holds no text that a client or a provider wrote.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settlement<'a> {
    /// The organization.
    pub org: OrgId,
    /// The project.
    pub project: ProjectId,
    /// The key.
    pub key: KeyId,
    /// Which of its secrets.
    pub secret_version: u32,
    /// The provider, as the gateway named it.
    pub provider: &'a str,
    /// What was used, as far as it could be read.
    pub usage: Usage,
    /// What that cost; `None` when the usage is unknown or the model has no price.
    pub cost: Option<NanoUsd>,
    /// How the call ended.
    pub end: End,
    /// When the call was dispatched.
    pub began: DateTime<Utc>,
    /// How long it ran.
    pub took: Duration,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum End {
    /// Its usage was read and settled.
    Settled,
    /// It was dropped without: a client that left, a handler that failed.
    Dropped,
    /// It was ended because its key was revoked or the like.
    Cut,
}

impl End {
    /// The word for logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Dropped => "dropped",
            Self::Cut => "cut",
        }
    }
}

/// What becomes of a call.
#[derive(Clone, Copy)]
pub(crate) struct Outcome {
    pub(crate) usage: Usage,
    pub(crate) cost: Option<NanoUsd>,
    pub(crate) end: End,
    pub(crate) began: DateTime<Utc>,
    pub(crate) took: Duration,
}

impl<'a> Settlement<'a> {
    pub(crate) fn of(caller: &Caller, provider: &'a str, outcome: Outcome) -> Self {
        let Outcome {
            usage,
            cost,
            end,
            began,
            took,
        } = outcome;
        Self {
            org: caller.org(),
            project: caller.project(),
            key: caller.key(),
            secret_version: caller.secret_version(),
            provider,
            usage,
            cost,
            end,
            began,
            took,
        }
    }
}

impl Settlement<'_> {
    pub(crate) fn trace(&self) {
        tracing::info!(
            org = %self.org,
            key = %self.key,
            secret_version = self.secret_version,
            provider = self.provider,
            usage = ?self.usage,
            cost = self.cost.map(tracing::field::display),
            end = self.end.as_str(),
            took_ms = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
            "call settled"
        );
    }
}

/// Who hears of settlements.
pub(crate) type Observer = Box<dyn Fn(&Settlement<'_>) + Send + Sync>;
