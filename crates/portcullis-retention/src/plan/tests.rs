use super::*;
use crate::{
    DataClass, Days, Group, HoldScope, Layout, LegalHold, Partition, Policy, Settings, Table,
};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn days(class: DataClass, count: u16) -> Policies {
    let settings = Settings::none()
        .with(class, Days::new(count).unwrap())
        .with(DataClass::BodySample, Days::new(1).unwrap());
    Policies::new(Policy::standard().changed(settings).unwrap())
}

fn requests(layout: Layout) -> Table {
    Table::new("requests", DataClass::RequestMeta, layout)
}

fn rules(
    tables: impl IntoIterator<Item = Table>,
    holds: impl IntoIterator<Item = LegalHold>,
) -> Rules {
    Rules {
        registry: Registry::new(tables, [("keys", "configuration")]).unwrap(),
        policies: days(DataClass::RequestMeta, 30),
        holds: Holds::new(holds).unwrap(),
    }
}

fn hold(organization: &str, from: Option<&str>, until: Option<&str>) -> LegalHold {
    let scope = HoldScope::Organization {
        organization: organization.into(),
    };
    let range = TimeRange::new(from.map(at), until.map(at)).unwrap();
    LegalHold::new("H-7", scope, range, "matter 7", "counsel").unwrap()
}

fn group(owner: Owner, oldest: &str, newest: &str) -> Group {
    Group {
        owner,
        rows: 10,
        oldest: at(oldest),
        newest: at(newest),
    }
}

/// Full months of one project.
fn months(names: impl IntoIterator<Item = &'static str>) -> Vec<Partition> {
    let partition = |name: &str| {
        let month: Month = name.parse().unwrap();
        let newest = month.end() - chrono::TimeDelta::seconds(1);
        let owner = Owner::project("o", "p");
        let group = Group {
            owner,
            rows: 10,
            oldest: month.start(),
            newest,
        };
        Partition {
            month,
            groups: vec![group],
        }
    };
    names.into_iter().map(partition).collect()
}

fn shown(plan: &Plan) -> Vec<String> {
    let step = |step: &Step| match step {
        Step::Drop { table, month, rows } => format!("drop {table} {month} {rows}"),
        Step::Delete {
            table,
            month,
            owner,
            before,
            except,
            ..
        } => {
            let before = before.map_or("all".to_owned(), rfc3339);
            format!("delete {table} {month} {owner} {before} {}", except.len())
        }
        Step::Prune {
            table,
            organization,
            before,
            rows_at_most,
        } => {
            format!(
                "prune {table} {organization:?} {} {rows_at_most}",
                rfc3339(*before)
            )
        }
    };
    plan.steps().iter().map(step).collect()
}

#[test]
fn thirty_days_are_thirty_and_not_sixty_one() {
    let rules = rules([requests(Layout::MonthTables)], []);
    let inventory = Inventory::new().with("requests", months(["2026-09", "2026-10", "2026-11"]));
    // The last day of the month: October began 60 days and 12 hours ago.
    let plan = Plan::due(&rules, &inventory, at("2026-11-30T12:00:00Z")).unwrap();
    assert_eq!(
        shown(&plan),
        [
            "drop requests 2026-09 10",
            "delete requests 2026-10 o/p 2026-10-31T12:00:00Z 0"
        ]
    );
    assert_eq!(
        plan.overshoot(),
        Overshoot {
            now: 61,
            drops_only: 31,
            after: 0
        }
    );
    // A month is dropped when its last instant is past its limit, not before.
    let drops = |now| shown(&Plan::due(&rules, &inventory, at(now)).unwrap());
    assert_eq!(
        drops("2026-12-01T00:00:00Z"),
        ["drop requests 2026-09 10", "drop requests 2026-10 10"]
    );
    assert_eq!(drops("2026-11-30T23:59:59Z").len(), 2);
    assert!(drops("2026-11-30T23:59:59Z")[1].starts_with("delete"));
}

#[test]
fn a_table_of_all_months_is_deleted_from() {
    let rules = rules([requests(Layout::MonthColumn)], []);
    let inventory = Inventory::new().with("requests", months(["2026-09"]));
    let plan = Plan::due(&rules, &inventory, at("2026-11-30T12:00:00Z")).unwrap();
    assert_eq!(
        shown(&plan),
        ["delete requests 2026-09 o/p 2026-10-31T12:00:00Z 0"]
    );
}

#[test]
fn companions_go_before_what_they_hang_on() {
    let bodies = Table::new("bodies", DataClass::BodySample, Layout::MonthTables);
    let rules = rules(
        [
            requests(Layout::MonthTables),
            bodies.companion_of("requests"),
        ],
        [],
    );
    let inventory = Inventory::new()
        .with("requests", months(["2026-09"]))
        .with("bodies", months(["2026-09"]));
    let plan = Plan::due(&rules, &inventory, at("2026-11-30T12:00:00Z")).unwrap();
    assert_eq!(
        shown(&plan),
        ["drop bodies 2026-09 10", "drop requests 2026-09 10"]
    );
}

