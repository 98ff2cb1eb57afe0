//! What the gate promises, from outside: one binary, one module for each promise.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]

mod addresses;
mod audit;
mod authenticate;
mod authorize;
mod concurrency;
mod digests;
mod dropped;
mod freshness;
mod leaks;
mod lease;
mod master_key;
mod order;
mod revocation;
mod rotation;
mod support;
mod tenants;
mod time_of_check;
