//! A rotation whose process is killed again and again: every record opens at every moment, and the end is complete.
//!
//! The process is this test binary, started again for the one ignored test. The leaf's own test stops a rotation of ten thousand
//! records at fifty points; here the database and the process are real.

use std::io::{BufRead as _, BufReader};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use portcullis_gate::{
    Admin, Diagnosis, DigestPolicy, Gate, KeySource, KeyState, MasterKeyFile, OrgId, PutCredential,
    UnixMicros,
};
use portcullis_sqlite::SqliteStore;

use crate::support::{CREDENTIAL, operator, provider};

const RECORDS: usize = 240;
const KILLS: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_that_is_killed_again_and_again_bricks_nothing_and_ends_complete() {
    let folder = tempfile::tempdir().unwrap();
    let (database, master) = (
        folder.path().join("portcullis.db"),
        folder.path().join("master"),
    );
    MasterKeyFile::read_or_create(&master, &database).unwrap();
    let admin = admin(folder.path()).await;
    let org = admin.create_organization("acme").await.unwrap().id;
    for n in 0..RECORDS {
        let name = format!("n{n}").parse().unwrap();
        let place = PutCredential::new(org, provider("openai")).name(name);
        admin.put_credential(place, CREDENTIAL).await.unwrap();
    }
    let mut seen = Vec::new();
    for kill in 0..KILLS {
        // A batch later each time, so that it is stopped before, within and between.
        run_and_kill(folder.path(), org, kill * 2);
        let store = SqliteStore::open(&database).unwrap();
        let master = MasterKeyFile::read(&master);
        let diagnosis = Diagnosis::examine(
            Ok(store.into()),
            master,
            DigestPolicy::default(),
            UnixMicros(0),
        )
        .await;
        let open = format!("{RECORDS} stored credentials open");
        assert!(diagnosis.to_string().contains(&open), "{diagnosis}");
        let view = admin.vault_of(org).await.unwrap();
        assert_eq!(view.records.total(), RECORDS as u64);
        for version in &view.versions {
            let needed = matches!(version.state, KeyState::Active | KeyState::DecryptOnly);
            assert!(needed || version.records == 0, "{version:?}");
        }
        seen.push(view.plan.unwrap().waiting.total());
    }
    assert!(
        seen.iter()
            .any(|waiting| *waiting > 0 && *waiting < RECORDS as u64),
        "{seen:?}"
    );
    let batch = NonZeroUsize::new(50).unwrap();
    let rotated = admin
        .rotate_organization_key(org, &KeySource::Derived, batch, |_| {})
        .await;
    let rotated = rotated.unwrap();
    assert!(rotated.unreadable.is_empty());
    let view = admin.vault_of(org).await.unwrap();
    assert!(view.plan.unwrap().is_complete());
    for version in &view.versions {
        let expected = if version.version == rotated.active {
            RECORDS as u64
        } else {
            0
        };
        assert_eq!(version.records, expected, "{version:?}");
        assert!(version.version == rotated.active || version.state == KeyState::Disabled);
    }
}

async fn admin(folder: &Path) -> Admin {
    let store = SqliteStore::open(folder.join("portcullis.db")).unwrap();
    let master = MasterKeyFile::read(folder.join("master")).unwrap();
    Gate::builder(store, master)
        .open_admin(operator())
        .await
        .unwrap()
}

/// Lets the rotation tell so many batches, then ends it as a power cut does.
fn run_and_kill(folder: &Path, org: OrgId, batches: usize) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", CHILD])
        .env(FOLDER, folder)
        .env(ORG, org.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut heard = 0;
    for line in lines.map_while(Result::ok) {
        heard += usize::from(line == "batch");
        // Whoever is done says no more.
        if heard > batches || line == "done" {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the process that a_rotation_that_is_killed_again_and_again_bricks_nothing_and_ends_complete starts and kills"]
async fn child_rotates_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return; // somebody runs the ignored tests by hand
    };
    let org = std::env::var_os(ORG).unwrap().into_string().unwrap();
    let org: OrgId = org.parse().unwrap();
    let admin = admin(&folder).await;
    println!(); // the test harness may have begun a line
    let batch = NonZeroUsize::new(10).unwrap();
    let rotated =
        admin.rotate_organization_key(org, &KeySource::Derived, batch, |_| println!("batch"));
    rotated.await.unwrap();
    println!("done");
    std::future::pending::<()>().await;
}

const CHILD: &str = "vault_crash::child_rotates_until_it_is_killed";
const FOLDER: &str = "PORTCULLIS_TEST_FOLDER";
const ORG: &str = "PORTCULLIS_TEST_ORGANIZATION";

#[test]
fn the_child_is_called_as_it_is_named() {
    let path = format!("{}::child_rotates_until_it_is_killed", module_path!());
    assert_eq!(path.split_once("::").map(|(_, name)| name), Some(CHILD));
}
