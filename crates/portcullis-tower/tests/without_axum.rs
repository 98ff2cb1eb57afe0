//! The layer around a plain tower service: no axum, no socket, every poll by hand.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests; the lint's exception covers test functions only"
)]

use std::convert::Infallible;
use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::buf::Chain;
use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use portcullis_gate::{
    Actor, Caller, Dispatch, Gate, KeyPrefix, Lifetime, ManualClock, MasterKey, MasterKeys, NewKey,
    Upkeep,
};
use portcullis_store::MemoryStore;
use portcullis_tower::{PeerAddr, ProtectLayer, ProtectedBodyError, meter};
use tower_layer::Layer;
use tower_service::Service;

/// A gate whose upkeep does not run, one key, and the clock.
struct World {
    gate: Gate,
    clock: Arc<ManualClock>,
    key: String,
    _upkeep: Upkeep,
}

impl World {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::new("2026-11-22T12:00:00Z".parse().unwrap()));
        let master = MasterKeys::single(MasterKey::generate(&mut getrandom::SysRng).unwrap());
        let builder = Gate::builder(MemoryStore::new(), master).clock(Arc::clone(&clock));
        let (gate, upkeep) = builder.open().await.unwrap();
        let admin = gate.admin(Actor::operator("ada").unwrap());
        let org = admin.create_organization("acme").await.unwrap().id;
        let project = admin.create_project(org, "chat").await.unwrap().id;
        let prefix = KeyPrefix::new("mr", "live").unwrap();
        let new = NewKey::new(org, project, "a key", prefix, Lifetime::Never);
        let key = admin.mint(new).await.unwrap().key;
        Self {
            gate,
            clock,
            key: key.expose_once(str::to_owned),
            _upkeep: upkeep,
        }
    }

    fn request(&self) -> Request<()> {
        let request = Request::builder().header("x-api-key", &self.key);
        request.body(()).unwrap()
    }
}

/// A service that answers with what a function makes of the request. It has to be polled ready, and a clone has to be
/// polled ready itself.
struct Handler<F> {
    answer: F,
    is_ready: bool,
}

impl<F> Handler<F> {
    fn new(answer: F) -> Self {
        let is_ready = false;
        Self { answer, is_ready }
    }
}

impl<F: Clone> Clone for Handler<F> {
    fn clone(&self) -> Self {
        Self::new(self.answer.clone())
    }
}

impl<F, R> Service<Request<()>> for Handler<F>
where
    F: Fn(Request<()>) -> R,
    R: Future,
{
    type Response = R::Output;
    type Error = Infallible;
    type Future = Ready<R>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Ready<R> {
        assert!(self.is_ready, "called without having been polled ready");
        self.is_ready = false;
        Ready(Box::pin((self.answer)(request)))
    }
}

/// A future that cannot fail.
struct Ready<R>(Pin<Box<R>>);

impl<R: Future> Future for Ready<R> {
    type Output = Result<R::Output, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx).map(Ok)
    }
}

async fn call<S: Service<Request<()>, Error = Infallible>>(
    service: &mut S,
    request: Request<()>,
) -> S::Response {
    poll_fn(|cx| service.poll_ready(cx)).await.unwrap();
    service.call(request).await.unwrap()
}

/// A body that gives what a function says, frame by frame.
struct Script<F>(F);

impl<F, D, E> Body for Script<F>
where
    F: FnMut() -> Option<Result<Frame<D>, E>> + Unpin,
    D: Buf,
{
    type Data = D;
    type Error = E;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<D>, E>>> {
        Poll::Ready((self.0)())
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::new();
        hint.set_lower(2);
        hint
    }
}

fn data(text: &'static str) -> Frame<Bytes> {
    Frame::data(Bytes::from_static(text.as_bytes()))
}

fn events<B>(body: B) -> Response<B> {
    let answer = Response::builder().header("content-type", "text/event-stream");
    answer.body(body).unwrap()
}

