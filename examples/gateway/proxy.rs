//! The request path: authorize, open, forward, meter.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use portcullis::{
    Authenticated, Caller, Endpoint, ModelList, OpenAiCall, Refusal, Rejection, SampledRequest,
    meter,
};

use crate::Failure;

/// Where requests go, and the client that takes them there. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Proxy {
    inner: Arc<Inner>,
}

struct Inner {
    provider: &'static str,
    scheme: Scheme,
    authority: Authority,
    forward_unknown: bool,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Proxy {
    pub(crate) fn new(
        provider: &'static str,
        upstream: &Uri,
        forward_unknown: bool,
    ) -> Result<Self, Failure> {
        let scheme = upstream
            .scheme()
            .ok_or("the upstream has no scheme")?
            .clone();
        let authority = upstream
            .authority()
            .ok_or("the upstream has no host")?
            .clone();
        let connector = HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        let inner = Inner {
            provider,
            scheme,
            authority,
            forward_unknown,
            client,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    fn uri(&self, path: &PathAndQuery) -> Result<Uri, http::Error> {
        Uri::builder()
            .scheme(self.inner.scheme.clone())
            .authority(self.inner.authority.clone())
            .path_and_query(path.clone())
            .build()
    }
}

/// Forwards one call, or refuses it.
pub(crate) async fn forward(
    State(proxy): State<Proxy>,
    Authenticated(caller): Authenticated,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    call: OpenAiCall,
) -> Result<Response, Rejection> {
    let endpoint = call.endpoint();
    if endpoint == Endpoint::Unknown && !proxy.inner.forward_unknown {
        caller.refused(&Refusal::UnsupportedEndpoint);
        return Err(Refusal::UnsupportedEndpoint.into());
    }
    let permit = caller
        .authorize(call.dispatch(proxy.inner.provider))
        .await?;
    let (dispatched, credential) = permit.open().await?;
    let sampled = dispatched.sampled();

    let path = uri
        .path_and_query()
        .cloned()
        .unwrap_or(PathAndQuery::from_static("/"));
    let mut request = Request::new(Full::new(call.into_body(&dispatched)));
    *request.method_mut() = method;
    *request.uri_mut() = proxy.uri(&path).map_err(Rejection::upstream)?;
    copy(&headers, request.headers_mut(), &FORWARDED);
    request
        .headers_mut()
        .insert(header::AUTHORIZATION, credential.bearer());
    drop(credential);
    // A compressed answer could not be metered.
    request.headers_mut().insert(
        header::ACCEPT_ENCODING,
        HeaderValue::from_static("identity"),
    );

    let answer = match proxy.inner.client.request(request).await {
        Ok(answer) => answer,
        Err(error) => {
            // Nothing was sent. After any other failure nobody knows what the provider did: what is held is charged.
            if error.is_connect() {
                dispatched.settle_unprocessed();
            }
            let refused = Rejection::upstream(error).into_response();
            return Ok(for_who_keeps_bodies(refused, sampled));
        }
    };
    let (parts, body) = answer.into_parts();
    let mut response = Response::new(Body::new(body));
    *response.status_mut() = parts.status;
    copy(&parts.headers, response.headers_mut(), &RETURNED);
    let response = for_who_keeps_bodies(meter(dispatched, response), sampled);
    match endpoint {
        Endpoint::ModelList if response.status().is_success() => {
            only_allowed(&caller, response).await
        }
        Endpoint::ChatCompletions
        | Endpoint::Completions
        | Endpoint::Responses
        | Endpoint::Embeddings
        | Endpoint::Messages
        | Endpoint::ModelList
        | Endpoint::Model
        | Endpoint::Unknown => Ok(response.into_response()),
    }
}

/// Marks what answers a chosen request, if this build has somebody who keeps bodies.
fn for_who_keeps_bodies<B>(
    mut response: http::Response<B>,
    sampled: Option<SampledRequest>,
) -> http::Response<B> {
    if let Some(sampled) = sampled {
        response.extensions_mut().insert(sampled);
    }
    response
}

/// The provider's list of models, without those that the key may not use.
async fn only_allowed<B>(
    caller: &Caller,
    response: http::Response<B>,
) -> Result<Response, Rejection>
where
    B: http_body::Body<Data = Bytes> + Send,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, LIST_LIMIT).collect().await;
    let body = body.map_err(|_| Refusal::Upstream)?.to_bytes();
    let list = ModelList::filter(&body, |model| caller.allows_model(model));
    let list = list.map_err(Rejection::upstream)?;
    Ok(Response::from_parts(parts, Body::from(list)))
}

fn copy(from: &HeaderMap, to: &mut HeaderMap, names: &[HeaderName]) {
    for name in names {
        for value in from.get_all(name) {
            to.append(name, value.clone());
        }
    }
}

/// What goes on to the provider: a closed list, so that no header of a client can choose another account or project.
static FORWARDED: [HeaderName; 3] = [header::ACCEPT, header::CONTENT_TYPE, header::USER_AGENT];
/// What comes back: a closed list, so that no header tells what the account behind the credential is allowed.
static RETURNED: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    header::CACHE_CONTROL,
    header::RETRY_AFTER,
    HeaderName::from_static("x-request-id"),
];
/// The longest list of models that is read.
const LIST_LIMIT: usize = 4 * 1024 * 1024;
