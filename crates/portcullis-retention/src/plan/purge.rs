//! The plan that removes a project.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::due::Planner;
use super::{Plan, Rules, Subject};
use crate::{DataClass, Group, Inventory, Owner};

/// The purge of one project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purge {
    /// The id of its organization.
    pub organization: Arc<str>,
    /// Its id.
    pub project: Arc<str>,
    /// What goes now.
    pub extent: PurgeExtent,
}

/// What a purge removes at once. Rollups, which hold neither content nor person, and the audit log, which is proof of
/// the purge itself, go by their limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PurgeExtent {
    /// Bodies and openings. Metadata goes by its limit.
    Content,
    /// Bodies, openings and metadata.
    ContentAndMetadata,
}

impl PurgeExtent {
    /// Every extent.
    pub const ALL: [Self; 2] = [Self::Content, Self::ContentAndMetadata];

    /// The word for it in receipts and on command lines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::ContentAndMetadata => "content-and-metadata",
        }
    }

    /// Whether rows of `class` go at once.
    #[must_use]
    pub const fn covers(self, class: DataClass) -> bool {
        match class {
            DataClass::BodySample | DataClass::Opening => true,
            DataClass::RequestMeta => match self {
                Self::Content => false,
                Self::ContentAndMetadata => true,
            },
            DataClass::Audit | DataClass::Rollup => false,
        }
    }
}

/// What a purge removes at `now`; registry and inventory fit together.
pub(super) fn plan(rules: &Rules, inventory: &Inventory, purge: Purge, now: DateTime<Utc>) -> Plan {
    let owner = Owner::project(&purge.organization, &purge.project);
    let extent = purge.extent;
    let mut planner = Planner::new(Subject::Purge(purge), rules, now);
    let tables = rules.registry.tables().iter();
    for table in tables.filter(|table| extent.covers(table.class())) {
        for partition in inventory.table(table.name()).unwrap_or_default() {
            let mine = partition.groups.iter().filter(|group| group.owner == owner);
            let mine: Vec<&Group> = mine.collect();
            planner.delete_all(table, partition.month, &owner, &mine);
        }
    }
    planner.plan
}
