//! What is kept of a body, and that it goes with the gate's plans.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use std::path::PathBuf;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use portcullis_bodies::{Bodies, BodiesError, Chosen, MAX_BODY, SampleOf, Side};
use portcullis_gate::{
    Actor, Admin, Gate, KeyPrefix, Lifetime, MasterKey, MasterKeys, NewHold, NewKey, UnixMicros,
};
use portcullis_retention::{Budget, Rate, Sampler, SamplingKey, TimeRange};
use portcullis_sqlite::SqliteStore;
use portcullis_store::{KeyId, OrgId, ProjectId, RequestId};
use tempfile::TempDir;

/// A gateway's database with one key, and the bodies beside it.
struct Stage {
    _folder: TempDir,
    path: PathBuf,
    bodies: Bodies,
    admin: Admin,
    org: OrgId,
    project: ProjectId,
    key: KeyId,
}

impl Stage {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("portcullis.db");
        let store = SqliteStore::open(&path).unwrap();
        let bodies = Bodies::open(&path).unwrap();
        let master = MasterKeys::single(MasterKey::generate(&mut getrandom::SysRng).unwrap());
        let admin = Gate::builder(store, master)
            .companion(bodies.clone())
            .open_admin(Actor::operator("ada").unwrap());
        let admin = admin.await.unwrap();
        let org = admin.create_organization("acme").await.unwrap().id;
        let project = admin.create_project(org, "web").await.unwrap().id;
        let prefix = KeyPrefix::new("mr", "live").unwrap();
        let new = NewKey::new(org, project, "ci", prefix, Lifetime::Never);
        let key = admin.mint(new).await.unwrap().id;
        Self {
            _folder: folder,
            path,
            bodies,
            admin,
            org,
            project,
            key,
        }
    }

    /// A request that was dispatched so many days ago.
    fn of(&self, days: i64) -> SampleOf {
        let at = UnixMicros(now() - days * 86_400_000_000);
        SampleOf {
            id: RequestId::generate(at, &mut getrandom::SysRng).unwrap(),
            org: self.org,
            project: self.project,
            key: self.key,
            at,
        }
    }

    fn sides(&self) -> Vec<Side> {
        let found = self.bodies.newest(self.org, 1_000).unwrap();
        found.iter().map(|row| row.side).collect()
    }
}

#[tokio::test]
async fn both_bodies_are_kept_redacted_and_counted_by_rule() {
    let stage = Stage::new().await;
    let sample = stage.bodies.begin(chosen(), stage.of(0));
    sample.request(br#"{"content":"I am ada@example.com"}"#);
    let answer = Full::new(Bytes::from_static(b"no secret in it"));
    let passed = sample.watch(answer).collect().await.unwrap().to_bytes();
    assert_eq!(passed, "no secret in it", "the answer passes as it is");
    let found = stage.bodies.newest(stage.org, 10).unwrap();
    assert_eq!(found[1].content, br#"{"content":"I am [redacted:email]"}"#);
    assert_eq!(found[1].redactions, r#"{"email":1}"#);
    assert_eq!(
        (found[0].content.as_slice(), found[0].cut),
        (&b"no secret in it"[..], false)
    );
    assert_eq!(stage.sides(), [Side::Response, Side::Request]);
}

#[tokio::test]
async fn no_more_than_the_limit_is_kept_and_an_answer_that_is_dropped_is_kept_as_far_as_it_came() {
    let stage = Stage::new().await;
    let sample = stage.bodies.begin(chosen(), stage.of(0));
    sample.request(&vec![b'a'; MAX_BODY + 1]);
    drop(sample.watch(Full::new(Bytes::from_static(b"never read"))));
    let found = stage.bodies.newest(stage.org, 10).unwrap();
    assert_eq!((found[1].content.len(), found[1].cut), (MAX_BODY, true));
    assert!(found[0].content.is_empty());
}

#[tokio::test]
async fn a_body_that_nobody_can_take_is_dropped_and_counted() {
    let stage = Stage::new().await;
    stage.bodies.close();
    stage.bodies.begin(chosen(), stage.of(0)).request(b"late");
    assert_eq!(stage.bodies.lost(), 1);
    assert!(stage.bodies.newest(stage.org, 10).is_none());
}

#[tokio::test]
async fn bodies_go_by_their_own_limit_and_stay_under_a_hold() {
    let stage = Stage::new().await;
    for days in [0, 6, 8, 20] {
        stage.bodies.begin(chosen(), stage.of(days)).request(b"{}");
    }
    assert_eq!(stage.sides().len(), 4);
    let hold = NewHold {
        org: Some(stage.org),
        project: None,
        key: Some(stage.key),
        range: TimeRange::ALL,
        reason: "matter 7".to_owned(),
    };
    let id = stage.admin.place_hold(hold).await.unwrap();
    stage
        .admin
        .apply_retention(Budget::default())
        .await
        .unwrap();
    assert_eq!(stage.sides().len(), 4, "held");
    stage.admin.lift_hold(id).await.unwrap();
    let applied = stage
        .admin
        .apply_retention(Budget::default())
        .await
        .unwrap();
    assert_eq!(applied.removed["body_samples"], 2);
    assert_eq!(stage.sides().len(), 2, "7 days");
}

#[tokio::test]
async fn bodies_are_kept_in_a_database_of_ours_only_and_none_is_made() {
    let stage = Stage::new().await;
    let missing = stage.path.with_file_name("missing.db");
    assert!(matches!(
        Bodies::open(&missing),
        Err(BodiesError::Database { .. })
    ));
    assert!(!missing.exists());
    let foreign = stage.path.with_file_name("foreign.db");
    rusqlite::Connection::open(&foreign)
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    let before = std::fs::read(&foreign).unwrap();
    assert!(matches!(
        Bodies::open(&foreign),
        Err(BodiesError::NotOurs { .. })
    ));
    assert_eq!(std::fs::read(&foreign).unwrap(), before);
}

fn chosen() -> Chosen {
    let key = SamplingKey::generate(&mut getrandom::SysRng).unwrap();
    Sampler::new(&key)
        .choose(&[7; 16], b"any", Rate::ALL)
        .unwrap()
}

fn now() -> i64 {
    use portcullis_gate::{Clock as _, SystemClock};
    SystemClock::new().now().utc.timestamp_micros()
}
