//! Every table there is, and what is to become of its rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::DataClass;

/// How the rows of a table lie in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layout {
    /// One table or partition for each month, dropped as a whole when all of it is due.
    MonthTables,
    /// One table for all months; rows are deleted.
    MonthColumn,
    /// An audit log: rows leave from its beginning only, in the order of their sequence.
    Log,
}

/// A table with a limit.
///
/// ```
/// use portcullis_retention::{DataClass, Layout, Table};
///
/// let requests = Table::new("requests", DataClass::RequestMeta, Layout::MonthTables);
/// let bodies = Table::new("bodies", DataClass::BodySample, Layout::MonthTables).companion_of("requests");
/// let rollups = Table::new("daily_costs", DataClass::Rollup, Layout::MonthColumn).without_key();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    name: Arc<str>,
    class: DataClass,
    layout: Layout,
    parent: Option<Arc<str>>,
    has_project: bool,
    has_key: bool,
}

impl Table {
    /// A table whose rows say which project and which key they are of; those of a log say neither, because they leave
    /// together.
    #[must_use]
    pub fn new(name: &str, class: DataClass, layout: Layout) -> Self {
        Self {
            name: name.into(),
            class,
            layout,
            parent: None,
            has_project: layout != Layout::Log,
            has_key: layout != Layout::Log,
        }
    }

    /// Rows hang on those of `parent`: they are deleted before them.
    #[must_use]
    pub fn companion_of(mut self, parent: &str) -> Self {
        self.parent = Some(parent.into());
        self
    }

    /// Rows do not say which key they are of. A hold on a key then holds all rows of its project.
    #[must_use]
    pub const fn without_key(mut self) -> Self {
        self.has_key = false;
        self
    }

    /// Rows do not say which project they are of. A hold on a project then holds all rows of its organization.
    #[must_use]
    pub const fn without_project(mut self) -> Self {
        self.has_project = false;
        self
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What its rows are.
    #[must_use]
    pub const fn class(&self) -> DataClass {
        self.class
    }

    /// How its rows lie in time.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// The table that its rows hang on.
    #[must_use]
    pub fn parent(&self) -> Option<&str> {
        self.parent.as_deref()
    }

    /// Whether rows say which project they are of.
    #[must_use]
    pub const fn has_project(&self) -> bool {
        self.has_project
    }

    /// Whether rows say which key they are of.
    #[must_use]
    pub const fn has_key(&self) -> bool {
        self.has_key
    }
}

/// All tables of a store. A table that nobody registered is one that nobody prunes, so a plan refuses it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registry {
    /// Companions before what they hang on.
    tables: Vec<Table>,
    exempt: BTreeMap<Arc<str>, &'static str>,
}

impl Registry {
    /// These tables, and `exempt`: names of tables whose rows have no limit, each with the reason why, such as
    /// `("organizations", "configuration")`.
    ///
    /// # Errors
    /// [`InvalidRegistry`], naming the table and the cure.
    pub fn new(
        tables: impl IntoIterator<Item = Table>,
        exempt: impl IntoIterator<Item = (&'static str, &'static str)>,
    ) -> Result<Self, InvalidRegistry> {
        let mut registry = Self::default();
        for (name, reason) in exempt {
            if registry.exempt.insert(name.into(), reason).is_some() {
                return Err(InvalidRegistry::Twice { table: name.into() });
            }
        }
        let tables: Vec<Table> = tables.into_iter().collect();
        let mut depths: Vec<(usize, Table)> = Vec::new();
        for table in &tables {
            let same = tables
                .iter()
                .filter(|other| other.name == table.name)
                .count();
            if same > 1 || registry.exempt.contains_key(&table.name) {
                let table = table.name.clone();
                return Err(InvalidRegistry::Twice { table });
            }
            columns(table)?;
            depths.push((depth(&tables, table)?, table.clone()));
        }
        depths.sort_by(|(a, one), (b, other)| b.cmp(a).then_with(|| one.name.cmp(&other.name)));
        registry.tables = depths.into_iter().map(|(_, table)| table).collect();
        Ok(registry)
    }

    /// The tables with a limit, companions before what they hang on.
    #[must_use]
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The table of this name, if it has a limit.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| &*table.name == name)
    }

    /// Why the rows of this table have no limit, if that was said.
    #[must_use]
    pub fn exempt(&self, name: &str) -> Option<&'static str> {
        self.exempt.get(name).copied()
    }
}

