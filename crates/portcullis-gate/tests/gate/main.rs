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
mod audit_logs;
mod audit_trail;
mod authenticate;
mod authorize;
mod bounds;
mod cap_changes;
mod caps;
mod charges;
mod concurrency;
mod crash;
mod credential_states;
mod debits;
mod digests;
mod dropped;
mod flood;
mod freshness;
mod key_services;
mod leaks;
mod lease;
mod limits_admin;
mod many_caps;
mod master_key;
mod order;
mod periods;
mod rates;
mod restart;
mod retention;
mod revocation;
mod rotation;
mod shutdown;
mod support;
mod tenants;
mod time_of_check;
mod traces;
mod vault_crash;
mod vault_rotation;
mod write_behind;
