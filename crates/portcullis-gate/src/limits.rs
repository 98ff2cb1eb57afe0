//! What a key may use up: rates, caps, and the books behind them.
//!
//! One set of books per organization, in memory, because every counter of a request belongs to the organization of its key.
//! What a request holds is a value: dropped with its permit it is given back, dropped with its call it is charged. Dollars
//! are held only out of chunks that were debited durably before; the debits are made by the upkeep, many in one transaction,
//! so that whoever stops waiting for one leaves nothing half done.

pub(crate) mod books;
pub(crate) mod debits;
pub(crate) mod demand;
pub(crate) mod draw;
pub(crate) mod flood;
pub(crate) mod policy;
pub(crate) mod quota;
pub(crate) mod rules;
pub(crate) mod write_behind;
