//! The in-memory adapter under the conformance suite.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail their test")]

use portcullis_store::MemoryStore;
use portcullis_store::conformance::{Fixture, Task, draft_line};

struct Memory(MemoryStore);

impl Fixture for Memory {
    type Store = MemoryStore;

    fn store(&self) -> MemoryStore {
        self.0.clone()
    }

    async fn drafts(&self) -> Vec<String> {
        self.0.drafts().iter().map(draft_line).collect()
    }

    fn spawn(&self, task: Task) -> Task {
        let handle = tokio::spawn(task);
        Box::pin(async { handle.await.unwrap() })
    }
}

portcullis_store::conformance_tests!(Memory(MemoryStore::new()));
