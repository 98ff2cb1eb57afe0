//! Plans against a naive judge of single rows: random policies, holds, months and clocks, batches and crashes.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests"
)]

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use portcullis_retention::{
    Apply, Batch, Budget, DataClass, Days, Group, HoldScope, Holds, Inventory, Layout, LegalHold,
    Month, Next, Owner, Partition, Plan, Policies, Policy, Progress, Purge, PurgeExtent, Registry,
    Removed, Rules, Settings, Step, Table, TimeRange,
};
use proptest::prelude::*;

/// A row, and in which table it is. Rows of a log are in the order of their sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    table: usize,
    organization: Option<usize>,
    project: Option<usize>,
    key: Option<usize>,
    at: DateTime<Utc>,
}

const TABLES: [(&str, DataClass, Layout); 6] = [
    ("requests", DataClass::RequestMeta, Layout::MonthTables),
    ("bodies", DataClass::BodySample, Layout::MonthTables),
    ("tools", DataClass::RequestMeta, Layout::MonthColumn),
    ("rollups", DataClass::Rollup, Layout::MonthColumn),
    ("openings", DataClass::Opening, Layout::MonthTables),
    ("audit", DataClass::Audit, Layout::Log),
];
const HAS_KEY: [bool; 6] = [true, true, true, false, false, false];
const HAS_PROJECT: [bool; 6] = [true, true, true, true, true, false];
const LOG: usize = 5;

fn registry() -> Registry {
    let table = |at: usize| {
        let (name, class, layout) = TABLES[at];
        let table = Table::new(name, class, layout);
        if HAS_KEY[at] {
            table
        } else {
            table.without_key()
        }
    };
    let tables = [
        table(0),
        table(1).companion_of("requests"),
        table(2).companion_of("requests"),
        table(3),
        table(4).companion_of("audit"),
        table(5),
    ];
    Registry::new(tables, [("keys", "configuration")]).unwrap()
}

fn name(id: usize) -> String {
    format!("id{id}")
}

/// A store: rows, and no idea of policies.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Model(Vec<Row>);

impl Model {
    fn inventory(&self) -> Inventory {
        let mut inventory = Inventory::new().with("keys", []);
        for (place, (table, ..)) in TABLES.iter().enumerate() {
            let mut months: BTreeMap<Month, BTreeMap<Owner, Group>> = BTreeMap::new();
            for row in self.0.iter().filter(|row| row.table == place) {
                let groups = months.entry(Month::of(row.at).unwrap()).or_default();
                let group = groups.entry(owner(row)).or_insert_with(|| Group {
                    owner: owner(row),
                    rows: 0,
                    oldest: row.at,
                    newest: row.at,
                });
                group.rows += 1;
                group.oldest = group.oldest.min(row.at);
                group.newest = group.newest.max(row.at);
            }
            let partitions = months.into_iter().map(|(month, groups)| Partition {
                month,
                groups: groups.into_values().collect(),
            });
            inventory = inventory.with(table, partitions);
        }
        inventory
    }

    /// What a store does with a batch.
    fn run(&mut self, batch: Batch<'_>) -> Removed {
        let limit = batch.limit.get() as usize;
        let table = TABLES
            .iter()
            .position(|(name, ..)| **name == **batch.step.table())
            .unwrap();
        let before = self.0.len();
        match batch.step {
            Step::Drop { month, rows, .. } => {
                let mine = |row: &Row| row.table == table && Month::of(row.at) == Some(*month);
                let found = self.0.iter().filter(|row| mine(row)).count() as u64;
                if found != 0 {
                    assert_eq!(found, *rows, "a month is dropped as the plan saw it");
                }
                self.0.retain(|row| !mine(row));
                Removed {
                    rows: found,
                    finished: true,
                }
            }
            Step::Delete {
                month,
                owner: whose,
                before: cutoff,
                except,
                ..
            } => {
                let mut left = limit;
                self.0.retain(|row| {
                    let key = row.key.map(name);
                    let due = row.table == table
                        && Month::of(row.at) == Some(*month)
                        && owner(row) == *whose
                        && cutoff.is_none_or(|cutoff| row.at < cutoff)
                        && !except.iter().any(|it| it.leaves(key.as_deref(), row.at));
                    let goes = due && left > 0;
                    left -= usize::from(goes);
                    !goes
                });
                let rows = before - self.0.len();
                Removed {
                    rows: rows as u64,
                    finished: rows < limit,
                }
            }
            Step::Prune {
                organization,
                before: cutoff,
                ..
            } => {
                let mut left = limit;
                let mut beginning = true;
                self.0.retain(|row| {
                    if row.table != table
                        || row.organization.map(name).as_deref() != organization.as_deref()
                    {
                        return true;
                    }
                    beginning &= row.at < *cutoff && left > 0;
                    left -= usize::from(beginning);
                    !beginning
                });
                let rows = before - self.0.len();
                Removed {
                    rows: rows as u64,
                    finished: rows < limit,
                }
            }
        }
    }

