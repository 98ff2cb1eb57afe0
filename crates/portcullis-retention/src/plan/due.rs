//! The plan of what is past its limit.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Blocked, Exemption, Overshoot, Plan, Rules, Step, Subject};
use crate::hold::Reach;
use crate::{Group, Inventory, Layout, Month, Owner, Table, TimeRange};

/// What is past its limit at `now`; registry and inventory fit together.
pub(super) fn plan(rules: &Rules, inventory: &Inventory, now: DateTime<Utc>) -> Plan {
    let mut planner = Planner::new(Subject::Due, rules, now);
    for table in rules.registry.tables() {
        let partitions = inventory.table(table.name()).unwrap_or_default();
        let mut months: BTreeMap<Month, Vec<&Group>> = BTreeMap::new();
        for partition in partitions {
            let groups = months.entry(partition.month).or_default();
            groups.extend(partition.groups.iter().filter(|group| group.rows > 0));
        }
        match table.layout() {
            Layout::Log => {
                let groups: Vec<&Group> = months.into_values().flatten().collect();
                planner.log(table, &groups);
            }
            Layout::MonthTables | Layout::MonthColumn => {
                for (month, groups) in months {
                    planner.month(table, month, &groups);
                }
            }
        }
    }
    planner.plan
}

/// A plan in the making.
pub(super) struct Planner<'r> {
    rules: &'r Rules,
    pub(super) plan: Plan,
}

/// An owner's rows of one month.
#[derive(Default)]
struct Rows<'g>(Vec<&'g Group>);

impl Rows<'_> {
    /// At most so many rows of `range` that are dated before `end`.
    fn count(&self, range: &TimeRange, end: DateTime<Utc>) -> u64 {
        let some = self.0.iter().filter(|group| {
            let first = range
                .from()
                .map_or(group.oldest, |from| from.max(group.oldest));
            first <= group.newest && range.contains(first) && first < end
        });
        some.fold(0, |sum, group| sum.saturating_add(group.rows))
    }

    fn oldest(&self) -> DateTime<Utc> {
        let oldest = self.0.iter().map(|group| group.oldest).min();
        oldest.unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    fn newest(&self) -> DateTime<Utc> {
        let newest = self.0.iter().map(|group| group.newest).max();
        newest.unwrap_or(DateTime::<Utc>::MIN_UTC)
    }
}

impl<'r> Planner<'r> {
    pub(super) fn new(subject: Subject, rules: &'r Rules, now: DateTime<Utc>) -> Self {
        let plan = Plan {
            subject,
            now,
            rules: rules.clone(),
            steps: Vec::new(),
            blocked: Vec::new(),
            overshoot: Overshoot::default(),
            ahead_of_clock: 0,
        };
        Self { rules, plan }
    }

    /// One month of a table: dropped if all of it is due and nothing is held, else deleted from.
    fn month(&mut self, table: &Table, month: Month, groups: &[&Group]) {
        self.count_ahead(groups);
        let mut owners: BTreeMap<&Owner, Rows<'_>> = BTreeMap::new();
        for group in groups {
            owners.entry(&group.owner).or_default().0.push(group);
        }
        let over = |owner: &Owner| month.end() <= self.cutoff(table, owner);
        let free = |owner: &Owner| self.exemptions(table, owner, &month.range()).is_empty();
        let all_due = if owners.is_empty() {
            // Nobody's row can be missed in it any more.
            let longest = self.rules.policies.longest(table.class());
            month.end() <= longest.cutoff(self.plan.now)
        } else {
            owners.keys().all(|owner| over(owner) && free(owner))
        };
        let dropped = all_due && table.layout() == Layout::MonthTables;
        if dropped {
            let rows = groups
                .iter()
                .fold(0_u64, |sum, group| sum.saturating_add(group.rows));
            let table = table.name().clone();
            self.plan.steps.push(Step::Drop { table, month, rows });
        }
        for (owner, rows) in owners {
            let cutoff = self.cutoff(table, owner);
            let late = days_up(cutoff - rows.oldest());
            self.plan.overshoot.now = self.plan.overshoot.now.max(late);
            if !dropped {
                self.plan.overshoot.drops_only = self.plan.overshoot.drops_only.max(late);
                self.delete(table, month, owner, &rows, Some(cutoff));
            }
        }
    }

