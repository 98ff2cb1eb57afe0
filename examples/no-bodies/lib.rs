//! The example gateway without bodies: zero retention. There is nothing here that a body could be handed to, and nothing in
//! the dependencies either; no line of configuration changes that.

use std::error::Error;
use std::path::Path;

use axum::Router;
use portcullis::{Companion, GateBuilder};

/// Keeps nothing.
#[derive(Clone, Debug)]
pub struct Keeper;

impl Keeper {
    /// What the gateway says of itself at its start.
    pub const PROMISE: &str =
        "Zero retention: this build has nothing that could keep a request or response body.";

    /// Opens nothing, and makes no table.
    ///
    /// # Errors
    /// None.
    pub fn open(_database: &Path) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(Self)
    }

    /// The builder as it is.
    pub fn configure(&self, builder: GateBuilder) -> GateBuilder {
        builder
    }

    /// The routes as they are.
    pub fn watch(&self, routes: Router) -> Router {
        routes
    }

    /// No tables.
    #[must_use]
    pub fn companions(&self) -> Vec<&dyn Companion> {
        Vec::new()
    }

    /// Nothing waits to be written.
    pub fn close(&self) {}
}