    fn run_all(&mut self, plan: &Plan, rows: u32) -> Progress {
        let mut apply = Apply::start(plan, budget(rows));
        loop {
            match apply.next(Duration::ZERO, plan.rules()) {
                Next::Batch(batch) => {
                    let at_most = apply.rows_remaining();
                    let removed = self.run(batch);
                    assert!(removed.rows <= at_most);
                    apply.record(removed).unwrap();
                }
                Next::Done => return apply.progress().clone(),
                Next::OutOfTime | Next::Stale => panic!("there is time, and nothing changed"),
            }
        }
    }
}

fn owner(row: &Row) -> Owner {
    Owner {
        organization: row.organization.map(|id| name(id).into()),
        project: row.project.map(|id| name(id).into()),
    }
}

fn budget(rows: u32) -> Budget {
    Budget {
        rows: NonZeroU32::new(rows).unwrap(),
        time: Duration::from_secs(1),
    }
}

/// Limits and holds in the plainest form, and the rules made of them.
#[derive(Clone, Debug)]
struct World {
    /// The instance's, organization 0's, and project 0's of organization 0, by class.
    limits: [[u16; 5]; 3],
    holds: Vec<Hold>,
}

#[derive(Clone, Debug)]
struct Hold {
    organization: Option<usize>,
    project: Option<usize>,
    key: Option<usize>,
    from: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
}

impl World {
    fn rules(&self) -> Rules {
        let settings = |limits: [u16; 5]| {
            let classes = DataClass::ALL.into_iter().zip(limits);
            classes.fold(Settings::none(), |settings, (class, days)| {
                settings.with(class, Days::new(days).unwrap())
            })
        };
        let [instance, organization, project] = self.limits;
        let mut narrower = Settings::none();
        for (class, days) in DataClass::ALL.into_iter().zip(project) {
            if class != DataClass::Audit {
                narrower = narrower.with(class, Days::new(days).unwrap());
            }
        }
        let policies = Policies::new(Policy::standard().changed(settings(instance)).unwrap())
            .organization(&name(0), settings(organization))
            .and_then(|it| it.project(&name(0), &name(0), narrower))
            .unwrap();
        let holds = self.holds.iter().enumerate().map(|(place, hold)| {
            let scope = match (hold.organization, hold.project, hold.key) {
                (None, _, _) => HoldScope::Instance,
                (Some(organization), None, None) => HoldScope::Organization {
                    organization: name(organization).into(),
                },
                (Some(organization), Some(project), None) => HoldScope::Project {
                    organization: name(organization).into(),
                    project: name(project).into(),
                },
                (Some(organization), project, Some(key)) => HoldScope::Key {
                    organization: name(organization).into(),
                    project: project.map(|id| name(id).into()),
                    key: name(key).into(),
                },
            };
            let range = TimeRange::new(hold.from, hold.until).unwrap();
            LegalHold::new(&format!("hold{place}"), scope, range, "matter", "counsel").unwrap()
        });
        Rules {
            registry: registry(),
            policies,
            holds: Holds::new(holds).unwrap(),
        }
    }

    /// The naive judge: how many days a row may be kept.
    fn limit(&self, row: &Row) -> i64 {
        let class = TABLES[row.table].1 as usize;
        let level = match (row.organization, row.project) {
            (Some(0), Some(0)) if class != DataClass::Audit as usize => 2,
            (Some(0), _) => 1,
            _ => 0,
        };
        i64::from(self.limits[level][class])
    }

    fn due(&self, row: &Row, now: DateTime<Utc>) -> bool {
        now - row.at > TimeDelta::days(self.limit(row))
    }

    /// The naive judge: whether a row is under a hold, in doubt yes.
    fn held(&self, row: &Row) -> bool {
        self.holds.iter().any(|hold| {
            reaches(hold, row)
                && hold.from.is_none_or(|from| from <= row.at)
                && hold.until.is_none_or(|until| row.at < until)
        })
    }
}