/// A set of tables that cannot be planned for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRegistry {
    /// Two registrations.
    #[error("table `{table}` is registered twice; keep one of the two")]
    Twice {
        /// Its name.
        table: Arc<str>,
    },
    /// The parent is not registered, or hangs on its own companion.
    #[error(
        "table `{table}` hangs on `{parent}`, which is not registered with a limit, or hangs on it in turn; register `{parent}`"
    )]
    NoParent {
        /// Its name.
        table: Arc<str>,
        /// What it hangs on.
        parent: Arc<str>,
    },
    /// A companion that may outlive its parent.
    #[error(
        "table `{table}` is of class `{class}` and hangs on one of `{parent}`, which it may outlive; give both the same class, or hang bodies on metadata and openings on audit records"
    )]
    Outlives {
        /// Its name.
        table: Arc<str>,
        /// Its class.
        class: DataClass,
        /// The class of what it hangs on.
        parent: DataClass,
    },
    /// An audit log loses rows in its middle, or something else only at its beginning.
    #[error(
        "table `{table}` of class `{class}`: the class `audit`, and no other, has the layout `Log`"
    )]
    Layout {
        /// Its name.
        table: Arc<str>,
        /// Its class.
        class: DataClass,
    },
    /// A project could not be purged.
    #[error(
        "table `{table}` of class `{class}` needs a project in its rows, or a project cannot be purged"
    )]
    NoProject {
        /// Its name.
        table: Arc<str>,
        /// Its class.
        class: DataClass,
    },
}

/// What the class of a table asks of its rows.
fn columns(table: &Table) -> Result<(), InvalidRegistry> {
    let (name, class) = (table.name.clone(), table.class);
    let purgeable = match class {
        DataClass::RequestMeta | DataClass::BodySample | DataClass::Opening => true,
        DataClass::Audit | DataClass::Rollup => false,
    };
    if (table.layout == Layout::Log) != (class == DataClass::Audit) {
        return Err(InvalidRegistry::Layout { table: name, class });
    }
    if purgeable && !table.has_project {
        return Err(InvalidRegistry::NoProject { table: name, class });
    }
    Ok(())
}

/// How many tables `table` hangs on, one over another.
fn depth(tables: &[Table], table: &Table) -> Result<usize, InvalidRegistry> {
    let (mut depth, mut at) = (0, table);
    while let Some(parent) = &at.parent {
        let found = tables.iter().find(|other| other.name == *parent);
        let Some(above) = found.filter(|_| depth < tables.len()) else {
            return Err(InvalidRegistry::NoParent {
                table: at.name.clone(),
                parent: parent.clone(),
            });
        };
        if at.class != above.class && at.class.within() != Some(above.class) {
            return Err(InvalidRegistry::Outlives {
                table: at.name.clone(),
                class: at.class,
                parent: above.class,
            });
        }
        (depth, at) = (depth + 1, above);
    }
    Ok(depth)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(name: &str) -> Table {
        Table::new(name, DataClass::RequestMeta, Layout::MonthTables)
    }

    fn body(name: &str) -> Table {
        Table::new(name, DataClass::BodySample, Layout::MonthColumn)
    }

    fn new(tables: impl IntoIterator<Item = Table>) -> Result<Registry, InvalidRegistry> {
        Registry::new(tables, [("keys", "configuration")])
    }

    #[test]
    fn companions_come_before_what_they_hang_on() {
        let tables = [
            meta("a"),
            meta("b").companion_of("a"),
            body("c").companion_of("b"),
            body("d").companion_of("a"),
        ];
        let registry = new(tables).unwrap();
        let names: Vec<_> = registry.tables().iter().map(|table| &*table.name).collect();
        assert_eq!(names, ["c", "b", "d", "a"]);
        assert_eq!(registry.exempt("keys"), Some("configuration"));
        assert_eq!(registry.exempt("a"), None);
    }

    #[test]
    fn a_table_is_registered_once() {
        assert!(matches!(
            new([meta("a"), meta("a")]),
            Err(InvalidRegistry::Twice { .. })
        ));
        assert!(matches!(
            new([meta("keys")]),
            Err(InvalidRegistry::Twice { .. })
        ));
        let twice = Registry::new([], [("a", "x"), ("a", "y")]);
        assert!(matches!(twice, Err(InvalidRegistry::Twice { .. })));
    }

    #[test]
    fn a_companion_hangs_on_a_registered_table_and_not_on_itself() {
        for tables in [
            vec![meta("a").companion_of("b")],
            vec![meta("a").companion_of("keys")],
            vec![meta("a").companion_of("a")],
            vec![meta("a").companion_of("b"), meta("b").companion_of("a")],
        ] {
            assert!(matches!(new(tables), Err(InvalidRegistry::NoParent { .. })));
        }
    }

    #[test]
    fn a_companion_cannot_outlive_what_it_hangs_on() {
        let tables = [body("a"), meta("b").companion_of("a")];
        assert!(matches!(new(tables), Err(InvalidRegistry::Outlives { .. })));
    }

    #[test]
    fn audit_records_and_nothing_else_leave_from_the_beginning() {
        let month = Table::new("a", DataClass::Audit, Layout::MonthTables);
        let log = Table::new("a", DataClass::Rollup, Layout::Log);
        for table in [month, log] {
            assert!(matches!(new([table]), Err(InvalidRegistry::Layout { .. })));
        }
    }

    #[test]
    fn what_a_purge_removes_says_which_project_it_is_of() {
        assert!(matches!(
            new([body("a").without_project()]),
            Err(InvalidRegistry::NoProject { .. })
        ));
        let rollup = Table::new("a", DataClass::Rollup, Layout::MonthColumn);
        assert!(new([rollup.without_project()]).is_ok());
    }
}
