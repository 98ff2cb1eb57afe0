use std::collections::{BTreeMap, BTreeSet};

use super::MemoryStore;
use super::state::State;
use crate::{
    HoldId, HoldRow, KeyId, LostRow, MonthRow, OrgId, PartRow, ProjectId, Removal, RemovalRow,
    RemovalStep, RemovedRow, RequestId, RetentionRow, RetentionRows, RollupRow, StoreError,
    StoreErrorKind, TableRow, TraceBatch, TraceRow, TraceStore, UnixMicros, YearMonth,
};

/// What is kept of requests.
#[derive(Debug, Default)]
pub(super) struct Traces {
    months: BTreeMap<YearMonth, BTreeMap<Place, TraceRow>>,
    rollups: BTreeMap<Sum, RollupRow>,
    lost: BTreeMap<UnixMicros, u64>,
    removed: BTreeMap<String, BTreeMap<String, u64>>,
}

type Place = (OrgId, ProjectId, UnixMicros, RequestId);
/// Day, key, provider, model, outcome and cause: of one organization and project, because of one key.
type Sum = (UnixMicros, KeyId, String, String, String, Option<String>);

impl TraceStore for MemoryStore {
    async fn write_traces(&self, batch: TraceBatch) -> Result<(), StoreError> {
        self.lock().write_traces(batch)
    }

    async fn traces(
        &self,
        org: OrgId,
        from: UnixMicros,
        until: UnixMicros,
        limit: usize,
    ) -> Result<Vec<TraceRow>, StoreError> {
        self.read(|state| {
            let all = state.traces.months.values().flat_map(BTreeMap::values);
            let mut found: Vec<TraceRow> = all
                .filter(|row| row.org == org && from <= row.at && row.at < until)
                .cloned()
                .collect();
            found.sort_by_key(|row| std::cmp::Reverse((row.at, row.id)));
            found.truncate(limit);
            found
        })
    }

    async fn rollups(&self, org: OrgId, from: UnixMicros) -> Result<Vec<RollupRow>, StoreError> {
        self.read(|state| {
            let all = state.traces.rollups.values();
            all.filter(|row| row.org == org && from <= row.last)
                .cloned()
                .collect()
        })
    }

    async fn lost_traces(&self, from: UnixMicros) -> Result<Vec<LostRow>, StoreError> {
        self.read(|state| {
            let days = state.traces.lost.range(from.day()..);
            let row = |(day, count): (&UnixMicros, &u64)| LostRow {
                day: *day,
                count: *count,
            };
            days.map(row).collect()
        })
    }

    async fn retention(&self) -> Result<RetentionRows, StoreError> {
        self.read(|state| state.retention.clone())
    }

    async fn inventory(&self) -> Result<Vec<TableRow>, StoreError> {
        self.read(|state| state.traces.inventory())
    }

    async fn remove(&self, mut step: RemovalStep) -> Result<Option<RemovedRow>, StoreError> {
        let mut state = self.lock();
        let Some(removal) = step(&state.retention) else {
            return Ok(None);
        };
        state.traces.remove(&removal).map(Some)
    }

    async fn removed(&self, run: String) -> Result<Vec<(String, u64)>, StoreError> {
        self.read(|state| {
            let of_run = state.traces.removed.get(&run);
            let rows = of_run.into_iter().flatten();
            rows.map(|(table, rows)| (table.clone(), *rows)).collect()
        })
    }

    async fn forget_run(&self, run: String) -> Result<(), StoreError> {
        self.lock().traces.removed.remove(&run);
        Ok(())
    }
}

impl State {
    fn write_traces(&mut self, batch: TraceBatch) -> Result<(), StoreError> {
        let mut placed = Vec::with_capacity(batch.rows.len());
        for row in batch.rows {
            let month = YearMonth::of(row.at).ok_or_else(|| conflict("a trace without a month"))?;
            let key = self.keys.get(&row.key);
            let project = self.projects.get(&row.project);
            if key.is_none_or(|key| key.org != row.org)
                || project.is_none_or(|project| project.org != row.org)
            {
                return Err(conflict("a trace of no key or project of the organization"));
            }
            placed.push((month, row));
        }
        for (month, row) in placed {
            self.traces.put(month, row);
        }
        if batch.lost > 0 {
            let lost = self.traces.lost.entry(batch.at.day()).or_default();
            *lost = lost.saturating_add(batch.lost);
        }
        Ok(())
    }

