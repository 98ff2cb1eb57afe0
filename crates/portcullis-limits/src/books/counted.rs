//! One counter, its accounts, and its lock.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard};

use chrono::{DateTime, Utc};

use super::ask::Obstacle;
use super::changes::{Changed, Changes};
use super::lock::lock;
use crate::claim::reached;
use crate::{Account, Booking, Counter, Grant, NanoUsd, Period, Return, Shortfall, Unit, Window};

/// A counter in memory.
pub(super) struct Counted {
    tally: Mutex<Tally>,
    counter: Counter,
    /// Where it says that it has something to tell.
    changed: Arc<Changed>,
}

/// A counter whose lock is held: every step on it.
pub(super) struct Locked<'a> {
    of: &'a Arc<Counted>,
    tally: MutexGuard<'a, Tally>,
}

/// What is counted.
#[derive(Default)]
struct Tally {
    latest: Option<Kept>,
    /// Of those before it what is needed still, in the order of their periods. The counter never goes back to them.
    earlier: Vec<Kept>,
    /// How many holds there are.
    holds: u32,
    /// No cap names the counter any more.
    retired: bool,
    /// It has said that it has something to tell.
    listed: bool,
}

/// An account, when its period is over, and what the durable books do not know of it.
struct Kept {
    account: Account,
    end: Option<DateTime<Utc>>,
    untold: Untold,
    /// How often the chunk was put in doubt: by a debt, and when a cap was lowered or removed.
    doubts: u32,
    /// As many of them had the durable books seen when they debited what was granted last.
    seen: u32,
}

#[derive(Clone, Copy, Default)]
struct Untold {
    settled: i64,
    debt: i64,
    returned: i64,
}

impl Counted {
    pub(super) fn new(counter: Counter, changed: Arc<Changed>) -> Self {
        Self {
            tally: Mutex::default(),
            counter,
            changed,
        }
    }

    pub(super) const fn counter(&self) -> &Counter {
        &self.counter
    }

    pub(super) fn lock(self: &Arc<Self>) -> Locked<'_> {
        Locked {
            of: self,
            tally: lock(&self.tally),
        }
    }
}

