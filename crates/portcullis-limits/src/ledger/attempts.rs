//! What is remembered of attempts.

use chrono::{DateTime, Utc};
use hashbrown::HashTable;

use super::due::Due;
use super::held::{Held, HeldLine, Lease};
use super::keyed::Keyed;
use super::places::Places;
use crate::{AttemptId, Event, State};

/// All attempts that are known: the holds of those that run, and how the others ended.
///
/// Those that are over are many, and nearly all that is ever asked of them is that a new attempt is none of them. So the
/// index is small, and what it leads to is filled and emptied in the order of time.
#[derive(Default)]
pub(super) struct Attempts {
    keyed: Keyed,
    /// Places in `all`.
    index: HashTable<u32>,
    all: Places<Attempt>,
    holds: Places<Held>,
    /// Each attempt that is over, by its place in `all`.
    ended: Due<u32>,
}

/// An attempt that was looked up.
pub(super) struct Found {
    attempt: AttemptId,
    hash: u64,
    /// Where it is; `None` when it is not known.
    place: Option<u32>,
}

/// What is known of an attempt.
pub(super) enum Known<'a> {
    /// It holds this.
    Held(&'a Held),
    /// It is over: in any state but [`State::Held`].
    Over { state: State, since: DateTime<Utc> },
}

struct Attempt {
    id: AttemptId,
    standing: Standing,
}

/// Where an attempt stands.
#[derive(Clone, Copy)]
enum Standing {
    /// What it holds is at this place of the holds.
    Held(u32),
    Over {
        state: State,
        since: DateTime<Utc>,
    },
}

impl Attempts {
    /// Looks an attempt up.
    pub(super) fn find(&self, attempt: AttemptId) -> Found {
        let hash = self.keyed.hash(attempt);
        let same = |place: &u32| self.all.at(*place).id == attempt;
        Found {
            attempt,
            hash,
            place: self.index.find(hash, same).copied(),
        }
    }

    pub(super) fn known(&self, found: &Found) -> Option<Known<'_>> {
        let place = found.place?;
        Some(self.look(&self.all.at(place).standing))
    }

    /// Puts a hold in place, where nothing was found.
    pub(super) fn hold(&mut self, found: &Found, held: Held) {
        let at = self.holds.insert(held);
        self.insert(found, Standing::Held(at));
    }

    /// Puts an attempt in place that is over, where nothing was found.
    pub(super) fn put_over(&mut self, found: &Found, state: State, since: DateTime<Utc>) {
        let place = self.insert(found, Standing::Over { state, since });
        self.ended.push(since.timestamp(), place);
    }

    /// Ends an attempt by `event`, after `each` line that it held; the state that it was in before.
    ///
    /// # Errors
    /// [`NoChange`] when the event changes nothing.
    pub(super) fn end(
        &mut self,
        attempt: AttemptId,
        event: Event,
        now: DateTime<Utc>,
        each: impl FnMut(&HeldLine),
    ) -> Result<Option<State>, NoChange> {
        let found = self.find(attempt);
        let standing = found.place.map(|place| self.all.at(place).standing);
        let from = standing.map(Standing::state);
        let state = State::after(from, event).ok_or(NoChange)?;
        match found.place {
            Some(place) => {
                self.all.at_mut(place).standing = Standing::Over { state, since: now };
                self.ended.push(now.timestamp(), place);
            }
            None => self.put_over(&found, state, now),
        }
        if let Some(standing) = standing {
            self.let_go(standing, each);
        }
        Ok(from)
    }

    /// Takes an attempt out, after `each` line that it held; where to put it.
    pub(super) fn take_out(&mut self, attempt: AttemptId, each: impl FnMut(&HeldLine)) -> Found {
        let found = self.find(attempt);
        if let Some(place) = found.place {
            self.let_go(self.all.at(place).standing, each);
            self.remove(place);
        }
        Found {
            place: None,
            ..found
        }
    }

    /// Puts off the end of a lease; never back. `false` when nothing is held.
    pub(super) fn renew(&mut self, attempt: AttemptId, lease: Lease) -> bool {
        let Some(place) = self.find(attempt).place else {
            return false;
        };
        match self.all.at(place).standing {
            Standing::Held(at) => {
                let held = self.holds.at_mut(at);
                if lease.until() > held.lease.until() {
                    held.lease = lease;
                }
                true
            }
            Standing::Over { .. } => false,
        }
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

    /// Looks once at one attempt that ended in a second before that of `before`; false when there is none.
    pub(super) fn forget_one(&mut self, before: DateTime<Utc>) -> bool {
        let Some((second, place)) = self.ended.pop_before(before.timestamp()) else {
            return false;
        };
        // What has ended once more since then stands in the queue once more.
        if let Some(Attempt { standing, .. }) = self.all.get(place)
            && let Standing::Over { since, .. } = standing
            && since.timestamp() == second
        {
            self.remove(place);
        }
        true
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (AttemptId, Known<'_>)> {
        self.all
            .iter()
            .map(|attempt| (attempt.id, self.look(&attempt.standing)))
    }

    /// How much is kept of each kind.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> [usize; 4] {
        let Self {
            index,
            all,
            holds,
            ended,
            ..
        } = self;
        [index.len(), all.len(), holds.len(), ended.len()]
    }

    fn look(&self, standing: &Standing) -> Known<'_> {
        match standing {
            Standing::Held(at) => Known::Held(self.holds.at(*at)),
            Standing::Over { state, since } => Known::Over {
                state: *state,
                since: *since,
            },
        }
    }

    /// Drops the hold of an attempt that stood so, after `each` of its lines.
    fn let_go(&mut self, stood: Standing, each: impl FnMut(&HeldLine)) {
        match stood {
            Standing::Held(at) => {
                self.holds.at(at).lines.iter().for_each(each);
                self.holds.remove(at);
            }
            Standing::Over { .. } => {}
        }
    }

    /// Puts an attempt in place that is not there.
    fn insert(&mut self, found: &Found, standing: Standing) -> u32 {
        let Self {
            keyed, index, all, ..
        } = self;
        let place = all.insert(Attempt {
            id: found.attempt,
            standing,
        });
        index.insert_unique(found.hash, place, |it| keyed.hash(all.at(*it).id));
        place
    }

    fn remove(&mut self, place: u32) {
        let Attempt { id, .. } = self.all.remove(place);
        let entry = self
            .index
            .find_entry(self.keyed.hash(id), |it| *it == place);
        if let Ok(entry) = entry {
            entry.remove();
        }
    }
}

impl Standing {
    const fn state(self) -> State {
        match self {
            Self::Held(_) => State::Held,
            Self::Over { state, .. } => state,
        }
    }
}

/// An event that changes nothing.
pub(super) struct NoChange;
