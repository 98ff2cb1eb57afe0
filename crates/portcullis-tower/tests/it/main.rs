//! The rules of the layer, held over sockets: axum in front, an in-memory store behind, a provider that the tests play.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests; the lint's exception covers test functions only"
)]

mod calls;
mod caps;
mod credentials;
mod metering;
mod revocation;
mod routes;
mod strangers;
mod support;
mod time_of_check;
