//! The SQLite adapter under the conformance suite; each handle is the file opened once more.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail their test")]

use std::path::PathBuf;

use portcullis_sqlite::SqliteStore;
use portcullis_store::conformance::{Fixture, Task};
use tempfile::TempDir;

struct Sqlite {
    folder: TempDir,
}

impl Sqlite {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        SqliteStore::open(folder.path().join(FILE)).unwrap();
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(FILE)
    }
}

impl Fixture for Sqlite {
    type Store = SqliteStore;

    fn store(&self) -> SqliteStore {
        SqliteStore::open(self.path()).unwrap()
    }

    fn spawn(&self, task: Task) -> Task {
        let handle = tokio::spawn(task);
        Box::pin(async { handle.await.unwrap() })
    }
}

const FILE: &str = "portcullis.db";

portcullis_store::conformance_tests!(Sqlite::new());
