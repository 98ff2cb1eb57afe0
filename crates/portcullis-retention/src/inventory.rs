//! What a store has, as a plan needs to know it.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::{Month, Owner};

/// The tables of a store with the rows in them, counted by month and owner.
///
/// The store names **every** table it has, from its catalogue and not from a list in its code, so that a table that
/// was added and forgotten is found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    tables: BTreeMap<Arc<str>, Vec<Partition>>,
}

impl Inventory {
    /// Of no table.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            tables: BTreeMap::new(),
        }
    }

    /// With a table and its months; what was said of it before is added to.
    #[must_use]
    pub fn with(mut self, table: &str, partitions: impl IntoIterator<Item = Partition>) -> Self {
        self.tables
            .entry(table.into())
            .or_default()
            .extend(partitions);
        self
    }

    /// The tables and their months.
    pub fn tables(&self) -> impl Iterator<Item = (&str, &[Partition])> {
        self.tables
            .iter()
            .map(|(name, partitions)| (&**name, &**partitions))
    }

    /// The months of a table; `None` when it is not named.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&[Partition]> {
        self.tables.get(name).map(|partitions| &**partitions)
    }
}

/// One month of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Which month.
    pub month: Month,
    /// The rows in it. None of them when a month table is empty.
    pub groups: Vec<Group>,
}

/// Rows of one owner in one month. There may be several groups of an owner, such as one for each day: then the
/// plan's counts are nearer to what will be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Whose they are.
    pub owner: Owner,
    /// How many.
    pub rows: u64,
    /// The time of the oldest.
    pub oldest: DateTime<Utc>,
    /// The time of the newest.
    pub newest: DateTime<Utc>,
}
