//! A client of HTTP/1.1 that hides nothing.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{PATIENCE, within};

/// One connection and what came on it so far.
pub(crate) struct Client {
    stream: TcpStream,
    seen: Vec<u8>,
}

/// What came on a connection until it was closed.
pub(crate) struct Answer {
    raw: String,
}

impl Client {
    /// Sends `request` as it is.
    pub(crate) async fn send(server: SocketAddr, request: impl AsRef<[u8]>) -> Self {
        let stream = TcpStream::connect(server).await.unwrap();
        let mut client = Self {
            stream,
            seen: Vec::new(),
        };
        client.go_on(request).await;
        client
    }

    /// Sends more.
    pub(crate) async fn go_on(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Reads until `text` has come.
    pub(crate) async fn until(&mut self, text: &str) {
        within(PATIENCE, async {
            while !String::from_utf8_lossy(&self.seen).contains(text) {
                let read = self.stream.read_buf(&mut self.seen).await.unwrap();
                assert_ne!(read, 0, "closed before {text:?}: {:?}", self.text());
            }
        })
        .await;
    }

    /// Reads until the connection is closed.
    pub(crate) async fn rest(self) -> Answer {
        self.rest_within(PATIENCE).await
    }

    /// Reads until the connection is closed, which has to happen within `limit`.
    pub(crate) async fn rest_within(mut self, limit: Duration) -> Answer {
        // A connection that is reset has ended, too.
        let _read = within(limit, self.stream.read_to_end(&mut self.seen)).await;
        Answer { raw: self.text() }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        let status = self.raw.split(' ').nth(1);
        status.and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    /// Everything as it came.
    pub(crate) fn raw(&self) -> &str {
        &self.raw
    }

    /// The status line, the headers without the time of day, and the body.
    pub(crate) fn without_date(&self) -> String {
        let lines = self.raw.split_inclusive("\r\n");
        lines.filter(|line| !line.starts_with("date: ")).collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let (head, _) = self.raw.split_once("\r\n\r\n")?;
        let mut fields = head.split("\r\n").filter_map(|line| line.split_once(": "));
        fields
            .find(|(field, _)| *field == name)
            .map(|(_, value)| value)
    }

    /// What follows the head; in chunks, if it came in chunks.
    pub(crate) fn body(&self) -> &str {
        self.raw.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }

    /// The stable code of a refusal.
    pub(crate) fn code(&self) -> &str {
        let code = self.raw.split_once(r#""code":""#);
        code.and_then(|(_, rest)| rest.split('"').next())
            .unwrap_or("")
    }
}

/// A POST with a JSON body, after which the connection is to be closed.
pub(crate) fn post(path: &str, key: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A GET with these header lines, each ended by CRLF.
pub(crate) fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n{headers}\r\n")
}
