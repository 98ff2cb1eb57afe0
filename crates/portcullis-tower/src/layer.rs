//! The layer: what is protected, and how refusals are worded.

use std::sync::Arc;

use portcullis_gate::{Dialect, Gate};
use tower_layer::Layer;

use crate::service::Protect;

/// Protects every route of the service it is put around, except those opened by name.
///
/// A request that passes carries its [`Caller`](portcullis_gate::Caller) in its extensions. See the
/// [crate](crate) for the rules.
#[derive(Clone, Debug)]
#[must_use = "a layer protects nothing until it is put around a service"]
pub struct ProtectLayer {
    settings: Arc<Settings>,
}

/// What the service needs for each request.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) gate: Gate,
    pub(crate) dialect: Dialect,
    open_routes: Vec<Box<str>>,
}

impl ProtectLayer {
    /// Protects by `gate`. Refusals are worded as OpenAI's API words errors.
    pub fn new(gate: Gate) -> Self {
        Self {
            settings: Arc::new(Settings {
                gate,
                dialect: Dialect::OpenAi,
                open_routes: Vec::new(),
            }),
        }
    }

    /// Lets requests for exactly this path, such as `/healthz`, pass without a key and without a
    /// [`Caller`](portcullis_gate::Caller), whatever their method.
    ///
    /// Compared is the path as this service sees it, byte for byte: another case, a trailing slash or a
    /// percent-encoded character make it another path, and that one is protected. There are no patterns.
    pub fn open_route(mut self, path: impl Into<Box<str>>) -> Self {
        let settings = Arc::make_mut(&mut self.settings);
        settings.open_routes.push(path.into());
        self
    }

    /// Words refusals, and the event that ends a stream, as this API does.
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        Arc::make_mut(&mut self.settings).dialect = dialect;
        self
    }
}

impl<S> Layer<S> for ProtectLayer {
    type Service = Protect<S>;

    fn layer(&self, inner: S) -> Protect<S> {
        Protect::new(inner, Arc::clone(&self.settings))
    }
}

impl Settings {
    pub(crate) fn is_open(&self, path: &str) -> bool {
        self.open_routes.iter().any(|open| **open == *path)
    }
}
