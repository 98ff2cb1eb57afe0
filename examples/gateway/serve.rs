//! Serving: from an empty folder, or from what an earlier start left, to a gateway on a port.

use std::net::SocketAddr;
use std::path::Path;

use axum::Router;
use axum::routing::get;
use http::Uri;
use portcullis::{Gate, ProtectLayer, SqliteStore};
use tokio::net::TcpListener;

use crate::cli::ServeArgs;
use crate::data::{self, BUILTIN, Data, OPENAI};
use crate::proxy::{self, Proxy};
use crate::{Failure, bootstrap, builtin, show};

/// Serves until it is told to stop.
pub(crate) async fn run(folder: &Path, args: ServeArgs) -> Result<(), Failure> {
    // The port first: while it is taken, nothing is made or changed.
    let listener = listen(args.listen).await?;
    let address = listener.local_addr()?;

    let data = Data::at(folder);
    data.create_folder()?;
    let (master, made) = data.read_or_create_master_key()?;
    if made {
        show::master_key_made(&data);
    }
    let store = SqliteStore::open(data.database())?;
    let (gate, upkeep) = data::configure(store, master)?
        .description(format!(
            "process {}, listening on {address}",
            std::process::id()
        ))
        .open()
        .await?;
    tokio::spawn(upkeep);

    let admin = gate.admin(portcullis::Actor::system());
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
    show::welcome(&data, address, provider, &upstream);
    if let Some(minted) = tenant.first_key {
        show::first_key(minted, address);
    } else {
        show::known_keys();
    }

    let proxy = Proxy::new(provider, &upstream, args.dangerously_forward_unknown_paths)?;
    let app = Router::new()
        .route(HEALTH, get(async || "ok\n"))
        .fallback(proxy::forward)
        .with_state(proxy)
        .layer(ProtectLayer::new(gate.clone()).open_route(HEALTH));
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app)
        .with_graceful_shutdown(stop(gate))
        .await?;
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|why| {
        format!("cannot listen on {address}: {why}. Choose another address with --listen, such as 127.0.0.1:0").into()
    })
}

/// Completes on Ctrl-C or SIGTERM, after the gate has ended what runs and freed its lease.
async fn stop(gate: Gate) {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
        match terminate {
            Ok(mut terminate) => {
                tokio::select! { _ = interrupt => {}, _ = terminate.recv() => {} }
            }
            Err(_) => drop(interrupt.await),
        }
    }
    #[cfg(not(unix))]
    drop(interrupt.await);
    if let Err(why) = gate.close().await {
        tracing::warn!(%why, "the lease was not freed; it runs out by itself");
    }
}

/// The one open route: for load balancers.
const HEALTH: &str = "/healthz";
