//! Tables that somebody else keeps in the same store as a gate.

use crate::Table;

/// Somebody who keeps tables of their own in a gate's store, under the gate's policies: plans count their rows, limits and
/// purges remove them, legal holds keep them.
///
/// A companion says which tables those are, and nothing else; the store removes the rows itself, in the transaction that also
/// reads the rules in force. So each of its tables has the columns `org_id` and `project_id` (16 bytes each), `key_id` (text) and
/// `at` (microseconds since 1970). A table that the store has and nobody registers stops every plan.
///
/// With a table of the class [`BodySample`](crate::DataClass::BodySample), requests are sampled.
pub trait Companion: Send + Sync + 'static {
    /// Its tables.
    fn tables(&self) -> Vec<Table>;
}
