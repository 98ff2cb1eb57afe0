//! The same rule in memory and in a file.

/// Makes two tests of each rule, a function of a store and a chunk, and runs them with each of the chunks.
macro_rules! on_both_stores {
    ($chunks:expr; $($rule:ident)*) => {
        mod in_memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $rule() {
                for chunk in $chunks {
                    super::$rule(portcullis_store::MemoryStore::new(), chunk).await;
                }
            })*
        }

        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $rule() {
                for chunk in $chunks {
                    let folder = tempfile::tempdir().unwrap();
                    let path = folder.path().join("portcullis.db");
                    let store = portcullis_sqlite::SqliteStore::open(path).unwrap();
                    super::$rule(store, chunk).await;
                }
            })*
        }
    };
}

pub(crate) use on_both_stores;
