//! The books of one process: counters in memory, each behind a lock of its own.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};

use crate::{Account, Caps, Counter, NanoUsd, Period};

mod allowance;
mod ask;
mod changes;
mod counted;
mod held;
mod hold;
mod lock;

use changes::Changed;
use counted::Counted;
use lock::lock;

pub use allowance::Allowance;
pub use ask::{Answer, Ask, Short};
pub use changes::Changes;
pub use held::{Held, Running};

/// The accounts of many counters in memory, for all threads of a process.
///
/// Dollars are held only out of what was [granted](Short::reserve_with) from a durable debit; tokens and requests live here
/// alone. Every counter is behind a lock of its own: requests of different keys wait for each other only where they are
/// under the same cap of a project or an organization. A step on several counters locks them in the order of their names.
///
/// 1. [`Books::open`] finds the counters of a key's caps, once: an [`Allowance`].
/// 2. [`Allowance::ask`] works out what a request may use at most: an [`Ask`].
/// 3. [`Ask::reserve`] takes all of it, or nothing: a [`Held`], which gives it back when it is dropped.
/// 4. [`Held::dispatch`]: a [`Running`], which is charged, once.
///
/// Each of them is used up by the next, and none can be copied. So no order can come twice, or late, or after the one that
/// undoes it, and nothing has to be remembered of a request that is over. Where orders come from other processes they can:
/// that is what a [`Ledger`](crate::Ledger) is for.
///
/// What is charged, and what is no longer needed of the grants, waits for [`Books::take_changes`]. [`Books::tidy`] wants to
/// be called now and then, or periods that are over stay here.
pub struct Books {
    directory: Mutex<BTreeMap<Counter, Arc<Counted>>>,
    changed: Arc<Changed>,
}

/// Where a round of [`Books::tidy`] stands.
#[derive(Clone, Debug, Default)]
pub struct Round {
    after: Option<Counter>,
}