fn reaches(hold: &Hold, row: &Row) -> bool {
    let Some(organization) = hold.organization else {
        return true;
    };
    if row.organization != Some(organization) {
        return false;
    }
    if hold.key.is_some() && HAS_KEY[row.table] {
        return row.key == hold.key;
    }
    hold.project.is_none() || !HAS_PROJECT[row.table] || row.project == hold.project
}

/// Instants around which everything happens: ends of months, the leap day, the day that 2100 does not have.
const INSTANTS: [&str; 8] = [
    "2027-12-31T23:59:59.999999Z",
    "2028-01-01T00:00:00Z",
    "2028-02-29T00:00:00Z",
    "2028-02-29T23:59:59.999999Z",
    "2028-03-01T00:00:00Z",
    "2028-03-31T12:00:00Z",
    "2028-04-30T23:59:59Z",
    "2028-05-01T00:00:00Z",
];

fn instants() -> impl Strategy<Value = DateTime<Utc>> {
    let shift = prop_oneof![
        Just(TimeDelta::zero()),
        Just(TimeDelta::microseconds(1)),
        Just(TimeDelta::microseconds(-1)),
        (-200_i64..200).prop_map(TimeDelta::days), // meets limits exactly
        (-10_000_000_i64..10_000_000).prop_map(TimeDelta::seconds),
    ];
    (prop::sample::select(&INSTANTS[..]), shift)
        .prop_map(|(instant, shift)| instant.parse::<DateTime<Utc>>().unwrap() + shift)
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let owner = prop_oneof![
        1 => Just((None, None)),
        4 => (0_usize..2, prop::option::of(0_usize..2)).prop_map(|(org, project)| (Some(org), project)),
    ];
    let row = (0_usize..6, owner, prop::option::of(0_usize..2), instants());
    let row = row.prop_map(|(table, (organization, project), key, at)| Row {
        table,
        organization,
        project: project.filter(|_| HAS_PROJECT[table]),
        key: key.filter(|_| HAS_KEY[table]),
        at,
    });
    prop::collection::vec(row, 0..120)
}

fn limits(most: [u16; 5]) -> impl Strategy<Value = [u16; 5]> {
    let up_to = |class: usize| 1..=most[class];
    (up_to(0), up_to(1), up_to(2), up_to(3), up_to(4)).prop_map(
        |(meta, body, audit, rollup, opening)| {
            [meta, body.min(meta), audit, rollup, opening.min(audit)]
        },
    )
}

fn worlds() -> impl Strategy<Value = World> {
    let hold = (
        prop::option::weighted(0.9, 0_usize..2),
        prop::option::of(0_usize..2),
        prop::option::of(0_usize..2),
        prop::option::of(instants()),
        prop::option::of(instants()),
    );
    let hold = hold.prop_map(|(organization, project, key, from, until)| Hold {
        organization,
        project,
        key,
        from,
        until: until.filter(|until| from.is_none_or(|from| from < *until)),
    });
    let holds = prop_oneof![2 => Just(Vec::new()), 3 => prop::collection::vec(hold, 1..4)];
    let most = [120, 60, 200, 200, 200];
    (limits(most), limits(most), holds).prop_flat_map(|(instance, organization, holds)| {
        limits(organization).prop_map(move |project| World {
            limits: [instance, organization, project],
            holds: holds.clone(),
        })
    })
}

/// Every row of `before` is judged on its own.
fn judge(world: &World, before: &Model, after: &Model, now: DateTime<Utc>) {
    let mut kept = after.0.iter().peekable();
    for (place, row) in before.0.iter().enumerate() {
        let stays = kept.next_if(|next| *next == row).is_some();
        let (due, held) = (world.due(row, now), world.held(row));
        if !stays {
            assert!(due, "deleted early: {row:?} at {now}");
            assert!(!held, "deleted under a hold: {row:?}");
        } else if row.table != LOG {
            assert!(!due || held, "kept past its limit: {row:?} at {now}");
        } else {
            // A record goes only with all before it.
            let blocks = |it: &&Row| {
                let same = it.table == LOG && it.organization == row.organization;
                let behind_hold = || {
                    let holds = world.holds.iter().filter(|hold| reaches(hold, it));
                    holds
                        .into_iter()
                        .any(|hold| hold.from.is_none_or(|from| from <= it.at))
                };
                same && (!world.due(it, now) || behind_hold())
            };
            let blocked = before.0[..=place].iter().any(|it| blocks(&it));
            assert!(!due || blocked, "kept past its limit: {row:?} at {now}");
        }
    }
    assert_eq!(kept.next(), None, "rows are neither made nor moved");
}

