//! The accounts of all counters.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use super::counted::{Counted, Kept};
use super::places::Places;
use crate::{Account, Cap, Counter};

/// The accounts of all counters, each counter in a slot of its own.
///
/// A request finds its counters by the [hints](crate::hint::Hint) in its caps, and a hold by its slots: a counter's
/// name is hashed only when it is met for the first time.
#[derive(Default)]
pub(super) struct Counters {
    all: Places<Counted>,
    index: HashMap<Counter, u32>,
    /// The slots in which an account that is not the latest, or that of a retired counter, may be forgotten from that time
    /// on. Some may have become vacant, or be in use by another counter: whoever comes to one looks what is there.
    ends: BTreeMap<DateTime<Utc>, Vec<u32>>,
    /// The slots in which the last round of forgetting met an account that is over and still needed.
    needed: Vec<u32>,
    /// Where the round over all counters stands.
    round: u32,
}

/// Where a counter is for as long as something of it is held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot(u32);

impl Counters {
    /// Where the counter of `cap` is from now on: it stays there for as long as it has an account or a pin.
    pub(super) fn place(&mut self, cap: &Cap) -> Slot {
        let guess = cap.hint().get();
        let there = self.all.get(guess);
        if there.is_some_and(|counted| counted.counter().is(cap.counter())) {
            return Slot(guess);
        }
        let slot = self.place_of(cap.counter());
        cap.hint().set(slot.0);
        slot
    }

    /// As [`Counters::place`], without a hint.
    pub(super) fn place_of(&mut self, counter: &Counter) -> Slot {
        let known = self.index.get(counter).copied();
        Slot(known.unwrap_or_else(|| {
            let slot = self.all.insert(Counted::new(counter.clone()));
            self.index.insert(counter.clone(), slot);
            slot
        }))
    }

    pub(super) fn named(&self, counter: &Counter) -> Option<&Counted> {
        self.all.get(*self.index.get(counter)?)
    }

    pub(super) fn at(&self, slot: Slot) -> &Counted {
        self.all.at(slot.0)
    }

    pub(super) fn at_mut(&mut self, slot: Slot) -> &mut Counted {
        self.all.at_mut(slot.0)
    }

    /// One step on one account, which is opened if it is not there.
    pub(super) fn change(
        &mut self,
        slot: Slot,
        start: DateTime<Utc>,
        step: impl FnOnce(&Counter, &mut Kept),
    ) {
        let end = self.at_mut(slot).change(start, step);
        self.forget_from(slot, end);
    }

    /// From `end` on, an account in this slot may be forgotten.
    pub(super) fn forget_from(&mut self, slot: Slot, end: Option<DateTime<Utc>>) {
        if let Some(end) = end {
            self.ends.entry(end).or_default().push(slot.0);
        }
    }

    /// Lets a counter be forgotten as a whole, once its latest period is over.
    pub(super) fn retire(&mut self, counter: &Counter) {
        let Some(slot) = self.index.get(counter).copied() else {
            return;
        };
        let end = self.all.at_mut(slot).retire();
        self.forget_from(Slot(slot), end);
    }

    /// Where the counter is, and stays until it is unpinned.
    pub(super) fn pin(&mut self, counter: &Counter) -> Slot {
        let slot = self.place_of(counter);
        self.at_mut(slot).pin();
        slot
    }

    /// Undoes one [`Counted::pin`].
    pub(super) fn unpin(&mut self, slot: Slot) {
        self.at_mut(slot).unpin();
        self.vacate(slot);
    }

    /// Gives a slot up in which nothing is left.
    pub(super) fn vacate(&mut self, Slot(slot): Slot) {
        if self.all.get(slot).is_some_and(Counted::is_vacant) {
            self.index.remove(self.all.remove(slot).counter());
        }
    }

    /// Looks once at the accounts of one counter of which one was over by `before`; false at the end of a round.
    pub(super) fn forget_one(&mut self, before: DateTime<Utc>) -> bool {
        let first = self.ends.first_entry();
        let Some(mut over) = first.filter(|it| *it.key() <= before) else {
            if !self.needed.is_empty() {
                self.ends.insert(before, std::mem::take(&mut self.needed));
            }
            return false;
        };
        let Some(slot) = over.get_mut().pop() else {
            over.remove();
            return true;
        };
        let counted = self.all.get_mut(slot);
        if counted.is_some_and(|counted| counted.forget(before)) {
            self.needed.push(slot);
        }
        self.vacate(Slot(slot));
        true
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Counter, &Account)> {
        self.all.iter().flat_map(Counted::accounts)
    }

    /// The next [`Counters::visit_some`] begins with the first place.
    pub(super) const fn begin_round(&mut self) {
        self.round = 0;
    }

    /// One step over the accounts of the next `budget` places; whether the round over all of them goes on.
    pub(super) fn visit_some(
        &mut self,
        budget: usize,
        mut step: impl FnMut(&Counter, &mut Kept),
    ) -> bool {
        let end = self.all.end();
        let until = end.min(
            self.round
                .saturating_add(u32::try_from(budget).unwrap_or(u32::MAX)),
        );
        for slot in self.round..until {
            let kept = self.all.get_mut(slot).into_iter();
            kept.flat_map(Counted::kept_mut)
                .for_each(|(counter, kept)| step(counter, kept));
        }
        let goes_on = until < end;
        self.round = if goes_on { until } else { 0 };
        goes_on
    }

    /// The accounts of one counter.
    pub(super) fn of_mut(
        &mut self,
        counter: &Counter,
    ) -> impl Iterator<Item = (&Counter, &mut Kept)> {
        let slot = self.index.get(counter).copied();
        let counted = slot.and_then(|slot| self.all.get_mut(slot));
        counted.into_iter().flat_map(Counted::kept_mut)
    }

    /// How much is kept of each kind.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> [usize; 4] {
        let Self {
            all,
            index,
            ends,
            needed,
            ..
        } = self;
        [all.len(), index.len(), ends.len(), needed.len()]
    }
}