    pub(super) fn set_retention(&mut self, row: &RetentionRow) -> Result<(), StoreError> {
        self.owns(row.org, row.project)?;
        let settings = &mut self.retention.settings;
        settings.retain(|other| (other.org, other.project) != (row.org, row.project));
        if !row.is_empty() {
            settings.push(row.clone());
            settings.sort_by_key(|row| (row.org, row.project));
        }
        Ok(())
    }

    pub(super) fn place_hold(&mut self, row: &HoldRow) -> Result<(), StoreError> {
        self.owns(row.org, row.project)?;
        let key = row.key.map(|key| self.keys.get(&key));
        let own = key.is_none_or(|key| key.is_some_and(|key| Some(key.org) == row.org));
        if !own {
            return Err(conflict("a hold on no key of the organization"));
        }
        let holds = &mut self.retention.holds;
        if holds.iter().any(|other| other.id == row.id) {
            return Err(conflict("the id of the hold is taken"));
        }
        holds.push(row.clone());
        holds.sort_by_key(|row| row.id);
        Ok(())
    }

    pub(super) fn lift_hold(&mut self, org: Option<OrgId>, id: HoldId) -> Result<(), StoreError> {
        let holds = &mut self.retention.holds;
        let before = holds.len();
        holds.retain(|row| (row.id, row.org) != (id, org));
        if holds.len() < before {
            Ok(())
        } else {
            Err(conflict("the change set's organization has no such hold"))
        }
    }

    fn owns(&self, org: Option<OrgId>, project: Option<ProjectId>) -> Result<(), StoreError> {
        let known = org.is_none_or(|org| self.organizations.contains_key(&org));
        let project = project.map(|project| self.projects.get(&project));
        let own = project.is_none_or(|row| row.is_some_and(|row| Some(row.org) == org));
        if known && own {
            Ok(())
        } else {
            Err(conflict("no such organization or project"))
        }
    }
}

impl Traces {
    fn put(&mut self, month: YearMonth, row: TraceRow) {
        let place = (row.org, row.project, row.at, row.id);
        let of_month = self.months.entry(month).or_default();
        if of_month.contains_key(&place) {
            return;
        }
        let sum = (
            row.at.day(),
            row.key,
            row.provider.clone(),
            row.model.clone(),
            row.outcome.clone(),
            row.cause.clone(),
        );
        let rollup = self.rollups.entry(sum).or_insert_with(|| empty(&row));
        rollup.last = rollup.last.max(row.at);
        rollup.requests = rollup.requests.saturating_add(1);
        rollup.input = rollup.input.saturating_add(row.input.unwrap_or(0));
        rollup.cached = rollup.cached.saturating_add(row.cached.unwrap_or(0));
        rollup.output = rollup.output.saturating_add(row.output.unwrap_or(0));
        rollup.cost = rollup.cost.saturating_add(row.cost.unwrap_or(0));
        let unpriced = u64::from(row.cost.is_none());
        rollup.unpriced = rollup.unpriced.saturating_add(unpriced);
        rollup.latency = rollup.latency.saturating_add(row.latency);
        of_month.insert(place, row);
    }

    fn inventory(&self) -> Vec<TableRow> {
        let traces = self.months.iter().map(|(month, rows)| {
            let rows = rows.values().map(|row| (row.org, row.project, row.at));
            month_row(*month, rows)
        });
        let mut rollups: BTreeMap<YearMonth, Vec<_>> = BTreeMap::new();
        for row in self.rollups.values() {
            if let Some(month) = YearMonth::of(row.last) {
                let of_month = rollups.entry(month).or_default();
                of_month.push((row.org, row.project, row.last));
            }
        }
        let rollups = rollups.into_iter();
        let rollups = rollups.map(|(month, rows)| month_row(month, rows.into_iter()));
        vec![
            TableRow {
                name: ROLLUPS.to_owned(),
                months: rollups.collect(),
            },
            TableRow {
                name: TRACES.to_owned(),
                months: traces.collect(),
            },
        ]
    }