#[tokio::test]
async fn a_refused_request_does_not_reach_the_service() {
    let world = World::new().await;
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let handler = Handler::new(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        async { Response::new(String::new()) }
    });
    let mut service = ProtectLayer::new(world.gate.clone()).layer(handler);
    let mut wrong = world.request();
    wrong
        .headers_mut()
        .insert("x-api-key", HeaderValue::from_static("wrong"));
    for request in [Request::new(()), wrong] {
        let answer = call(&mut service, request).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        let length = answer.body().size_hint().exact().unwrap();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body.len() as u64, length);
        assert!(!body.is_empty());
    }
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    for _ in 0..2 {
        let answer = call(&mut service, world.request()).await;
        assert_eq!(answer.status(), StatusCode::OK);
    }
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn the_caller_is_in_the_extensions_with_the_peer_that_was_inserted() {
    let world = World::new().await;
    let handler = Handler::new(|request: Request<()>| async move {
        let caller = request.extensions().get::<Caller>().unwrap();
        assert!(request.headers().is_empty(), "the credential is taken out");
        Response::new(caller.client().peer().unwrap().to_string())
    });
    let mut service = ProtectLayer::new(world.gate.clone()).layer(handler);
    let mut request = world.request();
    let peer = SocketAddr::from(([192, 0, 2, 1], 4000));
    request.extensions_mut().insert(PeerAddr(peer));
    let body = call(&mut service, request)
        .await
        .into_body()
        .collect()
        .await;
    assert_eq!(body.unwrap().to_bytes(), "192.0.2.1:4000");
}

#[tokio::test]
async fn a_body_passes_as_it_is_while_its_caller_is_in_force() {
    let world = World::new().await;
    let handler = Handler::new(|_| async {
        let mut frames = vec![Frame::trailers(HeaderMap::new()), {
            let halves = Buf::chain(Bytes::from_static(b"on"), Bytes::from_static(b"e"));
            Frame::<Chain<Bytes, Bytes>>::data(halves)
        }];
        Response::new(Script(move || frames.pop().map(Ok::<_, Infallible>)))
    });
    let mut service = ProtectLayer::new(world.gate.clone()).layer(handler);
    let mut body = call(&mut service, world.request()).await.into_body();
    assert_eq!(body.size_hint().lower(), 2);
    assert!(!body.is_end_stream());
    let frame = body.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "one");
    assert!(body.frame().await.unwrap().unwrap().is_trailers());
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_failure_of_the_inner_body_stays_one() {
    let world = World::new().await;
    let handler = Handler::new(|_| async {
        let failed = || {
            Some(Err::<Frame<Bytes>, _>(io::Error::other(
                "reset by provider",
            )))
        };
        Response::new(Script(failed))
    });
    let mut service = ProtectLayer::new(world.gate.clone()).layer(handler);
    let mut body = call(&mut service, world.request()).await.into_body();
    let error = body.frame().await.unwrap().unwrap_err();
    assert!(matches!(error, ProtectedBodyError::Inner(_)), "{error:?}");
    assert_eq!(error.source().unwrap().to_string(), "reset by provider");
}

#[tokio::test]
async fn what_is_given_while_the_caller_is_cut_does_not_leave() {
    for is_stream in [true, false] {
        let world = World::new().await;
        let clock = Arc::clone(&world.clock);
        let provider = Arc::new(()); // stands for what the body holds on to
        let held = Arc::clone(&provider);
        let handler = Handler::new(move |_| {
            let (clock, held) = (Arc::clone(&clock), Arc::downgrade(&held));
            async move {
                let held = held.upgrade().unwrap();
                let body = Script(move || {
                    let _held = &held;
                    clock.advance(BEYOND_TRUST);
                    Some(Ok::<_, Infallible>(data("data: too late\n\n")))
                });
                if is_stream {
                    events(body)
                } else {
                    Response::new(body)
                }
            }
        });
        let mut service = ProtectLayer::new(world.gate.clone()).layer(handler);
        let mut body = call(&mut service, world.request()).await.into_body();
        drop(service);
        match body.frame().await.unwrap() {
            Ok(frame) => {
                assert!(is_stream);
                let text = String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap();
                assert!(text.contains("gate_unavailable"), "{text}");
            }
            Err(error) => {
                assert!(!is_stream);
                assert!(matches!(error, ProtectedBodyError::Cut), "{error:?}");
            }
        }
        assert_eq!(Arc::strong_count(&provider), 1, "the inner body is dropped");
        assert!(body.is_end_stream());
        assert!(body.frame().await.is_none(), "nothing follows");
    }
}

