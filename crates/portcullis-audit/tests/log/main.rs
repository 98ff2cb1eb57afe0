//! A log in a database: attacks on it, and what its owner does with it.
#![expect(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod attacks;
mod database;
mod pruning;
