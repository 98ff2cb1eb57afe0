//! The example gateway with sampled bodies: those that the gate chose, redacted, in a table of their own.

use std::error::Error;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use portcullis::{Companion, GateBuilder, SampledRequest};
use portcullis_bodies::{Bodies, MAX_BODY, SampleOf};

/// Keeps sampled bodies.
#[derive(Clone, Debug)]
pub struct Keeper(Bodies);

impl Keeper {
    /// What the gateway says of itself at its start.
    pub const PROMISE: &str = "Sampled request and response bodies are kept, redacted: `retention show` says how many and how long.";

    /// Opens the table of bodies in the gate's database; makes it if it is not there.
    ///
    /// # Errors
    /// The database's.
    pub fn open(database: &Path) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(Self(Bodies::open(database)?))
    }

    /// Puts the table under the gate's limits, and lets the gate choose requests.
    pub fn configure(&self, builder: GateBuilder) -> GateBuilder {
        builder.companion(self.0.clone())
    }

    /// Keeps the bodies of what was chosen.
    pub fn watch(&self, routes: Router) -> Router {
        routes.layer(middleware::from_fn_with_state(self.0.clone(), watch))
    }

    /// The tables of bodies.
    #[must_use]
    pub fn companions(&self) -> Vec<&dyn Companion> {
        vec![&self.0]
    }

    /// Writes what waits.
    pub fn close(&self) {
        self.0.close();
    }
}

/// Copies the request's body while it is read, and keeps it if the request turns out to be chosen.
async fn watch(State(bodies): State<Bodies>, request: Request, next: Next) -> Response {
    let copy = Arc::new(Mutex::new(Vec::new()));
    let (parts, body) = request.into_parts();
    let body = Body::new(Copied {
        body,
        copy: Arc::clone(&copy),
    });
    let response = next.run(Request::from_parts(parts, body)).await;
    let Some(chosen) = response.extensions().get::<SampledRequest>().copied() else {
        return response;
    };
    let of = SampleOf {
        id: chosen.id,
        org: chosen.org,
        project: chosen.project,
        key: chosen.key,
        at: chosen.at,
    };
    let sample = bodies.begin(chosen.chosen, of);
    sample.request(&copy.lock().unwrap_or_else(PoisonError::into_inner));
    response.map(|body| Body::new(sample.watch(body)))
}

/// A request's body, of which what is kept is copied.
struct Copied {
    body: Body,
    copy: Arc<Mutex<Vec<u8>>>,
}

impl http_body::Body for Copied {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            let mut copy = self.copy.lock().unwrap_or_else(PoisonError::into_inner);
            // One byte more, so that it shows that the rest was left out.
            let room = (MAX_BODY + 1).saturating_sub(copy.len());
            copy.extend_from_slice(data.get(..room).unwrap_or(data));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
