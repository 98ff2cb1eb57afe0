//! The in-memory adapter under the conformance suite.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail their test")]

use portcullis_store::MemoryStore;
use portcullis_store::conformance::{Fixture, Task};

struct Memory(MemoryStore);

impl Fixture for Memory {
    type Store = MemoryStore;

    fn store(&self) -> MemoryStore {
        self.0.clone()
    }

    fn spawn(&self, task: Task) -> Task {
        let handle = tokio::spawn(task);
        Box::pin(async { handle.await.unwrap() })
    }
}

portcullis_store::conformance_tests!(Memory(MemoryStore::new()));