/// Two rows that are equal may be kept or deleted in either place; make them differ.
fn told_apart(mut rows: Vec<Row>) -> Vec<Row> {
    for (place, row) in rows.iter_mut().enumerate() {
        // Nanoseconds below the microsecond, so that limits are still met exactly by the first.
        row.at += TimeDelta::nanoseconds(i64::try_from(place).unwrap());
    }
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn nothing_is_kept_past_its_limit_nothing_deleted_early_nothing_touched_under_a_hold(
        rows in rows(),
        world in worlds(),
        clocks in prop::collection::vec(instants(), 1..4), // they also go back
        batch in 1_u32..8,
    ) {
        let rules = world.rules();
        let mut model = Model(told_apart(rows));
        for now in clocks {
            let before = model.clone();
            let plan = Plan::due(&rules, &model.inventory(), now).unwrap();
            let removed = model.run_all(&plan, batch);
            judge(&world, &before, &model, now);

            let gone = (before.0.len() - model.0.len()) as u64;
            prop_assert!(gone <= plan.rows_at_most());
            prop_assert_eq!(removed.removed.values().sum::<u64>(), gone);
            let overshoot = |model: &Model| {
                let late = model.0.iter().map(|row| now - row.at - TimeDelta::days(world.limit(row)));
                let late = late.max().unwrap_or_default().max(TimeDelta::zero());
                let up = i64::from(late > TimeDelta::days(late.num_days()));
                u32::try_from(late.num_days() + up).unwrap()
            };
            prop_assert_eq!(plan.overshoot().now, overshoot(&before));
            let mut without_log = model.clone(); // a log may be out of order
            without_log.0.retain(|row| row.table != LOG);
            prop_assert!(overshoot(&without_log) <= plan.overshoot().after);
        }
    }

    #[test]
    fn a_run_that_crashed_ends_where_an_undisturbed_one_does(
        rows in rows(),
        world in worlds(),
        now in instants(),
        batch in 1_u32..5,
        // For each batch: it is done, or the crash comes before it, or after it and before the progress is stored.
        fates in prop::collection::vec(0_u8..4, 0..200),
        replans in any::<bool>(),
    ) {
        let rules = world.rules();
        let start = Model(told_apart(rows));
        let mut undisturbed = start.clone();
        let plan = Plan::due(&rules, &start.inventory(), now).unwrap();
        undisturbed.run_all(&plan, batch);

        let mut model = start;
        let mut plan = plan;
        let mut stored = Apply::start(&plan, budget(batch)).progress().clone();
        let mut fates = fates.into_iter();
        loop {
            let mut apply = Apply::resume(&plan, stored.clone(), budget(batch)).unwrap();
            let Next::Batch(next) = apply.next(Duration::ZERO, &rules) else { break };
            match fates.next().unwrap_or(0) {
                2 => {}
                3 => {
                    model.run(next);
                }
                _ => {
                    let removed = model.run(next);
                    apply.record(removed).unwrap();
                    stored = apply.progress().clone();
                    continue;
                }
            }
            if replans {
                plan = Plan::due(&rules, &model.inventory(), now).unwrap();
                stored = Apply::start(&plan, budget(batch)).progress().clone();
            }
        }
        prop_assert_eq!(model, undisturbed);
    }

    #[test]
    fn a_purge_removes_the_project_and_nothing_else(
        rows in rows(),
        world in worlds(),
        now in instants(),
        extent in prop::sample::select(&PurgeExtent::ALL[..]),
        batch in 1_u32..8,
    ) {
        let rules = world.rules();
        let before = Model(told_apart(rows));
        let purge = Purge { organization: name(1).into(), project: name(0).into(), extent };
        let plan = Plan::purge(&rules, &before.inventory(), purge, now).unwrap();
        let mut after = before.clone();
        after.run_all(&plan, batch);
        let expected = before.0.iter().filter(|row| {
            let class = TABLES[row.table].1;
            let mine = (row.organization, row.project) == (Some(1), Some(0));
            let content = matches!(class, DataClass::BodySample | DataClass::Opening);
            let meta = class == DataClass::RequestMeta && extent == PurgeExtent::ContentAndMetadata;
            !(mine && (content || meta)) || world.held(row)
        });
        let project = Owner::project(&name(1), &name(0));
        let mine = before.0.iter().filter(|row| owner(row) == project).count();
        prop_assert!(plan.rows_at_most() <= mine as u64, "rows of others are not counted");
        prop_assert_eq!(after.0, expected.cloned().collect::<Vec<_>>());
    }
}
