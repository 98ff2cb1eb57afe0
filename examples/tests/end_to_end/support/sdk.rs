//! OpenAI's Python client at work: `openai_client.py`, one question and one answer a line.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::{Value, json};

use super::{Key, Running, python};

/// The client as a process, with a gateway as its base URL.
pub(crate) struct Sdk {
    process: Running,
    lines: usize,
}

impl Sdk {
    pub(crate) fn start(gateway: SocketAddr) -> Self {
        let mut command = Command::new(python::interpreter());
        command
            .args(["-c", include_str!("../openai_client.py")])
            .arg(format!("http://{gateway}/v1"));
        // No proxy of the environment stands between the client and the loopback interface.
        command.env("NO_PROXY", "*");
        Self {
            process: Running::start(command),
            lines: 0,
        }
    }

    /// One call to its end: what it gave, or `{"error": {"class", "status", "code", "message", "retry_after"}}`.
    pub(crate) fn call(&mut self, key: &Key, action: &str, model: &str) -> Value {
        self.call_with(Some(key.text()), action, model)
    }

    /// One call with any text as a key, or without one.
    pub(crate) fn call_with(&mut self, key: Option<&str>, action: &str, model: &str) -> Value {
        self.begin(key, action, model);
        self.next_answer()
    }

    /// One call that the client may repeat by itself; the answer tells in `requests` how many it sent.
    pub(crate) fn call_with_retries(&mut self, key: &Key, model: &str, retries: u32) -> Value {
        self.ask(json!({"key": key.text(), "action": "chat", "model": model, "retries": retries}));
        self.next_answer()
    }

    /// One call that says these words wherever a caller can say something: in the prompt, as `user`, in metadata, headers, the
    /// query, a member's name. What came at its end.
    pub(crate) fn call_saying(
        &mut self,
        key: &Key,
        action: &str,
        model: &str,
        words: &str,
    ) -> Value {
        let call = json!({"key": key.text(), "action": action, "model": model, "retries": null, "words": words});
        self.ask(call);
        let answer = self.next_answer();
        match answer["began"] == true {
            true => self.next_answer(),
            false => answer,
        }
    }

    /// Begins a call.
    pub(crate) fn begin(&mut self, key: Option<&str>, action: &str, model: &str) {
        self.ask(json!({"key": key, "action": action, "model": model, "retries": null}));
    }

    fn ask(&mut self, call: Value) {
        self.process.write(format!("{call}\n").as_bytes());
    }

    /// Waits for the next line that the client prints.
    pub(crate) fn next_answer(&mut self) -> Value {
        let line = self.process.stdout.wait_for_line(self.lines);
        self.lines += 1;
        serde_json::from_str(&line).unwrap()
    }

    /// All that the client has printed.
    pub(crate) fn everything(&self) -> String {
        self.process.stdout.text()
    }
}
