//! What is remembered of attempts.

use chrono::{DateTime, Utc};

use super::generation::{Attempt, Generation, Standing};
use super::held::{Held, HeldLine, Lease};
use super::index::Vacant;
use super::keyed::Keyed;
use super::places::Places;
use crate::{AttemptId, Event, State};

/// All attempts that are known: the holds of those that run, and how the others ended.
///
/// Those that are over are many, and nearly all that is ever asked of them is that a new attempt is none of them. So they are
/// remembered in two generations and forgotten by generations: nobody looks at one of them to forget it.
#[derive(Default)]
pub(super) struct Attempts {
    keyed: Keyed,
    young: Generation,
    /// What began before the first of the young. What ends in it moves over to the young.
    old: Generation,
    holds: Places<Held>,
}

/// Where an attempt was found.
enum Found {
    Young(u32),
    Old(u32, Missing),
    Nowhere(Missing),
}

/// An attempt that is not among the young.
#[derive(Clone, Copy)]
pub(super) struct Missing {
    attempt: AttemptId,
    hash: u32,
    vacant: Vacant,
}

/// What is known of an attempt.
pub(super) enum Known<'a> {
    /// It holds this.
    Held(&'a Held),
    /// It is over: in any state but [`State::Held`].
    Over { state: State, since: DateTime<Utc> },
}

