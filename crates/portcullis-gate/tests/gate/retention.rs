//! What is kept is what the policy says: limits, holds and purges on real stores.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use portcullis_gate::audit_log::Action;
use portcullis_gate::retention_policy::{
    Budget, DataClass, Days, Layout, Policies, PurgeExtent, Rate, Settings, Table, TimeRange,
};
use portcullis_gate::{
    Admin, AdminError, Clock as _, Companion, Gate, LogId, NewHold, RequestId, Stores,
};
use portcullis_sqlite::SqliteStore;
use portcullis_store::{MemoryStore, TraceBatch, TraceRow, TraceStore};

use crate::support::{Key, Stage, code, gpt, masters, operator};

#[tokio::test]
async fn what_is_past_its_limit_goes_and_nothing_else() {
    let (_folder, sqlite) = file();
    limits_hold(MemoryStore::new()).await;
    limits_hold(sqlite).await;
}

/// 90 days of traces, of which the last 30 stay, and the rollups of all of them.
async fn limits_hold<S: TraceStore + Clone + Into<Stores>>(store: S) {
    let stage = Stage::on(store.clone(), |builder| builder).await;
    let key = stage.key().await;
    write(&stage, &key, 0..90).await;
    let plan = stage.admin.plan_retention().await.unwrap();
    assert_eq!((plan.rows_at_most(), plan.overshoot().now), (59, 59));
    assert_eq!(ages(&stage).await.len(), 90, "a plan removes nothing");
    let applied = stage
        .admin
        .apply_retention(Budget::default())
        .await
        .unwrap();
    assert_eq!((applied.removed["traces"], applied.remaining), (59, 0));
    assert_eq!(ages(&stage).await, (0..=30).collect::<Vec<i64>>());
    assert_eq!(rollups(&stage).await, 90);
    let again = stage.admin.plan_retention().await.unwrap();
    assert_eq!((again.steps().len(), again.overshoot().now), (0, 0));
    let recorded = purged(&stage.admin, LogId::System).await;
    let expected = ["retention_plan", "retention"];
    let expected = expected.map(|cause| (cause.to_owned(), "request_meta".to_owned(), 59));
    assert_eq!(recorded, expected);
}

#[tokio::test]
async fn a_run_ends_with_its_time_and_the_next_one_goes_on() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    write(&stage, &key, 0..90).await;
    let none = Budget {
        rows: NonZeroU32::MIN,
        time: Duration::ZERO,
    };
    let applied = stage.admin.apply_retention(none).await.unwrap();
    assert_eq!((applied.removed.len(), applied.remaining), (0, 59));
    let applied = stage
        .admin
        .apply_retention(Budget::default())
        .await
        .unwrap();
    assert_eq!((applied.removed["traces"], applied.remaining), (59, 0));
}

#[tokio::test]
async fn limits_are_longer_or_shorter_by_organization_and_shorter_by_project() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    write(&stage, &key, 0..90).await;
    let other = stage.admin.create_organization("other").await.unwrap().id;
    let (admin, org, project) = (&stage.admin, Some(stage.org), Some(stage.project));
    admin.set_retention(org, None, days(60, 7)).await.unwrap();
    admin
        .set_retention(org, project, days(40, 3))
        .await
        .unwrap();
    let longer = admin
        .set_retention(org, project, days(61, 3))
        .await
        .unwrap_err();
    let said = longer.to_string();
    assert!(
        said.contains(&stage.project.to_string()) && said.contains("write at most \"60d\""),
        "{said}"
    );
    let shorter = admin
        .set_retention(org, None, days(39, 7))
        .await
        .unwrap_err();
    assert!(matches!(shorter, AdminError::Retention { .. }), "{shorter}");
    let foreign = admin.set_retention(Some(other), project, days(1, 1)).await;
    assert!(matches!(foreign, Err(AdminError::NoProject)));
    let policy = admin.retention_policy(org, project).await.unwrap();
    assert_eq!(policy.days(DataClass::RequestMeta).count(), 40);
    let policy = admin.retention_policy(Some(other), None).await.unwrap();
    assert_eq!(policy.days(DataClass::RequestMeta).count(), 30);
    admin.apply_retention(Budget::default()).await.unwrap();
    assert_eq!(ages(&stage).await, (0..=40).collect::<Vec<i64>>());
    admin
        .set_retention(org, project, Settings::none())
        .await
        .unwrap();
    assert_eq!(
        admin.retention_settings(org, project).await.unwrap(),
        Settings::none()
    );
    let records = admin
        .audit_records(LogId::Organization(stage.org), 0, 100)
        .await
        .unwrap();
    let changed = records.iter().filter_map(|it| {
        if let Action::OrganizationRetentionChanged(changes)
        | Action::ProjectRetentionChanged(changes) = it.record.action()
        {
            Some(changes)
        } else {
            None
        }
    });
    let changed: Vec<_> = changed.collect();
    assert_eq!(changed.len(), 3, "what was refused is not recorded");
    let first = &changed[0].changes()[0];
    assert_eq!(
        (first.setting.as_str(), first.after.unwrap().get()),
        ("request_meta_days", 60)
    );
}