#[test]
fn a_table_that_is_not_registered_or_not_looked_at_stops_the_plan() {
    let rules = rules([requests(Layout::MonthTables)], []);
    let now = at("2026-11-30T12:00:00Z");
    let plan = |inventory: Inventory| Plan::due(&rules, &inventory, now);
    let known = Inventory::new().with("requests", []).with("keys", []);
    assert!(plan(known.clone()).is_ok());
    let error = plan(known.with("tool_calls", [])).unwrap_err();
    assert_eq!(
        error,
        PlanError::NotRegistered {
            table: "tool_calls".into()
        }
    );
    assert!(error.to_string().contains("register it"), "{error}");
    let error = plan(Inventory::new().with("keys", [])).unwrap_err();
    assert_eq!(
        error,
        PlanError::NotInventoried {
            table: "requests".into()
        }
    );
    let purge = Purge {
        organization: "o".into(),
        project: "p".into(),
        extent: PurgeExtent::Content,
    };
    assert!(Plan::purge(&rules, &Inventory::new(), purge, now).is_err());
}

#[test]
fn rows_that_lie_outside_their_month_stop_the_plan() {
    let rules = rules([requests(Layout::MonthTables)], []);
    for (oldest, newest) in [
        ("2026-09-30T23:59:59Z", "2026-10-02T00:00:00Z"),
        ("2026-10-02T00:00:00Z", "2026-11-01T00:00:00Z"),
        ("2026-10-03T00:00:00Z", "2026-10-02T00:00:00Z"),
    ] {
        let groups = vec![group(Owner::project("o", "p"), oldest, newest)];
        let month = Partition {
            month: "2026-10".parse().unwrap(),
            groups,
        };
        let inventory = Inventory::new().with("requests", [month]);
        let plan = Plan::due(&rules, &inventory, at("2026-11-30T12:00:00Z"));
        assert!(
            matches!(plan, Err(PlanError::OutsideMonth { .. })),
            "{oldest}"
        );
    }
}

#[test]
fn an_empty_month_is_dropped_when_nobody_can_write_into_it_in_time() {
    let mut rules = rules([requests(Layout::MonthTables)], []);
    let settings = Settings::none().with(DataClass::RequestMeta, Days::new(45).unwrap());
    rules.policies = rules.policies.organization("slow", settings).unwrap();
    let empty = Partition {
        month: "2026-10".parse().unwrap(),
        groups: vec![],
    };
    let inventory = Inventory::new().with("requests", [empty]);
    let steps = |now| shown(&Plan::due(&rules, &inventory, at(now)).unwrap());
    assert!(steps("2026-12-15T23:59:59Z").is_empty());
    assert_eq!(steps("2026-12-16T00:00:00Z"), ["drop requests 2026-10 0"]);
}

#[test]
fn a_hold_turns_a_drop_into_a_delete_around_it() {
    let held = hold(
        "o",
        Some("2026-09-10T00:00:00Z"),
        Some("2026-09-12T00:00:00Z"),
    );
    let rules = rules([requests(Layout::MonthTables)], [held]);
    let inventory = Inventory::new().with("requests", months(["2026-09"]));
    let plan = Plan::due(&rules, &inventory, at("2026-11-30T12:00:00Z")).unwrap();
    assert_eq!(
        shown(&plan),
        ["delete requests 2026-09 o/p 2026-10-31T12:00:00Z 1"]
    );
    assert_eq!(plan.blocked().len(), 1);
    assert_eq!(
        plan.overshoot(),
        Overshoot {
            now: 61,
            drops_only: 61,
            after: 52
        }
    );
}

#[test]
fn what_is_held_as_a_whole_is_reported_and_not_touched() {
    let rules = rules([requests(Layout::MonthTables)], [hold("o", None, None)]);
    let inventory = Inventory::new().with("requests", months(["2026-09", "2026-10"]));
    let plan = Plan::due(&rules, &inventory, at("2026-11-30T12:00:00Z")).unwrap();
    assert_eq!(shown(&plan), [""; 0]);
    let blocked: Vec<_> = plan
        .blocked()
        .iter()
        .map(|it| (it.month.unwrap().to_string(), &*it.hold))
        .collect();
    assert_eq!(
        blocked,
        [("2026-09".to_owned(), "H-7"), ("2026-10".to_owned(), "H-7")]
    );
}

