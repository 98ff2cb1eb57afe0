//! The extractor of who calls.

use axum::extract::FromRequestParts;
use http::request::Parts;
use portcullis_gate::{Caller, Refusal};

use crate::Rejection;

/// Who calls, as the [`ProtectLayer`](crate::ProtectLayer) found out.
///
/// ```
/// # use portcullis_tower::Authenticated;
/// async fn handler(Authenticated(caller): Authenticated) -> String {
///     caller.org().to_string()
/// }
/// ```
///
/// On a route that is not behind the layer, or is listed as open, it answers 503 and logs what to do: that is a mistake
/// of the gateway, and nothing is let through because of it.
#[derive(Clone, Debug)]
pub struct Authenticated(pub Caller);

impl<S: Sync> FromRequestParts<S> for Authenticated {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let caller = parts.extensions.get::<Caller>().cloned();
        caller.map(Self).ok_or_else(|| {
            tracing::error!(path = parts.uri.path(), "{}", Refusal::NoCaller);
            Rejection::from(Refusal::NoCaller)
        })
    }
}