impl Locked<'_> {
    pub(super) fn counter(&self) -> &Counter {
        &self.of.counter
    }

    /// The period in which it counts at `now`, and its account in it.
    pub(super) fn standing(&self, now: DateTime<Utc>) -> (Period, Account) {
        if let Some(Kept { account, end, .. }) = self.tally.current(now) {
            let period = Period {
                start: account.start,
                end: *end,
            };
            return (period, *account);
        }
        let period = self.counter().window.period(now);
        (period, Account::new(period.start))
    }

    /// The start of the period in which it counts at `now`, and what keeps `amount` from being held in it.
    pub(super) fn look(
        &mut self,
        amount: i64,
        limit: i64,
        now: DateTime<Utc>,
    ) -> (DateTime<Utc>, Option<Obstacle>) {
        let unit = self.counter().unit;
        let is_free = |kept: &Kept| {
            kept.account.has_room(amount, limit)
                && (unit != Unit::Usd
                    || kept.account.shortfall(amount) == 0 && !kept.is_stale(limit))
        };
        match self.tally.current(now) {
            Some(kept) if is_free(kept) => (kept.account.start, None),
            Some(_) | None => self.look_closer(amount, limit, now),
        }
    }

    #[cold]
    fn look_closer(
        &mut self,
        amount: i64,
        limit: i64,
        now: DateTime<Utc>,
    ) -> (DateTime<Utc>, Option<Obstacle>) {
        let unit = self.counter().unit;
        let mut seen = 0;
        if let Some(kept) = self.tally.current_mut(now) {
            // What is not good for holds only takes the room of what is debited anew.
            let is_returned = kept.is_stale(limit) && kept.give_back(unit, 0);
            seen = kept.doubts;
            if is_returned {
                self.say_so();
            }
        }
        let (counter, (period, account)) = (self.counter(), self.standing(now));
        let full = !account.has_room(amount, limit);
        let shortfall = account.shortfall(amount);
        let lacks = unit == Unit::Usd && shortfall > 0;
        let obstacle = Obstacle {
            full: full.then(|| reached(counter, period.end)),
            lack: lacks.then(|| Shortfall::new(counter, limit, period, (shortfall, seen))),
        };
        (period.start, (full || lacks).then_some(obstacle))
    }

    /// Takes a hold that the account has room for.
    pub(super) fn hold(&mut self, start: DateTime<Utc>, amount: i64) {
        self.change(start, |it| it.account.hold(amount));
        self.tally.holds += 1;
    }

    /// Gives a hold back.
    pub(super) fn release(&mut self, start: DateTime<Utc>, amount: i64) {
        self.tally.holds -= 1;
        // An account out of which nothing is held may have been forgotten, and is not opened again.
        if amount > 0 {
            self.change(start, |it| it.account.unhold(amount));
        }
    }

    /// Turns a hold into a charge: up to the hold in its period, beyond it in the current one.
    pub(super) fn settle(
        &mut self,
        start: DateTime<Utc>,
        amount: i64,
        charge: i64,
        now: DateTime<Utc>,
    ) {
        self.tally.holds -= 1;
        if amount > 0 {
            let settled = charge.min(amount);
            self.change(start, |it| {
                it.account.unhold(amount);
                it.account.settle(settled);
                it.untold.settled = it.untold.settled.saturating_add(settled);
            });
        }
        if charge > amount {
            self.owe(charge.saturating_sub(amount), now.max(start));
        }
        if charge > 0 {
            self.say_so();
        }
    }

    /// Takes from `grants` those that are its own, which were debited for what it `lacked`, and adds them.
    pub(super) fn grant(&mut self, grants: &mut Vec<Grant>, lacked: &[Shortfall]) {
        let of = |counter: &Counter, start| {
            let mut all = lacked.iter();
            let it = all.find(|it| it.counter == *counter && it.start == start);
            it.map_or(0, |it| it.seen)
        };
        let is_own = |grant: &mut Grant| grant.counter == self.of.counter;
        for grant in grants.extract_if(.., is_own).collect::<Vec<_>>() {
            let seen = of(&grant.counter, grant.start);
            self.change(grant.start, |it| it.grant(&grant, seen));
        }
    }

    /// Takes out of the chunks what is more than `keep`, and everything of periods that are over.
    pub(super) fn give_back(&mut self, keep: NanoUsd, now: DateTime<Utc>) {
        let keep = keep.nanos().max(0);
        self.return_what_is_more_than(|kept| if kept.is_over(now) { 0 } else { keep });
    }

    /// Takes out of the chunks all that is left.
    pub(super) fn give_back_all(&mut self) {
        self.return_what_is_more_than(|_| 0);
    }

    /// As [`Locked::give_back_all`]; and nothing is held out of the chunks before the durable books have looked again.
    pub(super) fn doubt(&mut self) {
        self.tally.all_mut().for_each(Kept::doubt);
        self.give_back_all();
    }

    pub(super) fn load(&mut self, account: Account) {
        self.change(account.start, |it| it.account = account);
    }

    /// A cap names it.
    pub(super) fn name(&mut self) {
        self.tally.retired = false;
    }

    /// No cap names it any more.
    pub(super) fn retire(&mut self) {
        self.tally.retired = true;
    }

    /// Forgets what is not needed of earlier periods, and the latest account once its period is over; but not of a counter
    /// that a cap names: it is what keeps the counter from going back.
    pub(super) fn forget(&mut self, now: DateTime<Utc>) {
        self.tally.earlier.retain(Kept::is_needed);
        if self.tally.retired && self.tally.earlier.is_empty() {
            let stays = |it: &Kept| !it.is_over(now) || it.is_needed();
            self.tally.latest = self.tally.latest.take().filter(stays);
        }
    }

    /// Tells what the durable books do not know.
    pub(super) fn tell(&mut self, changes: &mut Changes) {
        self.tally.listed = false;
        let counter = &self.of.counter;
        for kept in self.tally.all_mut() {
            let Untold {
                settled,
                debt,
                returned,
            } = mem::take(&mut kept.untold);
            let start = kept.account.start;
            if settled > 0 || debt > 0 {
                changes.bookings.push(Booking {
                    counter: counter.clone(),
                    start,
                    settled,
                    debt,
                });
            }
            if returned > 0 {
                changes.returns.push(Return {
                    counter: counter.clone(),
                    start,
                    amount: returned,
                });
            }
        }
        self.tally.earlier.retain(Kept::is_needed);
    }

    pub(super) fn is_held(&self) -> bool {
        self.tally.holds > 0
    }

    /// Whether there is no account in it.
    pub(super) fn is_empty(&self) -> bool {
        self.tally.latest.is_none() && self.tally.earlier.is_empty()
    }

    pub(super) fn accounts(&self) -> Vec<(Counter, Account)> {
        let all = self.tally.earlier.iter().chain(&self.tally.latest);
        all.map(|kept| (self.counter().clone(), kept.account))
            .collect()
    }

    /// Books what nothing was held for, where it blocks what follows: in the current period.
    #[cold]
    fn owe(&mut self, excess: i64, now: DateTime<Utc>) {
        let (Period { start, .. }, _) = self.standing(now);
        let unit = self.counter().unit;
        self.change(start, |it| {
            it.account.owe(excess);
            it.untold.debt = it.untold.debt.saturating_add(excess);
            // What other runs have used is known to the durable books alone: they have to look before more is held beside a
            // debt.
            it.doubt();
            it.give_back(unit, 0);
        });
    }

    fn return_what_is_more_than(&mut self, keep: impl Fn(&Kept) -> i64) {
        let unit = self.counter().unit;
        let mut any = false;
        for kept in self.tally.all_mut() {
            any |= kept.give_back(unit, keep(kept));
        }
        if any {
            self.say_so();
        }
    }

    /// One step on the account of the period that began at `start`, which is opened if it is not there.
    fn change(&mut self, start: DateTime<Utc>, step: impl FnOnce(&mut Kept)) {
        match &mut self.tally.latest {
            Some(latest) if latest.account.start == start => step(latest),
            Some(_) | None => step(self.tally.other(start, self.of.counter.window)),
        }
    }

    fn say_so(&mut self) {
        if !self.tally.listed {
            self.tally.listed = true;
            self.of.changed.add(self.of);
        }
    }
}