#[tokio::test]
async fn a_handler_is_dropped_when_its_caller_is_cut_while_it_works() {
    let world = World::new().await;
    let working = Arc::new(Mutex::new(None));
    let started = Arc::clone(&working);
    let handler = Handler::new(move |_| {
        let held = Arc::new(());
        *started.lock().unwrap() = Some(Arc::downgrade(&held));
        async move {
            std::future::pending::<()>().await;
            drop(held);
            Response::new(String::new())
        }
    });
    let mut service = ProtectLayer::new(world.gate.clone()).layer(handler);
    poll_fn(|cx| service.poll_ready(cx)).await.unwrap();
    let mut answer = pin!(service.call(world.request()));
    let mut cx = Context::from_waker(std::task::Waker::noop());
    assert!(answer.as_mut().poll(&mut cx).is_pending());
    let held = working.lock().unwrap().clone().unwrap();
    assert!(held.upgrade().is_some(), "it works");
    world.gate.close().await.unwrap();
    let Poll::Ready(Ok(refusal)) = answer.as_mut().poll(&mut cx) else {
        unreachable!("it is answered at the next poll");
    };
    assert_eq!(refusal.status(), StatusCode::SERVICE_UNAVAILABLE);
    let is_dropped = held.upgrade().is_none();
    assert!(is_dropped, "although the future is still held");
    assert!(answer.as_mut().poll(&mut cx).is_pending());
}

#[tokio::test]
async fn an_answer_that_was_made_while_its_caller_was_cut_does_not_leave() {
    let world = World::new().await;
    let clock = Arc::clone(&world.clock);
    let handler = Handler::new(move |_| {
        let clock = Arc::clone(&clock);
        async move {
            clock.advance(BEYOND_TRUST);
            Response::new(String::from("too late"))
        }
    });
    let mut service = ProtectLayer::new(world.gate.clone()).layer(handler);
    let answer = call(&mut service, world.request()).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn two_wrappers_write_one_event() {
    let world = World::new().await;
    let clock = Arc::clone(&world.clock);
    let handler = Handler::new(move |request: Request<()>| {
        let clock = Arc::clone(&clock);
        async move {
            let caller = request.extensions().get::<Caller>().unwrap();
            let dispatch = Dispatch::new("local", "model").without_credential();
            let permit = caller.authorize(dispatch).await.unwrap();
            let call = permit.open_without_credential().await.unwrap();
            // Between the layer's look before this poll and the meter's after it, the caller is cut.
            let mut frames = 0..3;
            let answer = Script(move || {
                clock.advance(BEYOND_TRUST);
                let frame = || Ok::<_, Infallible>(data("data: too late\n\n"));
                frames.next().map(|_| frame())
            });
            meter(call, events(answer))
        }
    });
    let mut service = ProtectLayer::new(world.gate.clone()).layer(handler);
    let body = call(&mut service, world.request()).await.into_body();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    assert_eq!(text.matches("data: ").count(), 1, "{text}");
    assert!(text.contains("gate_unavailable"), "{text}");
}

/// Beyond the age to which running responses trust the rules.
const BEYOND_TRUST: Duration = Duration::from_secs(11);