#[tokio::test]
async fn a_policy_file_is_written_as_a_whole_or_not_at_all() {
    let stage = Stage::new().await;
    let text = format!(
        "[default]\nrequest_meta = \"20d\"\n[organization.\"{}\".project.\"{}\"]\nbody_sample = \"2d\"",
        stage.org, stage.project
    );
    stage
        .admin
        .load_retention(&Policies::parse(&text).unwrap())
        .await
        .unwrap();
    let (org, project) = (Some(stage.org), Some(stage.project));
    let own = stage.admin.retention_policy(org, project).await.unwrap();
    assert_eq!(own.days(DataClass::BodySample).count(), 2);
    assert_eq!(own.days(DataClass::RequestMeta).count(), 20);
    let unknown = "[default]\nrequest_meta = \"9d\"\n[organization.acme]\naudit = \"500d\"";
    let refused = stage
        .admin
        .load_retention(&Policies::parse(unknown).unwrap())
        .await;
    let said = refused.unwrap_err().to_string();
    assert!(
        said.contains("\"acme\"") && said.contains("write its id"),
        "{said}"
    );
    let still = stage.admin.retention_policy(None, None).await.unwrap();
    assert_eq!(still.days(DataClass::RequestMeta).count(), 20);
}

#[tokio::test]
async fn nothing_under_a_legal_hold_is_removed_by_limit_purge_or_erasure() {
    let (_folder, sqlite) = file();
    holds_hold(MemoryStore::new()).await;
    holds_hold(sqlite).await;
}

async fn holds_hold<S: TraceStore + Clone + Into<Stores>>(store: S) {
    let stage = Stage::on(store, |builder| builder).await;
    let (held, free) = (stage.key().await, stage.key().await);
    write(&stage, &held, 0..60).await;
    write(&stage, &free, 0..60).await;
    let now = stage.clock.now().utc;
    let range = TimeRange::new(Some(now - TimeDelta::days(50)), None).unwrap();
    let hold = NewHold {
        org: Some(stage.org),
        project: None,
        key: Some(held.id),
        range,
        reason: "matter 7".to_owned(),
    };
    let id = stage.admin.place_hold(hold.clone()).await.unwrap();
    let plan = stage.admin.plan_retention().await.unwrap();
    assert!(!plan.blocked().is_empty());
    stage
        .admin
        .apply_retention(Budget::default())
        .await
        .unwrap();
    let left = ages(&stage).await;
    let kept = left.iter().filter(|age| **age > 30);
    assert_eq!(kept.count(), 20, "of the held key, from its range on");

    let extent = PurgeExtent::ContentAndMetadata;
    let receipt = stage
        .admin
        .purge_project(stage.org, stage.project, extent)
        .await
        .unwrap();
    let of_held = |admin: Vec<i64>| admin.len();
    assert_eq!(of_held(ages(&stage).await), 51);
    assert!(
        receipt
            .held()
            .any(|(table, hold, _)| table == "traces" && hold == id.to_string())
    );

    let log = LogId::Organization(stage.org);
    let records = stage.admin.audit_records(log, 0, 100).await.unwrap();
    let fields = portcullis_gate::audit_log::Field::ALL.into_iter().collect();
    let erased = stage
        .admin
        .erase_audit(log, &records, &fields, "request")
        .await;
    let said = erased.unwrap_err().to_string();
    assert!(
        said.contains(&id.to_string()) && said.contains("matter 7"),
        "{said}"
    );

    stage.admin.lift_hold(id).await.unwrap();
    assert!(matches!(
        stage.admin.lift_hold(id).await,
        Err(AdminError::NoHold(_))
    ));
    stage
        .admin
        .purge_project(stage.org, stage.project, extent)
        .await
        .unwrap();
    assert!(ages(&stage).await.is_empty());
    let words: Vec<_> = stage.admin.audit_records(log, 0, 100).await.unwrap();
    let words: Vec<_> = words.iter().map(|it| it.record.action().word()).collect();
    for word in ["hold.placed", "hold.released", "data.purged"] {
        assert!(words.contains(&word), "{word}: {words:?}");
    }
}

