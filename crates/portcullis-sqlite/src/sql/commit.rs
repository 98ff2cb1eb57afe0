use portcullis_store::{ChangeSet, Outcome, SealStep};
use rusqlite::{Connection, TransactionBehavior};

use super::{audit, change, guard, log};
use crate::error::{Answer, Trouble};

/// The whole transaction: guards, changes, change log, audit log. Leaving early rolls all of it back.
pub(crate) fn commit(
    connection: &mut Connection,
    set: &ChangeSet,
    seal: &mut SealStep,
) -> Answer<Outcome> {
    // IMMEDIATE takes the write lock before the first read, so guards cannot go stale and the order of
    // sequences is the order of commits.
    let mut db = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (index, guard) in set.guards().iter().enumerate() {
        if !guard::holds(&db, set.org(), guard)? {
            return Ok(Outcome::GuardFailed(index));
        }
    }
    for change in set.changes() {
        change::apply(&db, set.org(), change)?;
    }
    let mut seq = 0;
    for subject in set.notices() {
        seq = log::append(&db, subject)?;
    }
    audit::record(&mut db, set, seal)?;
    db.commit().map_err(Trouble::AtCommit)?;
    Ok(Outcome::Committed { seq })
}
