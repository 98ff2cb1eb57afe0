//! The example gateway from outside: a child process on a folder of its own, spoken to over TCP, through its sub-commands
//! and with OpenAI's Python client, in front of its built-in provider or of one of ours that sees what arrives.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test program: what goes wrong in its helpers ends the test, and it measures time"
)]

mod addresses;
mod audit;
mod bad_input;
mod breaches;
mod byok;
mod edited_keys;
mod forwarding;
mod limit_commands;
mod limits;
mod prices;
mod readme;
mod request_bodies;
mod restart;
mod retention;
mod revocation;
mod rotation;
mod sdk;
mod secrets;
mod spending;
mod strangers;
mod support;
mod vault;
mod zero_retention;
