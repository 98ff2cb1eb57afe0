//! Every table that there is, and what is to become of its rows.

use portcullis_retention::{DataClass, InvalidRegistry, Layout, Registry, Table};

/// The registry of the gate's own tables, and of its companions'.
pub(crate) fn registry(companions: Vec<Table>) -> Result<Registry, InvalidRegistry> {
    let own = [
        Table::new(TRACES, DataClass::RequestMeta, Layout::MonthTables),
        Table::new(ROLLUPS, DataClass::Rollup, Layout::MonthColumn),
        Table::new(RECORDS, DataClass::Audit, Layout::Log),
        Table::new(OPENINGS, DataClass::Opening, Layout::MonthColumn)
            .companion_of(RECORDS)
            .without_key(),
    ];
    Registry::new(own.into_iter().chain(companions), EXEMPT)
}

/// The tables of a store that nobody has registered.
pub(crate) fn unregistered<'n>(
    registry: &Registry,
    names: impl IntoIterator<Item = &'n str>,
) -> Vec<&'n str> {
    let unknown = |name: &&str| registry.table(name).is_none() && registry.exempt(name).is_none();
    names.into_iter().filter(unknown).collect()
}

/// One row for each request.
pub(crate) const TRACES: &str = "traces";
const ROLLUPS: &str = "rollups";
/// The records of the audit logs.
pub(crate) const RECORDS: &str = "audit_entries";
/// What opens their private fields.
pub(crate) const OPENINGS: &str = "audit_openings";

/// Tables whose rows have no limit, with the reason why.
const EXEMPT: [(&str, &str); 24] = [
    ("audit_logs", "one head for each log, which grows"),
    ("audit_outbox", "drafts that the next append takes"),
    (
        "audit_retained",
        "hashes that verify what is left of a pruned log",
    ),
    (
        "audit_unscrubbed",
        "names of tables, until they are scrubbed",
    ),
    ("changes", "which row changed, not how"),
    ("credentials", "configuration, until it is deleted"),
    ("instance_secrets", "configuration"),
    ("key_secrets", "configuration: digests"),
    ("keys", "configuration, until somebody deletes it"),
    ("legal_holds", "configuration, until they are lifted"),
    ("master_checks", "configuration: check values"),
    ("nodes", "who serves, until it stops"),
    ("organization_keys", "configuration: versions of keys"),
    ("organizations", "configuration"),
    ("projects", "configuration"),
    ("retention_removals", "counts of a run, until it is over"),
    ("retention_settings", "configuration"),
    ("schema_migrations", "which migrations were made"),
    (
        "shares",
        "the books, which forget periods that are over by themselves",
    ),
    ("sqlite_sequence", "SQLite's own"),
    ("sqlite_stat1", "SQLite's own"),
    ("sqlite_stat4", "SQLite's own"),
    ("trace_losses", "one number for each day, of nobody"),
    ("trace_months", "one row for each month that there is"),
];