    fn remove(&mut self, removal: &RemovalRow) -> Result<RemovedRow, StoreError> {
        let removed = match (removal.table.as_str(), &removal.what) {
            (TRACES, Removal::Drop { rows }) => {
                let found = self.months.get(&removal.month).map_or(0, BTreeMap::len) as u64;
                if found != *rows {
                    return Ok(RemovedRow {
                        rows: 0,
                        finished: false,
                    });
                }
                self.months.remove(&removal.month);
                RemovedRow {
                    rows: found,
                    finished: true,
                }
            }
            (TRACES, what) => {
                let rows = self.months.entry(removal.month).or_default();
                delete(rows, what, |row| (row.org, row.project, row.key, row.at))
            }
            (ROLLUPS, what @ Removal::Delete { .. }) => {
                let month = removal.month;
                let inside = |row: &RollupRow| YearMonth::of(row.last) == Some(month);
                let mut of_month: BTreeMap<Sum, RollupRow> = std::mem::take(&mut self.rollups);
                let others: BTreeMap<Sum, RollupRow> =
                    of_month.extract_if(.., |_, row| !inside(row)).collect();
                let removed = delete(&mut of_month, what, |row| {
                    (row.org, row.project, row.key, row.last)
                });
                of_month.extend(others);
                self.rollups = of_month;
                removed
            }
            (_, _) => return Err(conflict("no such table to remove so from")),
        };
        let run = self.removed.entry(removal.run.clone()).or_default();
        *run.entry(removal.table.clone()).or_default() += removed.rows;
        Ok(removed)
    }
}

/// Whose a row is, and when.
type Facts = (OrgId, ProjectId, KeyId, UnixMicros);

fn delete<Id: Ord + Clone, Row>(
    rows: &mut BTreeMap<Id, Row>,
    what: &Removal,
    facts: impl Fn(&Row) -> Facts,
) -> RemovedRow {
    let Removal::Delete {
        org,
        project,
        before,
        except,
        limit,
    } = what
    else {
        return RemovedRow {
            rows: 0,
            finished: false,
        };
    };
    let goes = |row: &Row| {
        let (of_org, of_project, key, at) = facts(row);
        let kept = except.iter().any(|kept| {
            kept.key.is_none_or(|held| held == key)
                && kept.from.is_none_or(|from| from <= at)
                && kept.until.is_none_or(|until| at < until)
        });
        *org == Some(of_org)
            && *project == Some(of_project)
            && before.is_none_or(|before| at < before)
            && !kept
    };
    let due: BTreeSet<Id> = rows
        .iter()
        .filter(|(_, row)| goes(row))
        .map(|(id, _)| id.clone())
        .collect();
    let limit = usize::try_from(*limit).unwrap_or(usize::MAX);
    let going: Vec<&Id> = due.iter().take(limit).collect();
    for id in &going {
        rows.remove(*id);
    }
    RemovedRow {
        rows: going.len() as u64,
        finished: going.len() == due.len(),
    }
}

fn month_row(
    month: YearMonth,
    rows: impl Iterator<Item = (OrgId, ProjectId, UnixMicros)>,
) -> MonthRow {
    let mut parts: BTreeMap<(OrgId, ProjectId, UnixMicros), PartRow> = BTreeMap::new();
    for (org, project, at) in rows {
        let part = parts.entry((org, project, at.day())).or_insert(PartRow {
            org: Some(org),
            project: Some(project),
            rows: 0,
            oldest: at,
            newest: at,
        });
        part.rows += 1;
        part.oldest = part.oldest.min(at);
        part.newest = part.newest.max(at);
    }
    MonthRow {
        month,
        parts: parts.into_values().collect(),
    }
}

fn empty(row: &TraceRow) -> RollupRow {
    RollupRow {
        org: row.org,
        project: row.project,
        key: row.key,
        provider: row.provider.clone(),
        model: row.model.clone(),
        outcome: row.outcome.clone(),
        cause: row.cause.clone(),
        last: row.at,
        requests: 0,
        input: 0,
        cached: 0,
        output: 0,
        cost: 0,
        unpriced: 0,
        latency: 0,
    }
}

fn conflict(what: &str) -> StoreError {
    let message = format!("{what}; nothing was written");
    StoreError::new(StoreErrorKind::Conflict, message).nothing_written()
}

const TRACES: &str = "traces";
const ROLLUPS: &str = "rollups";
