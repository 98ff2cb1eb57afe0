//! The log under tools that nobody here wrote: Go's transparency log, and three Python packages.
//!
//! `cargo xtask prepare` fetches them; a test that cannot have them fails and says which are missing.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod go;
mod python;
mod samples;
mod tools;