#[test]
fn a_log_is_pruned_up_to_the_first_record_under_a_hold() {
    let held = hold(
        "o",
        Some("2025-02-01T00:00:00Z"),
        Some("2025-03-01T00:00:00Z"),
    );
    let rules = rules([Table::new("audit", DataClass::Audit, Layout::Log)], [held]);
    let month = |name: &str, organization: &str| {
        let month: Month = name.parse().unwrap();
        let oldest = month.start();
        let owner = Owner::organization(organization);
        let group = Group {
            owner,
            rows: 10,
            oldest,
            newest: oldest,
        };
        Partition {
            month,
            groups: vec![group],
        }
    };
    let names = ["2025-01", "2025-02", "2025-03"];
    let partitions = names
        .iter()
        .flat_map(|name| [month(name, "o"), month(name, "x")]);
    let inventory = Inventory::new().with("audit", partitions);
    let plan = Plan::due(&rules, &inventory, at("2026-11-30T12:00:00Z")).unwrap();
    assert_eq!(
        shown(&plan),
        [
            "prune audit Some(\"o\") 2025-02-01T00:00:00Z 10",
            "prune audit Some(\"x\") 2025-10-26T12:00:00Z 30"
        ]
    );
    assert_eq!(
        plan.blocked()[0].rows_at_most,
        20,
        "March waits for February"
    );
}

#[test]
fn rows_of_the_future_are_counted_and_kept() {
    let rules = rules([requests(Layout::MonthTables)], []);
    let inventory = Inventory::new().with("requests", months(["2036-09"]));
    let plan = Plan::due(&rules, &inventory, at("2026-11-30T12:00:00Z")).unwrap();
    assert_eq!((plan.steps().len(), plan.ahead_of_clock()), (0, 10));
    assert!(plan.to_string().contains("check the clock"));
}

#[test]
fn an_operator_reads_a_plan_as_a_table() {
    let held = hold("o", Some("2026-10-10T00:00:00Z"), None);
    let mut rules = rules([requests(Layout::MonthTables)], [held]);
    let settings = Settings::none().with(DataClass::RequestMeta, Days::new(20).unwrap());
    rules.policies = rules.policies.organization("o", settings).unwrap();
    let inventory = Inventory::new().with("requests", months(["2026-09", "2026-10"]));
    let plan = Plan::due(&rules, &inventory, at("2026-11-08T12:00:00Z")).unwrap();
    let expected = "\
retention, plan at 2026-11-08T12:00:00Z
action  table     month    owner  before                rows   held by
drop    requests  2026-09  -      -                     10     -
delete  requests  2026-10  o/p    2026-10-19T12:00:00Z  <= 10  but for H-7
keep    requests  2026-10  o/p    -                     <= 10  H-7
rows to remove: at most 20
worst overshoot in days: 49 now, 19 if months were only dropped, 10 after
";
    assert_eq!(plan.to_string(), expected);
}

#[test]
fn a_purge_is_printed_with_its_project_and_without_control_characters() {
    let rules = rules([requests(Layout::MonthTables)], []);
    let purge = Purge {
        organization: "o\u{1b}[31m".into(),
        project: "p".into(),
        extent: PurgeExtent::ContentAndMetadata,
    };
    let inventory = Inventory::new().with("requests", []);
    let plan = Plan::purge(&rules, &inventory, purge, at("2026-11-08T12:00:00Z")).unwrap();
    let text = plan.to_string();
    assert!(
        text.starts_with("purge of o\\u{1b}[31m/p (content-and-metadata), plan at "),
        "{text}"
    );
    assert!(!text.contains("overshoot"), "{text}");
}

#[test]
fn the_digest_tells_plans_apart_that_do_different_things() {
    let now = at("2026-11-30T12:00:00Z");
    let plan = |holds: Vec<LegalHold>, names: Vec<&'static str>, now| {
        let rules = rules([requests(Layout::MonthTables)], holds);
        let inventory = Inventory::new().with("requests", months(names));
        Plan::due(&rules, &inventory, now).unwrap().digest()
    };
    let base = plan(vec![], vec!["2026-09"], now);
    assert_eq!(base, plan(vec![], vec!["2026-09"], now));
    assert_ne!(base, plan(vec![], vec!["2026-08"], now));
    assert_ne!(base, plan(vec![], vec!["2026-08", "2026-09"], now));
    assert_ne!(
        base,
        plan(
            vec![],
            vec!["2026-09"],
            now + chrono::TimeDelta::nanoseconds(1)
        )
    );
    let held = |from| hold("o", Some(from), Some("2026-09-12T00:00:00Z"));
    let one = plan(vec![held("2026-09-10T00:00:00Z")], vec!["2026-09"], now);
    let other = plan(vec![held("2026-09-11T00:00:00Z")], vec!["2026-09"], now);
    assert!(base != one && one != other);
}
