//! Chunks, on the side of the process that spends them.

use chrono::{DateTime, Utc};

use super::Ledger;
use crate::claim::reached;
use crate::{Account, CapReached, Counter, NanoUsd, Period, Unit};

impl Ledger {
    /// Adds what was debited durably to the chunk that holds are taken from.
    ///
    /// Call it once for each [`Grant`], after the debit is durable and under the same lock as the reserve that waits
    /// for it.
    pub fn grant(&mut self, grant: Grant) {
        let slot = self.counters.place_of(&grant.counter);
        self.counters.change(slot, grant.start, |_, it| {
            let account = &mut it.account;
            account.granted = account.granted.saturating_add(grant.amount);
            account.granted_under = grant.limit;
        });
    }

    /// Takes out of the chunks what is not needed, to be returned durably: everything of periods
    /// that are over at `now`, and of the others what is more than `keep`. Zero at shutdown.
    ///
    /// What is taken out here and does not reach the durable books is stranded, never spent twice.
    ///
    /// It looks at every account. Where requests wait for the lock, use [`Ledger::give_back_some`].
    pub fn give_back(&mut self, keep: NanoUsd, now: DateTime<Utc>) -> Vec<Return> {
        let mut returns = Vec::new();
        self.counters.begin_round();
        self.return_some(keep, now, usize::MAX, &mut returns);
        returns
    }

    /// As [`Ledger::give_back`], but looks at the next `budget` counters only; and whether the round over all of them goes
    /// on.
    pub fn give_back_some(
        &mut self,
        keep: NanoUsd,
        now: DateTime<Utc>,
        budget: usize,
    ) -> (Vec<Return>, bool) {
        let mut returns = Vec::new();
        let goes_on = self.return_some(keep, now, budget, &mut returns);
        (returns, goes_on)
    }

    /// Takes all that is left out of the chunks of one counter: when its cap was lowered or is no more, before anything is
    /// reserved under what is now in force.
    ///
    /// What is left of a chunk counts as used in the durable books. After this they look at what settlements bring back
    /// before it is held again.
    pub fn give_back_of(&mut self, counter: &Counter) -> Vec<Return> {
        let all = self.counters.of_mut(counter);
        let returns = all.filter_map(|(counter, kept)| returned(counter, &mut kept.account, 0));
        returns.collect()
    }
}

impl Ledger {
    fn return_some(
        &mut self,
        keep: NanoUsd,
        now: DateTime<Utc>,
        budget: usize,
        returns: &mut Vec<Return>,
    ) -> bool {
        self.counters.visit_some(budget, |counter, kept| {
            let keep = if kept.is_over(now) {
                0
            } else {
                keep.nanos().max(0)
            };
            returns.extend(returned(counter, &mut kept.account, keep));
        })
    }
}

/// What of a chunk is more than `keep`, taken out of it.
pub(super) fn returned(counter: &Counter, account: &mut Account, keep: i64) -> Option<Return> {
    let amount = account.left().saturating_sub(keep);
    if keep == 0 {
        account.granted_under = i64::MAX; // larger than any cap
    }
    if counter.unit != Unit::Usd || amount <= 0 {
        return None;
    }
    account.granted = account.granted.saturating_sub(amount);
    Some(Return {
        counter: counter.clone(),
        start: account.start,
        amount,
    })
}

/// What a chunk lacks for a hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortfall {
    pub(crate) counter: Counter,
    pub(crate) start: DateTime<Utc>,
    pub(crate) amount: i64,
    pub(crate) limit: i64,
    refusal: CapReached,
}

impl Shortfall {
    /// The counter.
    #[must_use]
    pub const fn counter(&self) -> &Counter {
        &self.counter
    }

    /// The start of the period.
    #[must_use]
    pub const fn start(&self) -> DateTime<Utc> {
        self.start
    }

    /// How much has to be debited at least, in nano-dollars. Zero when the chunk has enough and the cap was lowered: then
    /// the durable books only have to look again.
    #[must_use]
    pub const fn amount(&self) -> i64 {
        self.amount
    }

    /// The cap, which all debits and charges together have to keep.
    #[must_use]
    pub const fn limit(&self) -> i64 {
        self.limit
    }

    /// What the client is told when the durable books have no room for it.
    #[must_use]
    pub const fn refusal(&self) -> CapReached {
        self.refusal
    }

    pub(crate) fn new(counter: &Counter, limit: i64, period: Period, amount: i64) -> Self {
        Self {
            counter: counter.clone(),
            start: period.start,
            amount,
            limit,
            refusal: reached(counter, period.end),
        }
    }
}

/// A durable debit, for the ledger that asked for it. Made by [`Share::debit`](crate::Share::debit), or from what one
/// statement returned.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "what is debited and not granted is stranded"]
pub struct Grant {
    /// The counter.
    pub counter: Counter,
    /// The start of the period.
    pub start: DateTime<Utc>,
    /// How much was debited, in nano-dollars.
    pub amount: i64,
    /// The cap under which it was debited.
    pub limit: i64,
}

/// What a ledger gives back of its chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "what does not reach the durable books is stranded"]
pub struct Return {
    /// The counter.
    pub counter: Counter,
    /// The start of the period.
    pub start: DateTime<Utc>,
    /// How much, in nano-dollars.
    pub amount: i64,
}
