//! Records as other systems read them, read back by parsers that are not ours where there is one.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod cursor;
mod disclosure;
mod golden;
mod injection;
mod lengths;
mod mapping;
mod ocsf;
mod read_back;
mod readers;
mod records;
mod syslog;
mod usage;

#[path = "../outside/samples.rs"]
mod samples;
#[expect(dead_code, reason = "shared with the tests of the log")]
#[path = "../outside/tools.rs"]
mod tools;
