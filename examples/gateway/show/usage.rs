//! What people see of usage and of what is kept.

use std::collections::BTreeMap;
use std::fmt::Display;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use portcullis::retention_policy::{DataClass, Plan, Policy, PurgeReceipt};
use portcullis::{Applied, HoldId, HoldRow, KeyId, KeyView, NanoUsd, RollupRow, UsageReport};

/// The sums of some rollups.
#[derive(Default)]
struct Sums {
    requests: u64,
    refused: u64,
    input: u64,
    output: u64,
    nanos: i64,
    last: i64,
}

impl Sums {
    fn add(&mut self, row: &RollupRow) {
        let refused = row.cause.is_some();
        self.requests += if refused { 0 } else { row.requests };
        self.refused += if refused { row.requests } else { 0 };
        self.input = self.input.saturating_add(row.input);
        self.output = self.output.saturating_add(row.output);
        self.nanos = self.nanos.saturating_add(row.cost);
        self.last = self.last.max(row.last.0);
    }
}

/// Which key is used, and is it odd?
pub(crate) fn report(report: &UsageReport, keys: &[KeyView], days: u16, today: DateTime<Utc>) {
    if report.days.is_empty() {
        println!("No request was recorded in the last {days} days.");
    } else {
        let key_name = |id: KeyId| {
            let found = keys.iter().find(|key| key.id == id);
            format!("{id} {}", found.map_or("", |key| key.name.as_str()))
        };
        table("KEY", &report.days, |row| key_name(row.key));
        let used: Vec<RollupRow> = report
            .days
            .iter()
            .filter(|it| it.cause.is_none())
            .cloned()
            .collect();
        table("MODEL", &used, |row| row.model.clone());
        table("PROVIDER", &used, |row| row.provider.clone());
        chart(&report.days, days, today);
        causes(&report.days, key_name);
    }
    let lost: u64 = report.lost.iter().map(|day| day.count).sum();
    if lost > 0 {
        println!(
            "LOST: {lost} requests could not be recorded in time; they are not in these numbers."
        );
    }
}

fn table(head: &str, rows: &[RollupRow], name: impl Fn(&RollupRow) -> String) {
    let mut sums: BTreeMap<String, Sums> = BTreeMap::new();
    for row in rows {
        sums.entry(name(row)).or_default().add(row);
    }
    println!(
        "{head:<32}{:>10}{:>9}{:>12}{:>12}{:>12}  LAST USED",
        "REQUESTS", "REFUSED", "INPUT", "OUTPUT", "COST"
    );
    for (name, sums) in sums {
        let last = DateTime::<Utc>::from_timestamp_micros(sums.last);
        println!(
            "{name:<32}{:>10}{:>9}{:>12}{:>12}{:>12}  {}",
            sums.requests,
            sums.refused,
            sums.input,
            sums.output,
            NanoUsd::from_nanos(sums.nanos).to_string(),
            super::time_or(last, "never"),
        );
    }
    println!();
}

/// One bar for each day.
fn chart(rows: &[RollupRow], days: u16, today: DateTime<Utc>) {
    let mut by_day: BTreeMap<NaiveDate, Sums> = BTreeMap::new();
    for row in rows {
        if let Some(at) = DateTime::<Utc>::from_timestamp_micros(row.last.0) {
            by_day.entry(at.date_naive()).or_default().add(row);
        }
    }
    let most = by_day
        .values()
        .map(|sums| sums.requests + sums.refused)
        .max();
    let most = most.unwrap_or(0).max(1);
    println!("REQUESTS A DAY (# answered, x refused)");
    let shown = i64::from(days.min(31));
    for back in (0..shown).rev() {
        let day = (today - TimeDelta::days(back)).date_naive();
        let none = Sums::default();
        let sums = by_day.get(&day).unwrap_or(&none);
        let bar = |count: u64, mark: &str| {
            let width = (count * WIDTH).div_ceil(most);
            mark.repeat(usize::try_from(width).unwrap_or(0))
        };
        let (answered, refused) = (bar(sums.requests, "#"), bar(sums.refused, "x"));
        println!(
            "{day} {:>8} {answered}{refused}",
            sums.requests + sums.refused
        );
    }
    println!();
}

fn causes(rows: &[RollupRow], key_name: impl Fn(KeyId) -> String) {
    let mut causes: BTreeMap<(&str, KeyId), u64> = BTreeMap::new();
    for row in rows {
        if let Some(cause) = &row.cause {
            *causes.entry((cause, row.key)).or_default() += row.requests;
        }
    }
    if causes.is_empty() {
        return;
    }
    println!("{:<32}{:>10}  KEY", "REFUSED BY CAUSE", "REQUESTS");
    for ((cause, key), count) in causes {
        println!("{cause:<32}{count:>10}  {}", key_name(key));
    }
    println!();
}

pub(crate) fn policies(organization: &Policy, project: &Policy) {
    println!("{:<16}{:>14}{:>12}", "CLASS", "ORGANIZATION", "PROJECT");
    let line = |name: &str, org: &dyn Display, project: &dyn Display| {
        println!(
            "{name:<16}{:>14}{:>12}",
            org.to_string(),
            project.to_string()
        );
    };
    for class in DataClass::ALL {
        line(
            class.as_str(),
            &organization.days(class),
            &project.days(class),
        );
    }
    line("sampling", &organization.sampling(), &project.sampling());
    println!("{}", gateway_bodies::Keeper::PROMISE);
}

pub(crate) fn plan(plan: &Plan) {
    print!("{plan}");
}

pub(crate) fn applied(applied: &Applied) {
    for (table, rows) in &applied.removed {
        println!("{table:<20}{rows:>12} rows removed");
    }
    println!("{} rows remain to be removed", applied.remaining);
}

pub(crate) fn placed(id: HoldId) {
    eprintln!("The hold is placed. Lift it by its id:");
    println!("{id}");
}

pub(crate) fn holds(holds: &[HoldRow]) {
    for hold in holds {
        let on = match (hold.key, hold.project, hold.org) {
            (Some(key), _, _) => format!("key {key}"),
            (None, Some(project), _) => format!("project {project}"),
            (None, None, Some(org)) => format!("organization {org}"),
            (None, None, None) => "everything".to_owned(),
        };
        println!(
            "{} on {on}: {}, placed by {}",
            hold.id, hold.reason, hold.placed_by
        );
    }
    if holds.is_empty() {
        println!("no legal hold");
    }
}

/// The receipt on standard output, alone on a line; what it says on standard error.
pub(crate) fn receipt(receipt: &PurgeReceipt) {
    for (table, rows) in receipt.removed() {
        eprintln!("{table:<20}{rows:>12} rows removed");
    }
    for (table, hold, rows) in receipt.held() {
        eprintln!("{table:<20}{rows:>12} rows kept at most, under hold {hold}");
    }
    let hash: String = receipt
        .hash()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    eprintln!(
        "ordered in record {} of the organization's audit log",
        receipt.audit_sequence()
    );
    eprintln!("SHA-256 of the receipt: {hash}");
    println!("{}", receipt.canonical());
}

/// The longest bar.
const WIDTH: u64 = 40;
