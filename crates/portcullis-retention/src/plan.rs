//! What is to be removed, worked out before anything is.

mod due;
mod print;
mod purge;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::time_range::rfc3339;
use crate::{Holds, Inventory, Month, Owner, Policies, Registry, TimeRange};

pub use purge::{Purge, PurgeExtent};

/// What decides what may be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Which tables there are.
    pub registry: Registry,
    /// How long their rows are kept.
    pub policies: Policies,
    /// What must not go.
    pub holds: Holds,
}

/// What is to be removed, what a hold keeps, and how late it is. Print it before it runs; [`Apply`](crate::Apply) runs it.
///
/// ```
/// use chrono::{DateTime, Utc};
/// use portcullis_retention::*;
///
/// let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
/// let requests = Table::new("requests", DataClass::RequestMeta, Layout::MonthTables);
/// let rules = Rules {
///     registry: Registry::new([requests], [("keys", "configuration")])?,
///     policies: Policies::default(), // 30 days
///     holds: Holds::none(),
/// };
/// let october = Partition {
///     month: "2026-10".parse()?,
///     groups: vec![Group {
///         owner: Owner::project("org-1", "proj-1"),
///         rows: 9_000,
///         oldest: at("2026-10-02T00:00:00Z"),
///         newest: at("2026-10-31T23:59:59Z"),
///     }],
/// };
/// let inventory = Inventory::new().with("requests", [october]).with("keys", []);
/// let plan = Plan::due(&rules, &inventory, at("2026-11-22T12:00:00Z"))?;
/// println!("{plan}"); // the month stays for its younger rows, the older ones are deleted in it
/// assert!(matches!(plan.steps(), [Step::Delete { .. }]));
/// assert_eq!((plan.overshoot().now, plan.overshoot().after), (22, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    subject: Subject,
    now: DateTime<Utc>,
    rules: Rules,
    steps: Vec<Step>,
    blocked: Vec<Blocked>,
    overshoot: Overshoot,
    ahead_of_clock: u64,
}

impl Plan {
    /// Everything that is past its limit at `now`. Pure: the same arguments give the same plan.
    ///
    /// # Errors
    /// [`PlanError`] when the store has a table that is not registered, or the inventory lacks one that is, or
    /// contradicts itself. A plan that does not see everything is none.
    pub fn due(
        rules: &Rules,
        inventory: &Inventory,
        now: DateTime<Utc>,
    ) -> Result<Self, PlanError> {
        check(&rules.registry, inventory)?;
        Ok(due::plan(rules, inventory, now))
    }

    /// What a purge of one project removes now; what it leaves goes by [`due`](Self::due).
    ///
    /// # Errors
    /// As [`due`](Self::due).
    pub fn purge(
        rules: &Rules,
        inventory: &Inventory,
        purge: Purge,
        now: DateTime<Utc>,
    ) -> Result<Self, PlanError> {
        check(&rules.registry, inventory)?;
        Ok(purge::plan(rules, inventory, purge, now))
    }

    /// What it is for.
    #[must_use]
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The time it was made for.
    #[must_use]
    pub const fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// The rules it was made under.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What is to be done, in this order: companions before what they hang on.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What would have to go and stays under a legal hold.
    #[must_use]
    pub fn blocked(&self) -> &[Blocked] {
        &self.blocked
    }

    /// How late it is.
    #[must_use]
    pub const fn overshoot(&self) -> Overshoot {
        self.overshoot
    }

    /// At most so many rows are dated after `now`: a clock was ahead when they were written, or is behind now. They
    /// are kept until their limit after their own date.
    #[must_use]
    pub const fn ahead_of_clock(&self) -> u64 {
        self.ahead_of_clock
    }

    /// At most so many rows will be removed.
    #[must_use]
    pub fn rows_at_most(&self) -> u64 {
        self.steps
            .iter()
            .fold(0, |sum, step| sum.saturating_add(step.rows_at_most()))
    }

    /// What identifies its steps: SHA-256 over an unambiguous form of them, of the time and of the subject. For the audit
    /// record that goes before, and for [`Progress`](crate::Progress).
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut field = |text: &str| {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        };
        field(&self.subject.to_string());
        field(&rfc3339(self.now));
        for step in &self.steps {
            step.fields(&mut field);
        }
        hash.finalize().into()
    }
}

/// What a plan is for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// What is past its limit.
    Due,
    /// A project.
    Purge(Purge),
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Drop a month of a table: every row in it is past its limit and none is held. The store checks in the same
    /// transaction that it has still exactly `rows` rows; if not, it drops nothing and a new plan is made.
    Drop {
        /// Of which table.
        table: Arc<str>,
        /// Which month.
        month: Month,
        /// How many rows it has.
        rows: u64,
    },
    /// Delete an owner's rows of a month, but for those that are held.
    Delete {
        /// From which table.
        table: Arc<str>,
        /// Of which month.
        month: Month,
        /// Whose. A missing project means rows without one, not rows of all projects.
        owner: Owner,
        /// Only rows dated before this; all of them if `None`.
        before: Option<DateTime<Utc>>,
        /// Rows to leave, if any of these matches.
        except: Vec<Exemption>,
        /// How many rows there are at most.
        rows_at_most: u64,
    },
    /// Prune an audit log: from its beginning, the longest run of records, by sequence, that are all dated before a
    /// time.
    Prune {
        /// In which table.
        table: Arc<str>,
        /// Whose log; `None` is the system log.
        organization: Option<Arc<str>>,
        /// Only records dated before this.
        before: DateTime<Utc>,
        /// How many records there are at most.
        rows_at_most: u64,
    },
}

