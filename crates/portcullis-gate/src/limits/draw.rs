//! One transaction on the durable books.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use chrono::{DateTime, TimeDelta, Utc};
use portcullis_limits::{Counter, Share, Window};
use portcullis_store::{AccountKey, Drawn, OrgId, StoreError, StoreErrorKind, UnixMicros};

use crate::convert;
use crate::lock::lock;
use crate::node::Node;

/// The accounts that a transaction is about, each once.
#[derive(Default)]
pub(crate) struct Accounts(BTreeMap<AccountKey, Option<UnixMicros>>);

/// The accounts inside the transaction.
pub(crate) struct Table<'a> {
    drawn: &'a mut [Drawn],
    places: &'a BTreeMap<AccountKey, usize>,
    /// Until when the shares are kept, in the order of their places.
    keep: &'a [Option<UnixMicros>],
}

impl Accounts {
    /// Adds an account, if it is not among them yet, and says how it is called.
    pub(crate) fn add(
        &mut self,
        org: OrgId,
        counter: &Counter,
        start: DateTime<Utc>,
    ) -> AccountKey {
        let key = convert::account_key(org, counter, start);
        self.0
            .entry(key.clone())
            .or_insert_with(|| keep_until(counter.window, start));
        key
    }
}

/// The one run of a draw, for the store that makes it and for whoever waits for it: a store may go on with what nobody
/// waits for any more. Whoever of both comes first has it.
#[derive(Clone, Default)]
pub(super) struct Claim(Arc<OnceLock<Claimant>>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Claimant {
    Store,
    Waiting,
}

impl Claim {
    /// Takes the draw back: whether its step has not begun, and never will.
    pub(super) fn withdraw(&self) -> bool {
        self.belongs_to(Claimant::Waiting)
    }

    fn belongs_to(&self, claimant: Claimant) -> bool {
        *self.0.get_or_init(|| claimant) == claimant
    }
}

impl Table<'_> {
    /// This run's share of an account, and what the others' add up to.
    pub(crate) fn share(&self, key: &AccountKey) -> Option<(Share, i64)> {
        let drawn = self.drawn.get(*self.places.get(key)?)?;
        Some((convert::share(&drawn.share), drawn.others))
    }

    /// Replaces this run's share of an account. One that is not replaced is not written: a refusal leaves no row.
    pub(crate) fn put(&mut self, key: &AccountKey, share: Share) {
        let place = self.places.get(key).copied().unwrap_or(usize::MAX);
        if let (Some(drawn), Some(keep)) = (self.drawn.get_mut(place), self.keep.get(place)) {
            convert::put_share(&mut drawn.share, share);
            drawn.share.keep_until = *keep;
        }
    }
}

impl Node {
    /// Runs `decide` on the shares of `accounts` in one durable transaction, unless the draw is withdrawn before, and returns
    /// what it returned.
    pub(super) async fn draw<T: Send + 'static>(
        &self,
        accounts: Accounts,
        claim: Claim,
        mut decide: impl FnMut(&mut Table<'_>) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (keys, keep): (Vec<_>, Vec<_>) = accounts.0.into_iter().unzip();
        let places: BTreeMap<_, _> = keys.iter().cloned().zip(0..).collect();
        // The step may run more than once; its last run is the one that was written.
        let decided = Arc::new(Mutex::new(None));
        let decision = Arc::clone(&decided);
        let step = Box::new(move |drawn: &mut [Drawn]| {
            if !claim.belongs_to(Claimant::Store) {
                return;
            }
            let mut table = Table {
                drawn,
                places: &places,
                keep: &keep,
            };
            *lock(&decision) = Some(decide(&mut table));
        });
        self.stores.draw(self.id, keys, step).await?;
        lock(&decided).take().ok_or_else(|| {
            StoreError::new(
                StoreErrorKind::Corrupt,
                "the store did not run the step of a draw",
            )
        })
    }
}

/// How long the share of a period is kept: long enough to look at the period before this one.
fn keep_until(window: Window, start: DateTime<Utc>) -> Option<UnixMicros> {
    let after = match window {
        Window::Minute | Window::Hour => TimeDelta::days(1),
        Window::Day(_) | Window::Month(_) => TimeDelta::days(62),
        Window::Total => return None,
    };
    let end = window.period(start).end?;
    Some(convert::micros(end + after))
}
