//! The SQLite adapter under the conformance suite; each handle is the file opened once more.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail their test")]

use std::path::PathBuf;

use portcullis_sqlite::SqliteStore;
use portcullis_store::conformance::{Fixture, Task};
use rusqlite::Connection;
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

    fn read_drafts(&self) -> rusqlite::Result<Vec<String>> {
        let db = Connection::open(self.path())?;
        let sql =
            "SELECT at || ' ' || actor_kind || ':' || actor_id || ' ' || action || ' ' || target
                   FROM audit_drafts ORDER BY draft_id";
        db.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
    }
}

impl Fixture for Sqlite {
    type Store = SqliteStore;

    fn store(&self) -> SqliteStore {
        SqliteStore::open(self.path()).unwrap()
    }

    async fn drafts(&self) -> Vec<String> {
        self.read_drafts().unwrap()
    }

    fn spawn(&self, task: Task) -> Task {
        let handle = tokio::spawn(task);
        Box::pin(async { handle.await.unwrap() })
    }
}

const FILE: &str = "portcullis.db";

portcullis_store::conformance_tests!(Sqlite::new());