impl Step {
    /// Which table it is about.
    #[must_use]
    pub const fn table(&self) -> &Arc<str> {
        match self {
            Self::Drop { table, .. } | Self::Delete { table, .. } | Self::Prune { table, .. } => {
                table
            }
        }
    }

    /// How many rows it removes at most.
    #[must_use]
    pub const fn rows_at_most(&self) -> u64 {
        match self {
            Self::Drop { rows, .. } => *rows,
            Self::Delete { rows_at_most, .. } | Self::Prune { rows_at_most, .. } => *rows_at_most,
        }
    }

    fn fields(&self, field: &mut impl FnMut(&str)) {
        fn optional(field: &mut impl FnMut(&str), text: Option<&str>) {
            field(if text.is_some() { "some" } else { "none" });
            field(text.unwrap_or_default());
        }
        match self {
            Self::Drop { table, month, rows } => {
                field("drop");
                field(table);
                field(&month.to_string());
                field(&rows.to_string());
            }
            Self::Delete {
                table,
                month,
                owner,
                before,
                except,
                rows_at_most,
            } => {
                field("delete");
                field(table);
                field(&month.to_string());
                optional(field, owner.organization.as_deref());
                optional(field, owner.project.as_deref());
                optional(field, before.map(rfc3339).as_deref());
                field(&except.len().to_string());
                for exemption in except {
                    field(&exemption.hold);
                    optional(field, exemption.key.as_deref());
                    field(&exemption.range.to_string());
                }
                field(&rows_at_most.to_string());
            }
            Self::Prune {
                table,
                organization,
                before,
                rows_at_most,
            } => {
                field("prune");
                field(table);
                optional(field, organization.as_deref());
                field(&rfc3339(*before));
                field(&rows_at_most.to_string());
            }
        }
    }
}

/// Rows that a step leaves, because a legal hold is on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exemption {
    /// The id of the hold.
    pub hold: Arc<str>,
    /// Rows of this key only; of every key, and of none, if `None`.
    pub key: Option<Arc<str>>,
    /// Rows of this time only.
    pub range: TimeRange,
}

impl Exemption {
    /// Whether a row of the step's owner is left.
    #[must_use]
    pub fn leaves(&self, key: Option<&str>, at: DateTime<Utc>) -> bool {
        let right_key = self.key.as_deref().is_none_or(|held| key == Some(held));
        right_key && self.range.contains(at)
    }
}

/// Rows that would have to go and stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// In which table.
    pub table: Arc<str>,
    /// Of which month; all months of an audit log, which leaves from its beginning.
    pub month: Option<Month>,
    /// Whose.
    pub owner: Owner,
    /// The id of the hold.
    pub hold: Arc<str>,
    /// How many rows at most.
    pub rows_at_most: u64,
}

/// How many days beyond its limit the oldest row is, rounded up; 0 is in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overshoot {
    /// Before the plan runs.
    pub now: u32,
    /// If only whole months were dropped: what a plan without deletes would leave.
    pub drops_only: u32,
    /// After the plan has run: at most this, and only under a legal hold.
    pub after: u32,
}

/// No plan can be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A table that nobody would prune.
    #[error(
        "the store has a table `{table}` that is not registered; register it with its class and layout, or as exempt with the reason"
    )]
    NotRegistered {
        /// Its name.
        table: Arc<str>,
    },
    /// A table that was not looked at.
    #[error(
        "table `{table}` is registered, and the inventory does not name it; migrate the store, or take it out of the registry"
    )]
    NotInventoried {
        /// Its name.
        table: Arc<str>,
    },
    /// Rows where they do not belong: in a default partition, for instance.
    #[error(
        "table `{table}`, month {month}: the rows of {owner} reach beyond the month, or end before they begin; move them to their months"
    )]
    OutsideMonth {
        /// Its name.
        table: Arc<str>,
        /// The month.
        month: Month,
        /// Whose rows.
        owner: Owner,
    },
}

/// The registry and the inventory know the same tables, and every row lies in its month.
fn check(registry: &Registry, inventory: &Inventory) -> Result<(), PlanError> {
    for (name, _) in inventory.tables() {
        if registry.table(name).is_none() && registry.exempt(name).is_none() {
            return Err(PlanError::NotRegistered { table: name.into() });
        }
    }
    for table in registry.tables() {
        let Some(partitions) = inventory.table(table.name()) else {
            let table = table.name().clone();
            return Err(PlanError::NotInventoried { table });
        };
        for partition in partitions {
            let month = partition.month;
            let inside = |group: &&crate::Group| {
                month.start() <= group.oldest
                    && group.oldest <= group.newest
                    && group.newest < month.end()
            };
            if let Some(group) = partition.groups.iter().find(|group| !inside(group)) {
                return Err(PlanError::OutsideMonth {
                    table: table.name().clone(),
                    month,
                    owner: group.owner.clone(),
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
