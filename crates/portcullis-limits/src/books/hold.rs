//! What a request holds, from its ask to its end.

use std::fmt;

use chrono::{DateTime, Utc};
use smallvec::SmallVec;

use super::allowance::{Allowance, Limited};
use super::counted::Locked;
use crate::claim::Asked;
use crate::hold::Charges;
use crate::{Counter, Price, Usage};

/// What a request asks for, holds, and is charged. It ends well wherever it is dropped.
pub(super) struct Hold {
    allowance: Allowance,
    /// The price under which it is held; it is settled under the same.
    price: Option<Price>,
    asked: Asked,
    /// The periods in which it is held, in the order of the allowance.
    starts: Starts,
    phase: Phase,
}

/// The starts of the periods of a few counters.
pub(super) type Starts = SmallVec<[DateTime<Utc>; FEW]>;

/// How many counters a hold is on without an allocation: a key, its project and its organization, one cap each.
const FEW: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing is held.
    Free,
    /// It is held, and nothing was sent.
    Held,
    /// It was sent: the provider may charge for it.
    Sent,
}

impl Hold {
    pub(super) fn new(allowance: Allowance, price: Option<Price>, asked: Asked) -> Self {
        Self {
            allowance,
            price,
            asked,
            starts: Starts::new(),
            phase: Phase::Free,
        }
    }

    /// What is asked of which counters, and where to say in which periods it is held.
    pub(super) fn asking(&mut self) -> (&Allowance, Asked, &mut Starts) {
        self.starts.clear();
        (&self.allowance, self.asked, &mut self.starts)
    }

    /// It has been taken.
    pub(super) const fn taken(mut self) -> Self {
        self.phase = Phase::Held;
        self
    }

    /// It goes out.
    pub(super) const fn sent(mut self) -> Self {
        self.phase = Phase::Sent;
        self
    }

    /// What is held on each counter, and the start of the period that it is held in.
    pub(super) fn lines(&self) -> impl Iterator<Item = (&Counter, DateTime<Utc>, i64)> {
        let line = |((counter, _), start): ((_, _), &DateTime<Utc>)| {
            let counter: &Counter = counter;
            (counter, *start, self.asked.on(counter.unit))
        };
        self.allowance.caps().zip(&self.starts).map(line)
    }

    /// Charges it, in one step over all counters.
    pub(super) fn settle(&mut self, usage: Usage, now: DateTime<Utc>) {
        self.phase = Phase::Free;
        let (charges, asked) = (Charges::of(usage, self.price), self.asked);
        self.step(|counted, start| {
            let unit = counted.counter().unit;
            let amount = asked.on(unit);
            counted.settle(start, amount, charges.on(unit, amount), now);
        });
    }

    fn release(&mut self) {
        self.phase = Phase::Free;
        let asked = self.asked;
        self.step(|counted, start| {
            let amount = asked.on(counted.counter().unit);
            counted.release(start, amount);
        });
    }

    fn step(&self, mut each: impl FnMut(&mut Locked<'_>, DateTime<Utc>)) {
        step(self.allowance.limited(), &self.starts, &mut each);
    }
}

/// One step on all of `limited`, while all of them are locked.
fn step(
    limited: &[Limited],
    starts: &[DateTime<Utc>],
    each: &mut impl FnMut(&mut Locked<'_>, DateTime<Utc>),
) {
    if let (Some((first, limited)), Some((start, starts))) =
        (limited.split_first(), starts.split_first())
    {
        let mut counted = first.counted.lock();
        if !limited.is_empty() {
            step(limited, starts, each);
        }
        each(&mut counted, *start);
    }
}

impl Drop for Hold {
    /// What was not sent is given back, and what was sent is charged in full.
    fn drop(&mut self) {
        match self.phase {
            Phase::Free => {}
            Phase::Held => self.release(),
            // No more is charged than is held, so there is no debt that would have to know the time.
            Phase::Sent => self.settle(Usage::Unknown, DateTime::<Utc>::MIN_UTC),
        }
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold")
            .field("phase", &self.phase)
            .field("allowance", &self.allowance)
            .field("asked", &self.asked)
            .finish_non_exhaustive()
    }
}
