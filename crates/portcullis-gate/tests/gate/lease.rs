//! One process serves from one SQLite file; it is named to the second, and its lease ends with it.

use std::path::Path;
use std::time::Duration;

use portcullis_gate::{AdminError, FreshnessPolicy, Gate, OpenError, Upkeep};
use portcullis_sqlite::SqliteStore;
use portcullis_store::{MemoryStore, NodeId, NodeRow, NodeStore as _, Registration, UnixMicros};
use tokio::time::{sleep, timeout};

use crate::support::{masters, operator, short_lease};

async fn open(
    path: &Path,
    name: &str,
    policy: FreshnessPolicy,
) -> Result<(Gate, Upkeep), OpenError> {
    let store = SqliteStore::open(path).unwrap();
    let builder = Gate::builder(store, masters())
        .description(name)
        .freshness(policy);
    builder.open().await
}

/// Another process: registered until long after now, and never heard of again.
async fn stuck(store: &MemoryStore) {
    let row = NodeRow {
        id: NodeId::generate(UnixMicros(1), &mut getrandom::SysRng).unwrap(),
        description: "stuck".to_owned(),
        started_at: UnixMicros(0),
        lease_until: UnixMicros(i64::MAX / 2),
        applied: 0,
    };
    let registered = store.register(row, UnixMicros(0)).await.unwrap();
    assert_eq!(registered, Registration::Registered);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_does_not_open_and_is_told_who_serves() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let (_gate, upkeep) = open(&path, "host one, port 8080", short_lease())
        .await
        .unwrap();
    tokio::spawn(upkeep);
    let refused = open(&path, "two", short_lease())
        .await
        .map(drop)
        .unwrap_err();
    assert!(
        matches!(&refused, OpenError::AlreadyServed { by } if by == "host one, port 8080"),
        "{refused:?}"
    );
    assert!(
        refused.to_string().contains("host one, port 8080"),
        "{refused}"
    );
    // Beside it, admin commands open.
    let store = SqliteStore::open(&path).unwrap();
    let admin = Gate::builder(store, masters())
        .open_admin(operator())
        .await
        .unwrap();
    assert!(admin.organizations().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_crash_the_next_process_takes_over_when_the_lease_ran_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let store = SqliteStore::open(&path).unwrap();
    let now = portcullis_gate::Clock::now(&portcullis_gate::SystemClock::new()).utc;
    let left_behind = Duration::from_millis(300);
    let row = NodeRow {
        id: NodeId::generate(UnixMicros(now.timestamp_micros()), &mut getrandom::SysRng).unwrap(),
        description: "crashed".to_owned(),
        started_at: UnixMicros(now.timestamp_micros()),
        lease_until: UnixMicros((now + left_behind).timestamp_micros()),
        applied: 0,
    };
    let registered = store
        .register(row, UnixMicros(now.timestamp_micros()))
        .await
        .unwrap();
    assert_eq!(registered, Registration::Registered);
    let (_gate, _upkeep) = timeout(Duration::from_secs(5), open(&path, "next", short_lease()))
        .await
        .unwrap()
        .unwrap();
    let taken_over = portcullis_gate::Clock::now(&portcullis_gate::SystemClock::new()).utc;
    assert!(taken_over >= now + left_behind, "while the lease still ran");
    let nodes = store.nodes().await.unwrap();
    assert_eq!(nodes.len(), 1);
    assert_eq!(nodes[0].description, "next");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_open_an_empty_file_at_once_exactly_one_serves() {
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("portcullis.db");
        let start = |name: &'static str| {
            let path = path.clone();
            tokio::spawn(async move {
                let (gate, upkeep) = open(&path, name, short_lease()).await?;
                tokio::spawn(upkeep);
                Ok::<_, OpenError>(gate)
            })
        };
        let (one, two) = (start("one"), start("two"));
        let (one, two) = (one.await.unwrap(), two.await.unwrap());
        let (winner, refused) = match (one, two) {
            (Ok(gate), Err(refused)) => ((gate, "one"), refused),
            (Err(refused), Ok(gate)) => ((gate, "two"), refused),
            (Ok(_), Ok(_)) => panic!("both serve"),
            (Err(one), Err(two)) => panic!("none serves: {one:?}, {two:?}"),
        };
        assert!(
            matches!(&refused, OpenError::AlreadyServed { by } if by == winner.1),
            "{refused:?}"
        );
        winner.0.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_lost_its_lease_answers_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let (gate, upkeep) = open(&path, "slow", short_lease()).await.unwrap();
    let admin = gate.admin(operator());
    let org = admin.create_organization("acme").await.unwrap().id;
    let project = admin.create_project(org, "web").await.unwrap().id;
    let new = portcullis_gate::NewKey::new(
        org,
        project,
        "ci",
        crate::support::prefix("live"),
        portcullis_gate::Lifetime::Never,
    );
    let key = crate::support::Key::of(admin.mint(new).await.unwrap());
    // Its upkeep is not run: as if the process had been stopped for longer than its lease.
    sleep(short_lease().lease).await;
    let (next, _upkeep) = open(&path, "next", short_lease()).await.unwrap();
    let upkeep = tokio::spawn(upkeep);
    timeout(Duration::from_secs(5), upkeep)
        .await
        .unwrap()
        .unwrap();
    let answer = crate::support::authenticate(&gate, &key.text).await;
    assert_eq!(crate::support::code(answer), "gate_unavailable");
    let answer = crate::support::authenticate(&next, &key.text).await;
    assert_eq!(crate::support::code(answer), "(allowed)");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_never_runs_out_is_not_waited_for_without_end() {
    let store = MemoryStore::new();
    stuck(&store).await;
    let next = Gate::builder(store, masters()).clock(crate::support::clock());
    let refused = timeout(Duration::from_secs(61), next.open())
        .await
        .unwrap()
        .map(drop);
    assert!(matches!(refused, Err(OpenError::AlreadyServed { by }) if by == "stuck"));
}

#[tokio::test(start_paused = true)]
async fn an_action_that_a_process_does_not_confirm_is_stored_and_names_that_process() {
    let store = MemoryStore::new();
    stuck(&store).await;
    let beside = Gate::builder(store.clone(), masters()).clock(crate::support::clock());
    let admin = beside.open_admin(operator()).await.unwrap();
    let refused = admin.create_organization("acme").await.unwrap_err();
    assert!(
        matches!(&refused, AdminError::NotAppliedEverywhere { nodes, .. } if nodes == &["stuck"]),
        "{refused:?}"
    );
    assert_eq!(admin.organizations().await.unwrap().len(), 1);
}