    /// The part of an owner's month that is dated before `before`, or all of it.
    fn delete(
        &mut self,
        table: &Table,
        month: Month,
        owner: &Owner,
        rows: &Rows<'_>,
        before: Option<DateTime<Utc>>,
    ) {
        let end = before.unwrap_or(DateTime::<Utc>::MAX_UTC);
        let rows_at_most = rows.count(&TimeRange::ALL, end);
        if rows_at_most == 0 {
            return;
        }
        let except = self.exemptions(table, owner, &month.range());
        let mut all_held = false;
        for exemption in &except {
            let held = rows.count(&exemption.range, end);
            if held == 0 {
                continue;
            }
            if let Some(before) = before {
                let from = exemption.range.from().unwrap_or(DateTime::<Utc>::MIN_UTC);
                let late = days_up(before - rows.oldest().max(from));
                self.plan.overshoot.after = self.plan.overshoot.after.max(late);
            }
            let last = rows.newest().min(end - TimeDelta::nanoseconds(1));
            let whole = exemption.range.contains(rows.oldest()) && exemption.range.contains(last);
            all_held |= exemption.key.is_none() && whole;
            self.plan.blocked.push(Blocked {
                table: table.name().clone(),
                month: Some(month),
                owner: owner.clone(),
                hold: exemption.hold.clone(),
                rows_at_most: held,
            });
        }
        if !all_held {
            self.plan.steps.push(Step::Delete {
                table: table.name().clone(),
                month,
                owner: owner.clone(),
                before,
                except,
                rows_at_most,
            });
        }
    }

    /// All of an owner's rows of a month, for a purge.
    pub(super) fn delete_all(
        &mut self,
        table: &Table,
        month: Month,
        owner: &Owner,
        groups: &[&Group],
    ) {
        self.delete(table, month, owner, &Rows(groups.to_vec()), None);
    }

    /// The logs of a table, one for each organization.
    fn log(&mut self, table: &Table, groups: &[&Group]) {
        self.count_ahead(groups);
        let mut logs: BTreeMap<Option<&Arc<str>>, Rows<'_>> = BTreeMap::new();
        for group in groups {
            let organization = group.owner.organization.as_ref();
            logs.entry(organization).or_default().0.push(group);
        }
        for (organization, rows) in logs {
            let owner = Owner {
                organization: organization.cloned(),
                project: None,
            };
            let cutoff = self.cutoff(table, &owner);
            let late = days_up(cutoff - rows.oldest());
            self.plan.overshoot.now = self.plan.overshoot.now.max(late);
            self.plan.overshoot.drops_only = self.plan.overshoot.drops_only.max(late);
            self.prune(table, owner, &rows, cutoff);
        }
    }

    /// A log, up to the first record that a hold is on: what comes after has to stay too.
    fn prune(&mut self, table: &Table, owner: Owner, rows: &Rows<'_>, cutoff: DateTime<Utc>) {
        let mut before = cutoff;
        for hold in self.rules.holds.iter() {
            let reached = hold.reach(table, &owner) != Reach::None;
            if reached && rows.count(&hold.range(), cutoff) > 0 {
                let from = hold.range().from().unwrap_or(DateTime::<Utc>::MIN_UTC);
                before = before.min(from);
                let kept = TimeRange::new(Some(from), Some(cutoff)).unwrap_or(TimeRange::ALL);
                self.plan.blocked.push(Blocked {
                    table: table.name().clone(),
                    month: None,
                    owner: owner.clone(),
                    hold: hold.id().clone(),
                    rows_at_most: rows.count(&kept, cutoff),
                });
            }
        }
        let late = days_up(cutoff - before.max(rows.oldest()));
        if before < cutoff {
            self.plan.overshoot.after = self.plan.overshoot.after.max(late);
        }
        let rows_at_most = rows.count(&TimeRange::ALL, before);
        if rows_at_most > 0 {
            self.plan.steps.push(Step::Prune {
                table: table.name().clone(),
                organization: owner.organization,
                before,
                rows_at_most,
            });
        }
    }

    /// The holds that reach into an owner's rows of a time.
    fn exemptions(&self, table: &Table, owner: &Owner, range: &TimeRange) -> Vec<Exemption> {
        let holds = self.rules.holds.iter();
        let held = holds
            .filter(|hold| hold.range().overlaps(range))
            .filter_map(|hold| {
                let key = match hold.reach(table, owner) {
                    Reach::None => return None,
                    Reach::All => None,
                    Reach::Key(key) => Some(key.clone()),
                };
                Some(Exemption {
                    hold: hold.id().clone(),
                    key,
                    range: hold.range(),
                })
            });
        held.collect()
    }

    fn cutoff(&self, table: &Table, owner: &Owner) -> DateTime<Utc> {
        let (organization, project) = (owner.organization.as_deref(), owner.project.as_deref());
        let policy = self.rules.policies.policy(organization, project);
        policy.days(table.class()).cutoff(self.plan.now)
    }

    fn count_ahead(&mut self, groups: &[&Group]) {
        let now = self.plan.now;
        let ahead = groups.iter().filter(|group| group.newest > now);
        let ahead = ahead.fold(0_u64, |sum, group| sum.saturating_add(group.rows));
        self.plan.ahead_of_clock = self.plan.ahead_of_clock.saturating_add(ahead);
    }
}

/// Whole days, rounded up; nothing for what is not late.
fn days_up(late: TimeDelta) -> u32 {
    if late <= TimeDelta::zero() {
        return 0;
    }
    let whole = late.num_days();
    let more = i64::from(late > TimeDelta::days(whole));
    u32::try_from(whole.saturating_add(more)).unwrap_or(u32::MAX)
}
