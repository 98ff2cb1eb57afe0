//! A listener for connections that begin with a PROXY protocol header.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::Next;
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use portcullis::{AddressSource, PeerAddr, ProxyHeader};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Accepts connections, and reads the header off those whose peer sends one. Nobody waits for a slow peer: each header
/// is read in a task of its own.
pub(crate) struct ProxyListener {
    ready: mpsc::Receiver<(TcpStream, Connection)>,
    local: SocketAddr,
}

/// Who connected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connection {
    peer: SocketAddr,
    header: Option<ProxyHeader>,
}

impl ProxyListener {
    pub(crate) fn new(listener: TcpListener, source: AddressSource) -> io::Result<Self> {
        let local = listener.local_addr()?;
        let (sender, ready) = mpsc::channel(BACKLOG);
        tokio::spawn(accept(listener, source, sender));
        Ok(Self { ready, local })
    }
}

impl Listener for ProxyListener {
    type Io = TcpStream;
    type Addr = Connection;

    async fn accept(&mut self) -> (TcpStream, Connection) {
        match self.ready.recv().await {
            Some(accepted) => accepted,
            // The accepting task has ended with the runtime; there is nothing more to come.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Connection> {
        Ok(Connection {
            peer: self.local,
            header: None,
        })
    }
}

impl Connected<IncomingStream<'_, ProxyListener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, ProxyListener>) -> Self {
        *stream.remote_addr()
    }
}

/// Hands what is known of the connection to the layer that authenticates.
pub(crate) async fn tell(
    ConnectInfo(connection): ConnectInfo<Connection>,
    mut request: Request,
    next: Next,
) -> Response {
    request.extensions_mut().insert(PeerAddr(connection.peer));
    if let Some(header) = connection.header {
        request.extensions_mut().insert(header);
    }
    next.run(request).await
}

async fn accept(
    listener: TcpListener,
    source: AddressSource,
    ready: mpsc::Sender<(TcpStream, Connection)>,
) {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(why) => {
                tracing::warn!(%why, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let expects = source.expects_proxy_header(peer.ip());
        let ready = ready.clone();
        tokio::spawn(async move {
            match tokio::time::timeout(PATIENCE, open(stream, peer, expects)).await {
                Ok(Ok(accepted)) => drop(ready.send(accepted).await),
                Ok(Err(why)) => tracing::info!(%peer, %why, "the connection was closed"),
                Err(_) => {
                    tracing::info!(%peer, "no PROXY protocol header in time: the connection was closed");
                }
            }
        });
    }
}

/// Reads the header and nothing behind it: what is peeked at stays, what was read is the header.
async fn open(
    mut stream: TcpStream,
    peer: SocketAddr,
    expects: bool,
) -> io::Result<(TcpStream, Connection)> {
    let mut header = None;
    if expects {
        let mut start = vec![0; PEEK];
        let mut seen = 0;
        let length = loop {
            let available = stream.peek(&mut start).await?;
            let bytes = start.get(..available).unwrap_or_default();
            match ProxyHeader::read(bytes).map_err(io::Error::other)? {
                Some((said, length)) => {
                    header = Some(said);
                    break length;
                }
                None if available == 0 || available == PEEK => {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                // More is on its way; peeking does not wait for it.
                None if available == seen => tokio::time::sleep(PAUSE).await,
                None => seen = available,
            }
        };
        start.truncate(length);
        stream.read_exact(&mut start).await?;
    }
    Ok((stream, Connection { peer, header }))
}

/// More than the longest header.
const PEEK: usize = 8192;
const BACKLOG: usize = 128;
const PAUSE: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(5);
