//! Serving: from an empty folder, or from what an earlier start left, to a gateway on a port.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::middleware;
use axum::routing::get;
use gateway_bodies::Keeper;
use http::Uri;
use portcullis::retention_policy::Policies;
use portcullis::{Actor, AddressSource, Gate, ProtectLayer, SqliteStore};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::cli::ServeArgs;
use crate::data::{BUILTIN, Data, OPENAI};
use crate::proxy::{self, Proxy};
use crate::proxy_listener::{self, ProxyListener};
use crate::show::Start;
use crate::signals::{Hangups, Signals};
use crate::{Failure, addresses, bootstrap, builtin, prices, retention, show};

/// Serves until it is told to stop.
pub(crate) async fn run(data: &Data, args: ServeArgs) -> Result<(), Failure> {
    let source = addresses::source(&args.client_address)?;
    let prices = prices::Source::of(&args.spending, args.upstream.is_some());
    let list = prices.read()?;
    let outputs = prices::outputs(&args.spending)?;
    let policies = args.retention.as_deref().map(retention::read).transpose()?;
    let key_services = data.key_services().await?;
    // The port first: while it is taken, nothing is made or changed.
    let listener = listen(args.listen).await?;
    let address = listener.local_addr()?;

    data.create_folder()?;
    let (master, made) = data.read_or_create_master_key()?;
    if made {
        show::master_key_made(data);
    }
    let store = SqliteStore::open(data.database())?;
    let keeper = Keeper::open(&data.database())?;
    let audit = args.anchors.add_to(data.audit_policy())?;
    let mut builder = Data::configure(store.clone(), master, key_services, audit)?;
    if let Some(chunk) = args.spending.budget_chunk {
        builder = builder.budget_chunk(chunk);
    }
    let opening = keeper
        .configure(builder)
        .prices(list)
        .outputs(outputs)
        .description(format!(
            "process {}, listening on {address}",
            std::process::id()
        ))
        .client_address(source.clone())
        .open();
    let done = match opening.await {
        Ok((gate, upkeep)) => {
            tokio::spawn(upkeep);
            let limited = limit(&gate, policies).await;
            match limited {
                Ok(()) => serve(gate, data, listener, args, source, prices, &keeper).await,
                Err(why) => {
                    close(gate).await;
                    Err(why)
                }
            }
        }
        Err(why) => Err(why.into()),
    };
    keeper.close();
    // Then all is in the one file, for whoever copies it.
    store.close().await;
    done
}

async fn serve(
    gate: Gate,
    data: &Data,
    listener: TcpListener,
    args: ServeArgs,
    source: AddressSource,
    prices: prices::Source,
    keeper: &Keeper,
) -> Result<(), Failure> {
    // Before anything is said: who reads it may want to stop.
    let signals = Signals::listen()?;
    let unpriced = matches!(prices, prices::Source::None);
    match prices {
        prices::Source::File(_) => prices.follow(gate.clone(), Hangups::listen()?),
        prices::Source::BuiltIn | prices::Source::None => {}
    }
    let address = listener.local_addr()?;
    let admin = gate.admin(Actor::system());
    let tenant = bootstrap::tenant(&admin).await?;
    let (provider, upstream) = match args.upstream {
        Some(upstream) => (OPENAI, upstream),
        None => {
            let accepted = builtin::Accepted::draw()?;
            bootstrap::builtin_credential(&admin, &tenant.org, accepted.as_bytes()).await?;
            let address = builtin::start(accepted).await?;
            (BUILTIN, Uri::try_from(format!("http://{address}"))?)
        }
    };
    let stored = admin.credentials(tenant.org.id).await?;
    let start = Start {
        data,
        address,
        provider,
        upstream: &upstream,
        has_credential: stored.iter().any(|one| one.provider.as_str() == provider),
    };
    show::welcome(&start);
    if let Some(minted) = tenant.first_key {
        show::first_key(minted, &start);
    } else {
        show::known_keys(data);
    }

    addresses::review_all(&admin, &tenant.org, &source, address).await?;
    if unpriced {
        prices::warn_without(&admin, &tenant.org).await?;
    }

    let proxy = Proxy::new(provider, &upstream, args.dangerously_forward_unknown_paths)?;
    let routes = Router::new()
        .route(HEALTH, get(async || "ok\n"))
        .fallback(proxy::forward)
        .with_state(proxy);
    let app = keeper
        .watch(routes)
        .layer(ProtectLayer::new(gate.clone()).open_route(HEALTH));
    let (told, was_told) = oneshot::channel();
    let stop = async {
        signals.stop().await;
        close(gate).await;
        drop(told);
    };
    tokio::select! {
        served = answer(app, listener, args.client_address.proxy_protocol, source, stop) => served?,
        () = patience(was_told) => tracing::warn!("connections that did not end are dropped"),
    }
    Ok(())
}

/// Answers requests until `stop` completes and those under way have ended.
async fn answer(
    app: Router,
    listener: TcpListener,
    proxy_protocol: bool,
    source: AddressSource,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    if proxy_protocol {
        let listener = ProxyListener::new(listener, source)?;
        let app = app.layer(middleware::from_fn(proxy_listener::tell));
        let app = app.into_make_service_with_connect_info::<proxy_listener::Connection>();
        axum::serve(listener, app)
            .with_graceful_shutdown(stop)
            .await
    } else {
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, app)
            .with_graceful_shutdown(stop)
            .await
    }
}

/// Writes what the policy file says, before anybody is served.
async fn limit(gate: &Gate, policies: Option<Policies>) -> Result<(), Failure> {
    if let Some(policies) = policies {
        gate.admin(Actor::system())
            .load_retention(&policies)
            .await?;
    }
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|why| {
        format!("cannot listen on {address}: {why}. Choose another address with --listen, such as 127.0.0.1:0").into()
    })
}

/// Ends what runs and frees the lease, so that a successor can start at once.
async fn close(gate: Gate) {
    if let Err(why) = gate.close().await {
        tracing::warn!(%why, "the gate did not close in order: what waited was not all written, or its lease not freed");
    }
}

/// Completes some time after the stop: a client that has sent half a request must not keep the process.
async fn patience(was_told: oneshot::Receiver<Infallible>) {
    // Nothing is ever sent: the other end goes away when the gate is closed.
    let Err(_gone) = was_told.await;
    tokio::time::sleep(PATIENCE).await;
}

/// How long connections have to end by themselves.
const PATIENCE: Duration = Duration::from_secs(2);
/// The one open route: for load balancers.
const HEALTH: &str = "/healthz";
