//! Prices, caps and books in round numbers: a token costs a thousand nano-dollars, $1 for a million of them.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use portcullis_gate::{
    Admin, Call, Caller, Dispatch, GateBuilder, KeyLimits, Level, NanoUsd, OrgId, Permit,
    PriceList, RateRule, Refusal, Spending, TokenBound, Tokens, Unit, Usage,
};
use portcullis_store::{BudgetStore, ShareRow};

use super::{Key, Stage, gpt};

/// What one token costs, in nano-dollars.
pub(crate) const TOKEN: i64 = 1_000;

/// `gpt-4o` of `openai` at a thousand nano-dollars a token.
pub(crate) fn prices() -> PriceList {
    PriceList::parse("[[price]]\nprovider='openai'\nmodel='gpt-4o'\ninput='1'\noutput='1'").unwrap()
}

/// What so many tokens cost.
pub(crate) fn usd(tokens: i64) -> NanoUsd {
    NanoUsd::from_nanos(tokens * TOKEN)
}

/// A gate that knows the prices and debits so many tokens at a time.
pub(crate) fn priced(chunk: i64) -> impl FnOnce(GateBuilder) -> GateBuilder {
    move |builder| builder.prices(prices()).budget_chunk(usd(chunk))
}

/// Caps as people write them, and no rate.
pub(crate) fn caps(texts: &[&str]) -> KeyLimits {
    KeyLimits {
        caps: texts.iter().map(|text| text.parse().unwrap()).collect(),
        rate: None,
    }
}

/// A rate, and no cap.
pub(crate) fn rate(requests: u32, seconds: u32, burst: u32) -> KeyLimits {
    let [requests, seconds, burst] = [requests, seconds, burst].map(|it| it.try_into().unwrap());
    let rate = RateRule {
        requests,
        seconds,
        burst,
    };
    KeyLimits {
        caps: Vec::new(),
        rate: Some(rate),
    }
}

/// A cap in dollars that so many tokens fill.
pub(crate) fn usd_cap(window: &str, tokens: i64) -> String {
    format!("usd/{window}={}", usd(tokens))
}

/// A request that uses so many tokens at most, and needs no credential.
pub(crate) fn up_to(tokens: u64) -> Dispatch<'static> {
    gpt().without_credential().with_bound(TokenBound {
        input: tokens,
        output: 0,
        choices: 1,
    })
}

/// So many tokens, as the provider counted them.
pub(crate) fn exactly(tokens: u64) -> Usage {
    Usage::Exact(of_input(tokens))
}

pub(crate) fn of_input(tokens: u64) -> Tokens {
    Tokens {
        input: tokens,
        ..Tokens::default()
    }
}

/// Authorizes a request and begins its call.
pub(crate) async fn call(caller: &Caller, tokens: u64) -> Result<Call, Refusal> {
    let permit = caller.authorize(up_to(tokens)).await?;
    permit.open_without_credential().await
}

/// One whole request: held for so many tokens, charged for so many.
pub(crate) async fn request(caller: &Caller, held: u64, used: u64) -> Result<(), Refusal> {
    call(caller, held).await?.settle(exactly(used));
    Ok(())
}

/// How many whole requests pass until one is refused, and how that one is.
pub(crate) async fn admitted(caller: &Caller, held: u64, used: u64) -> (u64, &'static str) {
    let mut count = 0;
    loop {
        match request(caller, held, used).await {
            Ok(()) => count += 1,
            Err(refusal) => return (count, refusal.code()),
        }
        assert!(count < 10_000, "nothing is refused");
    }
}

/// What a future gives when it is polled now.
fn look<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// What a future gives at its first poll.
pub(crate) fn at_once<F: Future>(future: F) -> F::Output {
    match look(std::pin::pin!(future)) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

/// What the gate decides, while it is waited for.
pub(crate) type Deciding<'a> = Pin<Box<dyn Future<Output = Result<Permit, Refusal>> + 'a>>;

/// A request that waits for a debit.
pub(crate) fn asked(caller: &Caller, tokens: u64) -> Deciding<'_> {
    let mut deciding: Deciding<'_> = Box::pin(caller.authorize(up_to(tokens)));
    assert!(waits(deciding.as_mut()));
    deciding
}

/// Whether the future is still waiting.
pub(crate) fn waits<F: Future + ?Sized>(future: Pin<&mut F>) -> bool {
    look(future).is_pending()
}

/// What an administrator sees of the one cap of this level and unit.
pub(crate) async fn spending(admin: &Admin, org: OrgId, level: Level, unit: Unit) -> Spending {
    let all = admin.spending(org).await.unwrap();
    let mut found = all
        .into_iter()
        .filter(|it| it.level == level && it.cap.limit.unit() == unit);
    let one = found.next().expect("there is no such cap");
    assert!(found.next().is_none(), "there are several");
    one
}

/// Out, settled, debt and unaccounted of all shares in `unit`, together.
pub(crate) async fn sums(store: &impl BudgetStore, org: OrgId, unit: Unit) -> [i64; 4] {
    let shares = store.shares(org).await.unwrap();
    let of_unit = shares
        .iter()
        .filter(|share| share.key.unit == unit.as_str());
    let parts = of_unit.map(|it: &ShareRow| [it.out, it.settled, it.debt, it.unaccounted]);
    parts.fold([0; 4], |sum, part| {
        std::array::from_fn(|place| sum[place] + part[place])
    })
}

impl<S> Stage<S> {
    /// A key under these caps, and its caller.
    pub(crate) async fn capped(&self, texts: &[&str]) -> (Key, Caller) {
        self.limited(caps(texts)).await
    }

    /// A key under these limits, and its caller.
    pub(crate) async fn limited(&self, limits: KeyLimits) -> (Key, Caller) {
        let key = self.mint(|new| new.limits(limits)).await;
        let caller = self.authenticate(&key).await.unwrap();
        (key, caller)
    }

    /// What is shown of the key's cap in dollars.
    pub(crate) async fn key_spending(&self) -> Spending {
        spending(&self.admin, self.org, Level::Key, Unit::Usd).await
    }
}
