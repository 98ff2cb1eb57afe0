//! What an administrative action was done to.

use super::target_id;
use crate::{BreachId, ObjectId, Record, Target, Word};

/// What is managed: the target of the record, or something that the target has.
#[derive(Clone, Copy)]
pub(in crate::export) enum Entity<'a> {
    /// A breach of personal data.
    Breach(BreachId),
    /// Data of a class that the retention policy names.
    Data(&'a Word),
    /// A legal hold.
    Hold(ObjectId),
    /// A secret of the instance.
    InstanceSecret,
    /// The log of the record.
    Log,
    /// The master key.
    MasterKey,
    /// What opens private fields of the log.
    Openings,
    /// The price list.
    Prices,
    /// Records of the log.
    Records,
    /// The target itself.
    Target(&'a Target),
}

impl Entity<'_> {
    /// `entity.type_id` and `entity.type` of OCSF. 99 says that the type is our own word.
    pub(in crate::export) const fn kind(self) -> (u8, &'static str) {
        match self {
            Self::Breach(_) => (99, "Breach"),
            Self::Data(_) => (99, "Retained Data"),
            Self::Hold(_) => (99, "Legal Hold"),
            Self::InstanceSecret => (99, "Instance Secret"),
            Self::Log => (99, "Audit Log"),
            Self::MasterKey => (99, "Master Key"),
            Self::Openings => (99, "Audit Openings"),
            Self::Prices => (99, "Price List"),
            Self::Records => (99, "Audit Records"),
            Self::Target(target) => match target {
                Target::Credential(_) => (99, "Provider Credential"),
                Target::Instance => (99, "Gateway"),
                Target::Key(_) => (99, "API Key"),
                Target::KeySecret(..) => (99, "API Key Secret"),
                Target::Organization(_) => (4, "Organization"),
                Target::Project(_) => (99, "Project"),
            },
        }
    }

    /// `entity.name`, of what has one.
    pub(in crate::export) fn name(self) -> Option<String> {
        match self {
            Self::Data(class) => Some(class.to_string()),
            Self::InstanceSecret
            | Self::MasterKey
            | Self::Prices
            | Self::Target(Target::Instance) => Some(self.kind().1.to_owned()),
            Self::Breach(_)
            | Self::Hold(_)
            | Self::Log
            | Self::Openings
            | Self::Records
            | Self::Target(
                Target::Credential(_)
                | Target::Key(_)
                | Target::KeySecret(..)
                | Target::Organization(_)
                | Target::Project(_),
            ) => None,
        }
    }

    /// `entity.uid`, of what has one.
    pub(in crate::export) fn uid(self, record: &Record) -> Option<String> {
        match self {
            Self::Data(_) | Self::InstanceSecret | Self::MasterKey | Self::Prices => None,
            Self::Breach(id) => Some(id.to_string()),
            Self::Hold(id) => Some(id.to_string()),
            Self::Log | Self::Openings | Self::Records => Some(record.log().to_string()),
            Self::Target(target) => target_id(target),
        }
    }

    /// Whether it belongs to who may do what; everything else is configuration.
    pub(super) const fn is_identity(self) -> bool {
        match self {
            Self::InstanceSecret | Self::MasterKey => true,
            Self::Breach(_)
            | Self::Data(_)
            | Self::Hold(_)
            | Self::Log
            | Self::Openings
            | Self::Prices
            | Self::Records => false,
            Self::Target(target) => match target {
                Target::Credential(_)
                | Target::Key(_)
                | Target::KeySecret(..)
                | Target::Organization(_)
                | Target::Project(_) => true,
                Target::Instance => false,
            },
        }
    }
}
