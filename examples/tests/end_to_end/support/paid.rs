//! One key under caps, before a provider whose models have prices.

use super::{Answer, CapLine, Exchange, Gateway, Home, Key, Provider, Request};

/// A gateway, the provider behind it, and a key that pays.
pub(crate) struct Paid {
    pub(crate) provider: Provider,
    pub(crate) home: Home,
    pub(crate) gateway: Gateway,
    pub(crate) key: Key,
}

impl Paid {
    /// Serves with `serving`, and mints a key under `caps`: arguments of the command line.
    pub(crate) fn start(serving: &[&str], caps: &[&str]) -> Self {
        let (provider, home) = (Provider::start(), Home::new());
        let gateway = home.serve_priced(&provider, serving);
        home.put_credential("openai", "sk-test");
        let key = home.mint(caps);
        Self {
            provider,
            home,
            gateway,
            key,
        }
    }

    /// Asks for a plain answer, which costs $0.000023.
    pub(crate) fn chat(&self) -> Answer {
        self.send(Request::chat(Provider::PLAIN, false))
    }

    /// Sends a request of the key.
    pub(crate) fn send(&self, request: Request) -> Answer {
        request.bearer(&self.key).send(self.gateway.address())
    }

    /// Begins a request of the key, to be read as it comes.
    pub(crate) fn open(&self, request: Request) -> Exchange {
        request.bearer(&self.key).open(self.gateway.address())
    }

    /// Begins the stream that ends when its client leaves.
    pub(crate) fn open_stream(&self) -> Exchange {
        let stream = self.open(Request::chat(Provider::STREAM, true));
        stream.intake.wait_for("word ");
        stream
    }

    /// Waits until this much of the key's cap in a window is spent.
    pub(crate) fn wait_for_spent(&self, window: &str, amount: &str) -> CapLine {
        self.home.wait_for_spent(&self.key, window, amount)
    }

    /// What the books say of the key's only cap.
    pub(crate) fn spending(&self) -> CapLine {
        self.home.cap(&format!("key {}", self.key.id()), "")
    }
}
