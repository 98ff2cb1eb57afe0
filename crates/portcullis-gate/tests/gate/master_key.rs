//! The master key fits or nothing opens; each trouble is told apart, and none of them makes a new key.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use portcullis_gate::{
    Diagnosis, DigestPolicy, Gate, MasterKeyFile, MasterKeyFileError, MasterKeys, OpenError,
    PutCredential, UnixMicros,
};
use portcullis_sqlite::SqliteStore;
use portcullis_store::{ControlStore as _, MemoryStore, StoreErrorKind};

use crate::support::{CREDENTIAL, clock, masters, operator, other_masters, provider};

/// What the doctor says about a database and a master-key file, by codes; healthy or not.
async fn codes(database: &Path, key: &Path) -> (Vec<&'static str>, bool) {
    let store = SqliteStore::open_existing(database);
    let kept = store.as_ref().ok().cloned();
    let store = store.map(Into::into);
    let diagnosis = Diagnosis::examine(
        store,
        MasterKeyFile::read(key),
        DigestPolicy::Sha256,
        UnixMicros(0),
    )
    .await;
    if let Some(store) = kept {
        store.close().await;
    }
    let bad: Vec<_> = diagnosis
        .findings()
        .iter()
        .filter(|finding| !finding.healthy)
        .map(|finding| finding.code)
        .collect();
    assert_eq!(diagnosis.is_healthy(), bad.is_empty());
    for finding in diagnosis.findings() {
        assert!(diagnosis.to_string().contains(finding.code) && !finding.message.is_empty());
    }
    (bad, diagnosis.is_healthy())
}

/// A database with a credential in it, closed; and the file of its master key.
async fn instance(folder: &Path) -> (std::path::PathBuf, std::path::PathBuf) {
    let (database, key) = (folder.join("portcullis.db"), folder.join("master.key"));
    let (masters, made) = MasterKeyFile::read_or_create(&key, &database).unwrap();
    assert!(made);
    let store = SqliteStore::open(&database).unwrap();
    let admin = Gate::builder(store.clone(), masters)
        .open_admin(operator())
        .await
        .unwrap();
    let org = admin.create_organization("acme").await.unwrap().id;
    let place = PutCredential::new(org, provider("openai"));
    admin.put_credential(place, CREDENTIAL).await.unwrap();
    store.close().await;
    (database, key)
}

/// Every file of a folder with its bytes.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.unwrap();
        (
            entry.file_name().into_string().unwrap(),
            fs::read(entry.path()).unwrap(),
        )
    };
    fs::read_dir(folder).unwrap().map(read).collect()
}

/// Another 32 bytes in the file, which is as well-formed as before.
fn overwrite(key: &Path, masters: &MasterKeys) {
    fs::write(key, masters.to_text().as_bytes()).unwrap();
}

#[tokio::test]
async fn another_master_key_opens_nothing_and_changes_nothing() {
    let store = MemoryStore::new();
    let open = |masters| Gate::builder(store.clone(), masters).clock(clock());
    let (gate, _upkeep) = open(masters()).open().await.unwrap();
    gate.close().await.unwrap();
    let (drafts, checks) = (store.drafts().len(), store.master_checks().await.unwrap());
    for refused in [
        open(other_masters()).open().await.map(drop),
        open(other_masters()).open_admin(operator()).await.map(drop),
    ] {
        let refused = refused.unwrap_err();
        assert!(
            matches!(refused, OpenError::MasterKeyWrong { version: 1 }),
            "{refused:?}"
        );
    }
    assert_eq!(
        (store.drafts().len(), store.master_checks().await.unwrap()),
        (drafts, checks)
    );
    assert!(open(masters()).open().await.is_ok());
}

