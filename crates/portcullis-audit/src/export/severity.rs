//! How much an event asks for attention.

use crate::Outcome;

/// The severity of an event, in the steps of OCSF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    Informational,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    /// What was refused or failed stands one step above the same thing done.
    pub(super) const fn of(done: Self, outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => done,
            Outcome::Failed | Outcome::Refused => done.raised(),
        }
    }

    const fn raised(self) -> Self {
        match self {
            Self::Informational => Self::Low,
            Self::Low => Self::Medium,
            Self::Medium => Self::High,
            Self::High | Self::Critical => Self::Critical,
        }
    }

    /// `severity` of OCSF.
    pub(super) const fn caption(self) -> &'static str {
        match self {
            Self::Informational => "Informational",
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
            Self::Critical => "Critical",
        }
    }

    /// `severity_id` of OCSF, `event.severity` of ECS.
    pub(super) const fn ocsf(self) -> u8 {
        match self {
            Self::Informational => 1,
            Self::Low => 2,
            Self::Medium => 3,
            Self::High => 4,
            Self::Critical => 5,
        }
    }

    /// The severity of RFC 5424 section 6.2.1.
    pub(super) const fn syslog(self) -> u8 {
        match self {
            Self::Informational => 6,
            Self::Low => 5,
            Self::Medium => 4,
            Self::High => 3,
            Self::Critical => 2,
        }
    }

    /// `log.level` of ECS: the keywords of syslog.
    pub(super) const fn level(self) -> &'static str {
        match self {
            Self::Informational => "info",
            Self::Low => "notice",
            Self::Medium => "warning",
            Self::High => "error",
            Self::Critical => "critical",
        }
    }

    /// The severity of a CEF header: 0 to 3 is low, 4 to 6 medium, 7 and 8 high, 9 and 10 very high.
    pub(super) const fn cef(self) -> u8 {
        match self {
            Self::Informational => 1,
            Self::Low => 3,
            Self::Medium => 5,
            Self::High => 7,
            Self::Critical => 9,
        }
    }
}