#[tokio::test]
async fn a_hold_needs_a_reason_and_somebody_it_is_on() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    let other = stage.admin.create_organization("other").await.unwrap().id;
    let hold = |org, key, reason: &str| NewHold {
        org,
        project: None,
        key,
        range: TimeRange::ALL,
        reason: reason.to_owned(),
    };
    let refused = stage
        .admin
        .place_hold(hold(None, None, " "))
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("`reason`"), "{refused}");
    let foreign = stage
        .admin
        .place_hold(hold(Some(other), Some(key.id), "matter"))
        .await;
    assert!(matches!(foreign, Err(AdminError::NoKey(_))));
    assert!(stage.admin.holds().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_purge_gives_a_receipt_that_the_audit_log_bears_out() {
    let (_folder, sqlite) = file();
    let stage = Stage::on(sqlite, |builder| builder).await;
    let key = stage.key().await;
    write(&stage, &key, 0..10).await;
    let content = stage
        .admin
        .purge_project(stage.org, stage.project, PurgeExtent::Content)
        .await
        .unwrap();
    assert_eq!(ages(&stage).await.len(), 10, "metadata goes by its limit");
    let openings = content
        .removed()
        .find(|(table, _)| *table == "audit_openings");
    assert!(
        openings.is_some_and(|(_, rows)| rows > 0),
        "{}",
        content.canonical()
    );
    let receipt = stage
        .admin
        .purge_project(stage.org, stage.project, PurgeExtent::ContentAndMetadata)
        .await
        .unwrap();
    assert!(ages(&stage).await.is_empty());
    assert_eq!(rollups(&stage).await, 10);
    assert!(
        receipt.removed().any(|it| it == ("traces", 10)),
        "{}",
        receipt.canonical()
    );
    let log = LogId::Organization(stage.org);
    let records = stage.admin.audit_records(log, 0, 1_000).await.unwrap();
    let ordered = records
        .iter()
        .find(|it| it.record.seq() == receipt.audit_sequence())
        .unwrap();
    let Action::DataPurged(details) = ordered.record.action() else {
        panic!("{:?}", ordered.record);
    };
    assert_eq!(details.cause.as_str(), "project_purge");
    let of_key = records
        .iter()
        .find(|it| it.record.action().word() == "key.minted")
        .unwrap();
    assert!(
        of_key.openings.is_empty(),
        "who minted the key cannot be read any more"
    );
    let of_org = records
        .iter()
        .find(|it| it.record.action().word() == "organization.created");
    assert!(
        !of_org.unwrap().openings.is_empty(),
        "the organization's own stay"
    );
    stage.admin.verify_audit(log, &[], |_, _| ()).await.unwrap();
}

#[tokio::test]
async fn audit_records_past_their_limit_are_pruned_and_the_rest_verifies() {
    let stage = Stage::new().await;
    for n in 0..300 {
        stage
            .admin
            .create_project(stage.org, &format!("p{n}"))
            .await
            .unwrap();
    }
    stage.clock.advance(Duration::from_secs(401 * 24 * 60 * 60));
    let admin = Gate::builder(stage.store.clone(), masters())
        .clock(Arc::clone(&stage.clock))
        .open_admin(operator())
        .await
        .unwrap();
    admin.apply_retention(Budget::default()).await.unwrap();
    let log = admin
        .audit_log(LogId::Organization(stage.org))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(log.minimum, 256, "whole tiles go");
    let verified = admin.verify_audit(log.id, &[], |_, _| ()).await.unwrap();
    assert_eq!(verified.minimum, 256);
}

#[tokio::test]
async fn bodies_are_sampled_by_the_rates_in_force_and_only_where_somebody_keeps_them() {
    let stage = Stage::with(|builder| builder.companion(Bodies)).await;
    let key = stage.key().await;
    let rate = |ppm| Settings::none().with_sampling(Rate::from_ppm(ppm).unwrap());
    let (org, project) = (Some(stage.org), Some(stage.project));
    for (ppm, kept) in [(1_000_000, 50), (0, 0)] {
        stage
            .admin
            .set_retention(org, None, rate(ppm))
            .await
            .unwrap();
        assert_eq!(sampled(&stage, &key, 50).await, (kept, ppm));
    }
    stage
        .admin
        .set_retention(org, None, rate(500_000))
        .await
        .unwrap();
    stage
        .admin
        .set_retention(org, project, rate(250_000))
        .await
        .unwrap();
    let (kept, ppm) = sampled(&stage, &key, 400).await;
    assert!((60..140).contains(&kept), "{kept} of 400 at a quarter");
    assert_eq!(ppm, 250_000);
}

#[tokio::test]
async fn two_nodes_choose_the_same_requests() {
    let store = MemoryStore::new();
    let stage = Stage::on(store, |builder| builder.companion(Bodies)).await;
    let rate = Settings::none().with_sampling(Rate::ALL);
    stage.admin.set_retention(None, None, rate).await.unwrap();
    let secrets = |stage: &Stage| {
        let store = stage.store.clone();
        async move {
            use portcullis_store::ControlStore as _;
            let rows = store.instance_secrets().await.unwrap();
            rows.iter()
                .filter(|row| row.name == "body-sampling-key")
                .count()
        }
    };
    assert_eq!(secrets(&stage).await, 1);
    stage.gate.close().await.unwrap();
    let stage = stage.reopened(|builder| builder.companion(Bodies)).await;
    assert_eq!(
        secrets(&stage).await,
        1,
        "the key is made once, for all nodes"
    );
    let key = stage.key().await;
    assert_eq!(sampled(&stage, &key, 5).await, (5, 1_000_000));
}

/// A companion that says that it keeps bodies.
struct Bodies;

impl Companion for Bodies {
    fn tables(&self) -> Vec<Table> {
        let table = Table::new("bodies", DataClass::BodySample, Layout::MonthColumn);
        vec![table.companion_of("traces")]
    }
}

/// How many of so many requests are chosen, and at which rate.
async fn sampled<S>(stage: &Stage<S>, key: &Key, count: usize) -> (usize, u32) {
    let caller = stage.authenticate(key).await.unwrap();
    let (mut kept, mut rate) = (0, 0);
    for _ in 0..count {
        let permit = caller.authorize(gpt()).await;
        let opened = permit.unwrap().open().await;
        let Ok((call, _credential)) = opened else {
            panic!("{}", code(opened));
        };
        kept += usize::from(call.sampling().kept);
        rate = call.sampling().rate_ppm;
    }
    (kept, rate)
}

/// One trace of each of these ages, in days, and a second older than that.
async fn write<S: TraceStore + Clone>(stage: &Stage<S>, key: &Key, ages: std::ops::Range<i64>) {
    let now: DateTime<Utc> = stage.clock.now().utc;
    let row = |age: i64| TraceRow {
        at: portcullis_gate::UnixMicros(
            (now - TimeDelta::days(age)).timestamp_micros() + i64::from(age == 30),
        ),
        id: RequestId::generate(
            portcullis_gate::UnixMicros(now.timestamp_micros()),
            &mut getrandom::SysRng,
        )
        .unwrap(),
        org: stage.org,
        project: stage.project,
        key: key.id,
        provider: "openai".to_owned(),
        model: "gpt-4o".to_owned(),
        outcome: "settled".to_owned(),
        cause: None,
        status: Some(200),
        input: Some(1),
        cached: Some(0),
        output: Some(1),
        cost: None,
        latency: 1,
        provider_request: None,
        sampled: false,
        rate_ppm: 0,
    };
    let batch = TraceBatch {
        rows: ages.map(row).collect(),
        ..TraceBatch::default()
    };
    stage.store.write_traces(batch).await.unwrap();
}

/// The ages of all traces, in days, the youngest first.
async fn ages<S>(stage: &Stage<S>) -> Vec<i64> {
    let now = stage.clock.now().utc;
    let (from, until) = (now - TimeDelta::days(1_000), now + TimeDelta::days(1));
    let found = stage
        .admin
        .traces(stage.org, from, until, 10_000)
        .await
        .unwrap();
    let age = |trace: TraceRow| (now.timestamp_micros() - trace.at.0 + 1) / DAY;
    found.into_iter().map(age).collect()
}

async fn rollups<S>(stage: &Stage<S>) -> u64 {
    let since = stage.clock.now().utc - TimeDelta::days(1_000);
    let usage = stage.admin.usage(stage.org, since).await.unwrap();
    usage.days.iter().map(|day| day.requests).sum()
}

/// What the records of removals say: cause, class, count.
async fn purged(admin: &Admin, log: LogId) -> Vec<(String, String, u64)> {
    let records = admin.audit_records(log, 0, 1_000).await.unwrap();
    let purged = records.iter().filter_map(|it| {
        let Action::DataPurged(details) = it.record.action() else {
            return None;
        };
        let (cause, class) = (details.cause.to_string(), details.class.to_string());
        Some((cause, class, details.count.get()))
    });
    purged.collect()
}

fn days(request_meta: u16, body_sample: u16) -> Settings {
    let days = |count| Days::new(count).unwrap();
    Settings::none()
        .with(DataClass::RequestMeta, days(request_meta))
        .with(DataClass::BodySample, days(body_sample))
}

fn file() -> (tempfile::TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("portcullis.db")).unwrap();
    (folder, store)
}

const DAY: i64 = 86_400_000_000;