impl Tally {
    /// The latest account, if its period is not over.
    ///
    /// Never an earlier one, and none of a period before it is opened: so a clock that goes backwards opens no fresh account
    /// and no old one.
    fn current(&self, now: DateTime<Utc>) -> Option<&Kept> {
        self.latest.as_ref().filter(|latest| !latest.is_over(now))
    }

    fn current_mut(&mut self, now: DateTime<Utc>) -> Option<&mut Kept> {
        self.latest.as_mut().filter(|latest| !latest.is_over(now))
    }

    /// The account of the period that began at `start`, which is opened if it is not there.
    #[cold]
    fn other(&mut self, start: DateTime<Utc>, window: Window) -> &mut Kept {
        let Self {
            latest, earlier, ..
        } = self;
        let latest = latest.get_or_insert_with(|| Kept::new(start, window));
        if start < latest.account.start {
            return among(earlier, start, window);
        }
        if latest.account.start < start {
            let displaced = mem::replace(latest, Kept::new(start, window));
            earlier.extend(Some(displaced).filter(Kept::is_needed));
        }
        latest
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut Kept> {
        self.earlier.iter_mut().chain(&mut self.latest)
    }
}

impl Kept {
    fn new(start: DateTime<Utc>, window: Window) -> Self {
        Self {
            account: Account::new(start),
            end: window.period(start).end,
            untold: Untold::default(),
            doubts: 0,
            seen: 0,
        }
    }

    /// Adds a debit that was decided when there had been so many doubts.
    fn grant(&mut self, grant: &Grant, seen: u32) {
        self.account.granted = self.account.granted.saturating_add(grant.amount);
        self.account.granted_under = grant.limit;
        self.seen = seen;
    }

    const fn doubt(&mut self) {
        self.doubts = self.doubts.wrapping_add(1);
    }

    /// Whether what is left has to be looked at again by the durable books: it is in doubt, or was debited under a larger
    /// cap than `limit`.
    const fn is_stale(&self, limit: i64) -> bool {
        self.account.left() > 0 && (self.seen != self.doubts || limit < self.account.granted_under)
    }

    /// Takes out of the chunk what is more than `keep`; whether there was any.
    fn give_back(&mut self, unit: Unit, keep: i64) -> bool {
        if unit != Unit::Usd {
            return false;
        }
        let amount = self.account.left().saturating_sub(keep);
        if amount <= 0 {
            return false;
        }
        self.account.granted = self.account.granted.saturating_sub(amount);
        self.untold.returned = self.untold.returned.saturating_add(amount);
        true
    }

    fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.end.is_some_and(|end| end <= now)
    }

    const fn is_needed(&self) -> bool {
        let Untold {
            settled,
            debt,
            returned,
        } = self.untold;
        self.account.held > 0 || self.account.left() > 0 || settled > 0 || debt > 0 || returned > 0
    }
}

/// The account of the period that began at `start` among those in the order of their periods.
#[expect(
    clippy::indexing_slicing,
    reason = "it is there, or was just put there"
)]
fn among(kept: &mut Vec<Kept>, start: DateTime<Utc>, window: Window) -> &mut Kept {
    let place = kept
        .binary_search_by_key(&start, |it| it.account.start)
        .unwrap_or_else(|place| {
            kept.insert(place, Kept::new(start, window));
            place
        });
    &mut kept[place]
}

#[cfg(test)]
mod tests;