#[tokio::test]
async fn a_version_that_the_database_was_made_with_must_be_at_hand() {
    let store = MemoryStore::new();
    let first = masters().to_text().to_string();
    let key = other_masters().to_text().to_string();
    let second = key.replacen("1:", "2:", 1);
    let both = MasterKeys::parse(&format!("{first}{second}")).unwrap();
    let open = |masters| Gate::builder(store.clone(), masters).clock(clock());
    let (gate, _upkeep) = open(both).open().await.unwrap();
    gate.close().await.unwrap();
    let drafts = store.drafts().len();
    let refused = open(masters()).open().await.map(drop).unwrap_err();
    assert!(
        matches!(&refused, OpenError::MasterVersionMissing { version: 2, held } if held == &[1]),
        "{refused:?}"
    );
    assert_eq!(store.drafts().len(), drafts);
    // The same key under another number is another key.
    let renumbered = MasterKeys::parse(&format!("{second}{}", first.replacen("1:", "3:", 1)));
    let refused = open(renumbered.unwrap())
        .open()
        .await
        .map(drop)
        .unwrap_err();
    assert!(
        matches!(refused, OpenError::MasterVersionMissing { version: 1, .. }),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_whole_instance_is_healthy_and_looking_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (database, key) = instance(folder.path()).await;
    let before = files(folder.path());
    assert_eq!(codes(&database, &key).await, (vec![], true));
    assert!(files(folder.path()) == before);
}

#[tokio::test]
async fn the_troubles_of_a_master_key_are_told_apart_and_none_makes_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let (database, key) = instance(folder.path()).await;
    let good = fs::read(&key).unwrap();
    let second = String::from_utf8(good.clone())
        .unwrap()
        .replacen("1:", "2:", 1);

    fs::remove_file(&key).unwrap();
    assert_eq!(codes(&database, &key).await.0, ["master_key_missing"]);
    let refused = MasterKeyFile::read_or_create(&key, &database).unwrap_err();
    assert!(
        matches!(refused, MasterKeyFileError::MissingBesideDatabase { .. }),
        "{refused:?}"
    );
    assert!(!key.exists());

    write_private(&key, b"1:this is not a key\n");
    assert_eq!(codes(&database, &key).await.0, ["master_key_unreadable"]);
    assert!(MasterKeyFile::read_or_create(&key, &database).is_err());
    assert_eq!(fs::read(&key).unwrap(), b"1:this is not a key\n");

    write_private(&key, b"");
    assert_eq!(codes(&database, &key).await.0, ["master_key_unreadable"]);
    assert!(MasterKeyFile::read_or_create(&key, &database).is_err());
    assert_eq!(fs::read(&key).unwrap(), b"");

    overwrite(&key, &other_masters());
    assert_eq!(codes(&database, &key).await.0, ["master_key_wrong"]);

    fs::write(&key, second).unwrap();
    assert_eq!(
        codes(&database, &key).await.0,
        ["master_key_version_missing"]
    );

    fs::write(&key, good).unwrap();
    assert_eq!(codes(&database, &key).await.0, [""; 0]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_master_key_that_others_can_read_is_unreadable_to_us() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let (database, key) = instance(folder.path()).await;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(codes(&database, &key).await.0, ["master_key_unreadable"]);
}

#[tokio::test]
async fn the_troubles_of_a_database_are_told_apart_and_the_file_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (database, key) = instance(folder.path()).await;
    let ours = fs::read(&database).unwrap();
    // `PRAGMA application_id` and `user_version` in the header of the file: bytes 68 and 60.
    let with = |offset: usize, value: u32| {
        let mut bytes = ours.clone();
        bytes[offset..offset + 4].copy_from_slice(&value.to_be_bytes());
        bytes
    };
    for (bytes, expected, kind) in [
        (
            with(68, 0x4d50_4258),
            "database_not_ours",
            StoreErrorKind::NotOurs,
        ),
        (with(60, 999), "database_newer", StoreErrorKind::Newer),
        (
            b"name,amount\nada,3\n".repeat(100),
            "database_not_ours",
            StoreErrorKind::NotOurs,
        ),
    ] {
        fs::write(&database, &bytes).unwrap();
        assert_eq!(codes(&database, &key).await.0, [expected]);
        let unchanged = || fs::read(&database).unwrap() == bytes;
        assert!(unchanged(), "{expected}: looking changes nothing");
        let refused = SqliteStore::open(&database).map(drop).unwrap_err();
        assert_eq!(refused.kind(), kind);
        assert!(unchanged(), "{expected}: nor does trying to open");
        // SQLite's side files for readers of a write-ahead log: empty of anything to merge.
        let log = files(folder.path()).remove("portcullis.db-wal");
        assert!(log.is_none_or(|log| log.is_empty()), "{expected}");
    }
    fs::remove_file(&database).unwrap();
    assert_eq!(codes(&database, &key).await.0, ["database_unavailable"]);
    assert!(!database.exists(), "looking makes no database");
}

#[tokio::test]
async fn a_credential_that_does_not_open_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let (database, key) = instance(folder.path()).await;
    let store = SqliteStore::open(&database).unwrap();
    let masters = MasterKeyFile::read(&key).unwrap();
    let admin = Gate::builder(store.clone(), masters)
        .open_admin(operator())
        .await
        .unwrap();
    let org = admin.organizations().await.unwrap().remove(0).id;
    let id = admin.credentials(org).await.unwrap().remove(0).id;
    let mut row = store.credential_by_id(org, id).await.unwrap().unwrap();
    row.generation += 1;
    let target = portcullis_store::AuditTarget::Credential(id);
    let action = portcullis_store::AuditAction::CredentialReplaced;
    let draft = portcullis_store::AuditDraft::new(UnixMicros(0), operator(), action, target);
    let set = portcullis_store::ChangeSet::new(org, draft)
        .change(portcullis_store::Change::PutCredential(row));
    let _committed = store
        .commit(set.urgent(), crate::support::unsealed())
        .await
        .unwrap();
    store.close().await;
    // The row was planted, so its record waits.
    let found = ["credential_unreadable", "audit_outbox_waiting"];
    assert_eq!(codes(&database, &key).await.0, found);
}

fn write_private(path: &Path, bytes: &[u8]) {
    if path.exists() {
        fs::write(path, bytes).unwrap();
        return;
    }
    fs::write(path, bytes).unwrap();
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}
