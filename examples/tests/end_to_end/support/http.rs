//! HTTP/1.1 by hand: what is sent and what comes back are bytes that a test can hold on to.

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};

use serde_json::{Value, json};

use super::{Intake, Key, PATIENCE};

/// A request that is not sent yet.
#[derive(Clone)]
pub(crate) struct Request {
    first_line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn get(path: &str) -> Self {
        Self {
            first_line: format!("GET {path} HTTP/1.1"),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(crate) fn post(path: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            first_line: format!("POST {path} HTTP/1.1"),
            headers: Vec::new(),
            body: body.into(),
        }
        .header("Content-Type", "application/json")
    }

    /// A chat completion of one message.
    pub(crate) fn chat(model: &str, stream: bool) -> Self {
        Self::post("/v1/chat/completions", chat_body(model, stream))
    }

    #[must_use]
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub(crate) fn bearer(self, key: &Key) -> Self {
        self.header("Authorization", &format!("Bearer {key}"))
    }

    /// The head with its empty line.
    pub(crate) fn head(&self) -> String {
        let mut head = format!("{}\r\nHost: gateway.test\r\n", self.first_line);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.first_line.starts_with("POST") {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("Connection: close\r\n\r\n");
        head
    }

    /// Sends it and waits for the whole answer.
    pub(crate) fn send(&self, address: SocketAddr) -> Answer {
        self.open(address).answer()
    }

    /// Sends it; the answer comes in while the test goes on.
    pub(crate) fn open(&self, address: SocketAddr) -> Exchange {
        let mut exchange = Exchange::connect(address);
        exchange.write(self.head().as_bytes());
        exchange.write(&self.body);
        exchange
    }
}

/// A connection with one request on it.
pub(crate) struct Exchange {
    socket: TcpStream,
    pub(crate) intake: Intake,
}

impl Exchange {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
        socket.set_nodelay(true).unwrap();
        let intake = Intake::of(socket.try_clone().unwrap());
        Self { socket, intake }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        // A server that has answered already may have closed: the answer is what counts.
        let _sent_or_closed = self.socket.write_all(bytes);
    }

    /// The whole answer, once the server has closed the connection.
    pub(crate) fn answer(&self) -> Answer {
        self.intake.wait_for_end();
        Answer::parse(&self.intake.bytes())
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // Ends the thread that reads.
        let _shut_or_closed = self.socket.shutdown(Shutdown::Both);
    }
}

/// An answer that has come in whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case, in their order.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let end = text.find("\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no answer: {text:?}"));
        let mut lines = text[..end].split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let header = |line: &str| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        };
        let mut answer = Self {
            status: status.parse().unwrap(),
            headers: lines.map(header).collect(),
            body: bytes[end + 4..].to_vec(),
        };
        if answer.header("transfer-encoding") == Some("chunked") {
            answer.body = unchunked(&answer.body);
        }
        answer
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Status and code of a refusal, or `"ok"` for what is none.
    pub(crate) fn outcome(&self) -> (u16, String) {
        if self.status == 200 {
            return (200, "ok".to_owned());
        }
        let code = self.json()["error"]["code"].as_str().map(str::to_owned);
        (
            self.status,
            code.unwrap_or_else(|| panic!("no code: {self:?}")),
        )
    }

    /// The error's sentence.
    pub(crate) fn message(&self) -> String {
        let message = self.json()["error"]["message"].as_str().map(str::to_owned);
        message.unwrap_or_else(|| panic!("no message: {self:?}"))
    }
}

/// A chat completion of one message, as JSON text.
pub(crate) fn chat_body(model: &str, stream: bool) -> String {
    let messages = json!([{"role": "user", "content": "hello"}]);
    json!({"model": model, "messages": messages, "stream": stream}).to_string()
}

/// RFC 9112 section 7.1, as far as a complete answer without extensions and trailers goes; what an aborted
/// one left behind is lost.
fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") {
        let length = std::str::from_utf8(&bytes[..end]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        let chunk = end + 2..end + 2 + length;
        if length == 0 || bytes.len() < chunk.end + 2 {
            break;
        }
        body.extend_from_slice(&bytes[chunk.clone()]);
        bytes = &bytes[chunk.end + 2..];
    }
    body
}