impl Attempts {
    /// What is known of an attempt, or where to put it.
    pub(super) fn known(&self, attempt: AttemptId) -> Result<Known<'_>, Missing> {
        match self.find(attempt) {
            Found::Young(at) => {
                let known = self.look(self.young.standing(at));
                known.ok_or_else(|| self.missing(attempt))
            }
            Found::Old(at, missing) => self.look(self.old.standing(at)).ok_or(missing),
            Found::Nowhere(missing) => Err(missing),
        }
    }

    /// Puts a hold in place that is missing; a hint at its place.
    pub(super) fn hold(&mut self, missing: Missing, held: Held) -> u32 {
        let at = self.holds.insert(held);
        self.insert(missing, Standing::Held(at))
    }

    /// Puts an attempt in place that is missing and over.
    pub(super) fn put_over(&mut self, missing: Missing, state: State, since: DateTime<Utc>) {
        self.insert(missing, Standing::Over { state, since });
    }

    /// Ends an attempt by `event`, after `each` line that it held; the state that it was in before. The hint says where it
    /// was put.
    ///
    /// # Errors
    /// [`NoChange`] when the event changes nothing.
    pub(super) fn end(
        &mut self,
        (attempt, hint): (AttemptId, u32),
        event: Event,
        now: DateTime<Utc>,
        each: impl FnMut(&HeldLine),
    ) -> Result<Option<State>, NoChange> {
        let found = self.find_at(attempt, hint);
        let standing = self.standing(&found);
        let from = standing.state();
        let state = State::after(from, event).ok_or(NoChange)?;
        let over = Standing::Over { state, since: now };
        match found {
            Found::Young(at) => {
                self.young.change(at, over);
            }
            Found::Old(at, missing) => {
                self.old.change(at, Standing::Gone);
                self.insert(missing, over);
            }
            Found::Nowhere(missing) => {
                self.insert(missing, over);
            }
        }
        self.let_go(standing, each);
        Ok(from)
    }

    /// Takes an attempt out, after `each` line that it held; where to put it.
    pub(super) fn take_out(&mut self, attempt: AttemptId, each: impl FnMut(&HeldLine)) -> Missing {
        let stood = match self.find(attempt) {
            Found::Young(at) => self.young.change(at, Standing::Gone),
            Found::Old(at, _) => self.old.change(at, Standing::Gone),
            Found::Nowhere(missing) => return missing,
        };
        self.let_go(stood, each);
        self.missing(attempt)
    }

    /// Puts off the end of a lease; never back. `false` when nothing is held.
    pub(super) fn renew(&mut self, attempt: AttemptId, lease: Lease) -> bool {
        match self.standing(&self.find(attempt)) {
            Standing::Held(at) => {
                self.holds.at_mut(at).renew(lease);
                true
            }
            Standing::Over { .. } | Standing::Gone => false,
        }
    }

    /// Whether anything is held.
    pub(super) fn are_held(&self) -> bool {
        self.holds.iter().next().is_some()
    }

    /// The attempts whose leases have run out at `now`, in the order in which they did. It looks at every hold.
    pub(super) fn due(&self, now: DateTime<Utc>) -> Vec<AttemptId> {
        let ends = self
            .holds
            .iter()
            .map(|held| (held.lease.until(), held.attempt));
        let mut due: Vec<_> = ends.filter(|(until, _)| *until <= now).collect();
        due.sort_unstable();
        due.into_iter().map(|(_, attempt)| attempt).collect()
    }

    /// Forgets generations of attempts that ended in a second before that of `before`, and begins a new one where there is
    /// only one.
    pub(super) fn forget(&mut self, before: DateTime<Utc>) {
        let end = before.timestamp();
        // What is old ended before any of the young did, whatever the clock said.
        while self.old.ended_before(end) || self.young.any_ended_before(end) {
            self.forget_old();
            std::mem::swap(&mut self.young, &mut self.old);
        }
        if self.old.is_empty() {
            std::mem::swap(&mut self.young, &mut self.old);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (AttemptId, Known<'_>)> {
        let all = self.young.iter().chain(self.old.iter());
        all.filter_map(|attempt| Some((attempt.id, self.look(attempt.standing)?)))
    }

    /// How much is kept of each kind.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> [usize; 3] {
        let Self {
            young, old, holds, ..
        } = self;
        [young.iter().count(), old.iter().count(), holds.len()]
    }

    fn find(&self, attempt: AttemptId) -> Found {
        let hash = self.keyed.hash(attempt);
        match self.young.find(hash, attempt) {
            Ok(place) => Found::Young(place),
            Err(vacant) => {
                let missing = Missing {
                    attempt,
                    hash,
                    vacant,
                };
                match self.old.find(hash, attempt) {
                    Ok(place) => Found::Old(place, missing),
                    Err(_) => Found::Nowhere(missing),
                }
            }
        }
    }

    /// As [`Attempts::find`], where it may be known at which place it is.
    fn find_at(&self, attempt: AttemptId, hint: u32) -> Found {
        if self.young.is_at(hint, attempt) {
            return Found::Young(hint);
        }
        self.find(attempt)
    }

    /// Of one that is not among the young.
    fn missing(&self, attempt: AttemptId) -> Missing {
        let hash = self.keyed.hash(attempt);
        Missing {
            attempt,
            hash,
            vacant: self.young.vacant(hash),
        }
    }

    fn look(&self, standing: Standing) -> Option<Known<'_>> {
        match standing {
            Standing::Held(at) => Some(Known::Held(self.holds.at(at))),
            Standing::Over { state, since } => Some(Known::Over { state, since }),
            Standing::Gone => None,
        }
    }

    fn standing(&self, found: &Found) -> Standing {
        match found {
            Found::Young(at) => self.young.standing(*at),
            Found::Old(at, _) => self.old.standing(*at),
            Found::Nowhere(_) => Standing::Gone,
        }
    }

    /// Drops the hold of an attempt that stood so, after `each` of its lines.
    fn let_go(&mut self, stood: Standing, each: impl FnMut(&HeldLine)) {
        match stood {
            Standing::Held(at) => {
                self.holds.at(at).lines.iter().for_each(each);
                self.holds.remove(at);
            }
            Standing::Over { .. } | Standing::Gone => {}
        }
    }

    /// Puts an attempt in place that is not there.
    fn insert(&mut self, missing: Missing, standing: Standing) -> u32 {
        let Missing {
            attempt: id,
            hash,
            vacant,
        } = missing;
        let attempt = Attempt { id, standing };
        self.young.push(&self.keyed, hash, vacant, attempt)
    }

    /// Forgets the old but for those that hold something, which are young again.
    fn forget_old(&mut self) {
        if self.old.holds_something() {
            for (at, held) in self.holds.numbered() {
                let hash = self.keyed.hash(held.attempt);
                if self.old.find(hash, held.attempt).is_ok() {
                    let attempt = Attempt {
                        id: held.attempt,
                        standing: Standing::Held(at),
                    };
                    let vacant = self.young.vacant(hash);
                    self.young.push(&self.keyed, hash, vacant, attempt);
                }
            }
        }
        self.old.clear();
    }
}

/// An event that changes nothing.
pub(super) struct NoChange;

/// A hint for whoever has none.
pub(super) const NO_HINT: u32 = u32::MAX;