impl Books {
    /// Books in which nothing is counted yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            directory: Mutex::default(),
            changed: Arc::new(Changed::default()),
        }
    }

    /// Finds the counters of `caps`: what whoever is under these caps may use.
    #[must_use]
    pub fn open(&self, caps: &Caps) -> Allowance {
        let mut directory = lock(&self.directory);
        let counters = caps.iter().map(|cap| {
            let counted = self.counted(&mut directory, cap.counter());
            counted.lock().name();
            (counted, cap.amount())
        });
        Allowance::new(counters)
    }

    /// Puts an account in place, for loading; replaces the one of the same period.
    pub fn load(&self, counter: &Counter, account: Account) {
        self.counted(&mut lock(&self.directory), counter)
            .lock()
            .load(account);
    }

    /// Takes out of the chunk of one counter all that is left: when its cap was lowered or is no more, before anything is
    /// reserved under what is now in force. It waits for [`Books::take_changes`].
    ///
    /// What is left of a chunk counts as used in the durable books. After this they look at what settlements bring back
    /// before it is held again.
    pub fn give_back_of(&self, counter: &Counter) {
        if let Some(counted) = self.named(counter) {
            counted.lock().doubt();
        }
    }

    /// Takes out of all chunks all that is left, at shutdown. It waits for [`Books::take_changes`]; what does not reach the
    /// durable books is stranded, never spent twice.
    pub fn give_back(&self) {
        for counted in self.all() {
            counted.lock().give_back_all();
        }
    }

    /// Lets a counter's latest account be forgotten as its others are: no cap names the counter any more.
    /// [Opening](Books::open) a cap that does undoes it.
    pub fn retire(&self, counter: &Counter) {
        if let Some(counted) = self.named(counter) {
            counted.lock().retire();
        }
    }

    /// Looks at the next `budget` counters: takes out of chunks what is more than `keep`, and everything of periods that
    /// are over at `now`; forgets accounts of periods that are over and out of which nothing is held or left; and counters
    /// of which nothing is left. Whether the round over all counters goes on.
    ///
    /// A counter's latest account stays for as long as a cap may name it, or a clock that ran ahead and went back could open
    /// it once more; see [`Books::retire`]. No request waits for more than the look at its own counter.
    pub fn tidy(
        &self,
        round: &mut Round,
        keep: NanoUsd,
        now: DateTime<Utc>,
        budget: usize,
    ) -> bool {
        let part = self.next(round, budget);
        for counted in &part {
            let mut counted = counted.lock();
            counted.give_back(keep, now);
            counted.forget(now);
        }
        self.close(part);
        round.after.is_some()
    }

    /// Takes what the durable books have to learn: in general one booking for each account.
    #[must_use = "what does not reach the durable books is stranded"]
    pub fn take_changes(&self) -> Changes {
        self.changed.take()
    }

    /// Whether there is nothing to [take](Books::take_changes).
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.changed.is_empty()
    }

    /// Whether any [`Held`] or [`Running`] is alive that is under a cap. It looks at every counter.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        self.all().iter().any(|counted| counted.lock().is_held())
    }

    /// The period in which `counter` counts at `now`, and its account in it.
    ///
    /// For reports, never for deciding: between this look and a reserve others may come. The account knows this process
    /// only.
    ///
    /// # Security
    /// The account of a project or an organization tells what all its keys have spent: it is for their administrators,
    /// not for the holder of one key.
    #[must_use]
    pub fn standing(&self, counter: &Counter, now: DateTime<Utc>) -> (Period, Account) {
        if let Some(counted) = self.named(counter) {
            return counted.lock().standing(now);
        }
        let period = counter.window.period(now);
        (period, Account::new(period.start))
    }

    /// Every account, those of one counter together and in the order of their periods; for reports, not for deciding. Each
    /// counter is as it stood when it was looked at.
    #[must_use]
    pub fn accounts(&self) -> Vec<(Counter, Account)> {
        let of = |counted: &Arc<Counted>| counted.lock().accounts();
        self.all().iter().flat_map(of).collect()
    }

    fn counted(
        &self,
        directory: &mut BTreeMap<Counter, Arc<Counted>>,
        counter: &Counter,
    ) -> Arc<Counted> {
        if let Some(counted) = directory.get(counter) {
            return Arc::clone(counted);
        }
        let counted = Arc::new(Counted::new(counter.clone(), Arc::clone(&self.changed)));
        directory.insert(counter.clone(), Arc::clone(&counted));
        counted
    }

    fn named(&self, counter: &Counter) -> Option<Arc<Counted>> {
        lock(&self.directory).get(counter).cloned()
    }

    fn all(&self) -> Vec<Arc<Counted>> {
        lock(&self.directory).values().cloned().collect()
    }

    /// The next counters of a round.
    fn next(&self, round: &mut Round, budget: usize) -> Vec<Arc<Counted>> {
        let begin = round.after.take().map_or(Bound::Unbounded, Bound::Excluded);
        let directory = lock(&self.directory);
        let mut rest = directory.range((begin, Bound::Unbounded));
        let part: Vec<_> = rest.by_ref().take(budget).collect();
        if let (Some((last, _)), Some(_)) = (part.last(), rest.next()) {
            round.after = Some((*last).clone());
        }
        part.into_iter()
            .map(|(_, counted)| Arc::clone(counted))
            .collect()
    }

    /// Takes counters out of the directory in which nothing is left and which nobody else has.
    fn close(&self, part: Vec<Arc<Counted>>) {
        let mut empty = part;
        empty.retain(|counted| counted.lock().is_empty());
        if empty.is_empty() {
            return;
        }
        let mut directory = lock(&self.directory);
        for counted in empty {
            // The directory has one, and here is one. Others are made under the lock of the directory only, or from others.
            if Arc::strong_count(&counted) == 2 && counted.lock().is_empty() {
                directory.remove(counted.counter());
            }
        }
    }
}

impl Default for Books {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Books {
    /// Nobody can take changes any more, so nobody collects them.
    fn drop(&mut self) {
        self.changed.close();
    }
}

impl fmt::Debug for Books {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.accounts()).finish()
    }
}

#[cfg(test)]
mod tests;
