//! The embedded Portcullis store: one SQLite file, nothing to install and nothing to run beside it.
//!
//! [`SqliteStore`] implements the ports of `portcullis-store` and runs their conformance suite. SQLite itself is
//! built in.
//!
//! ```
//! use portcullis_sqlite::SqliteStore;
//! use portcullis_store::{ControlStore as _, Page};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("portcullis.db");
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let store = SqliteStore::open(&path)?; // made if missing, mode 0600
//! assert!(store.organizations(Page::first(10)).await?.is_empty());
//! store.close().await; // or drop the last clone
//! # Ok::<(), portcullis_store::StoreError>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it keeps
//! - A commit or a draw from a cap that returned is on the disk (`synchronous=FULL`); one that did not return is
//!   there whole or not at all, also after `kill -9`. A step that refuses waits for no disk.
//! - Any number of processes may have the file open: one serves (it holds the lease), the others administer.
//!   [`change_hint`](portcullis_store::ControlStore::change_hint) sees the commits of all of them.
//! - A file is taken only if it is empty or marked as ours (`application_id` "PCLS"). Another program's
//!   database, or a file of a later version, is refused and left as it is.
//!
//! # What it does not do
//! It does not work on a network file system: SQLite's write-ahead log needs shared memory. It does not notice
//! that the file was replaced under a running process: stop the process, then restore a backup. A backup of the
//! one file while it is in use misses the log beside it (`-wal`): use `VACUUM INTO`.
//!
//! # Security
//! - Composite foreign keys with the organization first refuse a row that points into another tenant; each
//!   statement that could reach across carries the organization as well. SQLite knows no roles: who can write
//!   the file can do everything, hence mode 0600.
//! - The table of shares takes no negative amount, whoever writes it.
//! - Triggers keep the change log and the audit logs append-only, a revoked key revoked and an expiry unextended, for
//!   every writer that does not remove the triggers first:
//!   [`missing_guards`](portcullis_store::AuditStore::missing_guards) names those that were. A record can be deleted
//!   below the minimum of its log alone, and this rises with a record of that. Who edits the file itself is found by
//!   the signatures, not by SQLite.
//! - Digests and sealed records are in the file, keys and credentials are not. Deleted records are overwritten
//!   (`secure_delete`); until the next checkpoint their last state is still in the `-wal` file.
//! - An erased opening is gone from the files when [`scrub`](portcullis_store::AuditStore::scrub) has said so: it writes
//!   anew the tables that openings and drafts were deleted from, with what is left of them in memory meanwhile, and
//!   merges the log. Copies of a pruned record may stand in the page of its neighbour until that one is pruned. What a
//!   file system, a disk or a backup keeps is beyond its reach.
//! - All values are bound, none is pasted into a statement, and no error repeats one.

mod error;
mod guards;
mod migrate;
mod open;
mod sql;
mod store;
mod worker;

// The public interface is:
pub use store::SqliteStore;
