//! Attempts that are forgotten together.

use chrono::{DateTime, Utc};

use super::index::{Index, Vacant};
use super::keyed::Keyed;
use super::places::{narrow, wide};
use crate::{AttemptId, State};

/// Attempts in the order in which they became known.
#[derive(Default)]
pub(super) struct Generation {
    index: Index,
    all: Vec<Attempt>,
    /// How many of them hold something.
    held: usize,
    /// The earliest time at which one of them ended.
    first_end: Option<DateTime<Utc>>,
    /// When the last of them ended.
    last_end: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy)]
pub(super) struct Attempt {
    pub(super) id: AttemptId,
    pub(super) standing: Standing,
}

/// Where an attempt stands.
#[derive(Clone, Copy)]
pub(super) enum Standing {
    /// What it holds is at this place of the holds.
    Held(u32),
    Over {
        state: State,
        since: DateTime<Utc>,
    },
    /// It is no part of this generation any more.
    Gone,
}

impl Generation {
    /// The place of an attempt.
    ///
    /// # Errors
    /// Where to [put](Generation::push) it.
    pub(super) fn find(&self, hash: u32, id: AttemptId) -> Result<u32, Vacant> {
        self.index.find(hash, |place| self.is_at(place, id))
    }

    /// Where to put an attempt that is not there.
    pub(super) fn vacant(&self, hash: u32) -> Vacant {
        self.index.vacant(hash)
    }

    /// Whether an attempt is in this place.
    pub(super) fn is_at(&self, place: u32, id: AttemptId) -> bool {
        let there = self.all.get(wide(place));
        there.is_some_and(|it| it.id == id && !matches!(it.standing, Standing::Gone))
    }

    /// Where an attempt stands that is in this place.
    pub(super) fn standing(&self, place: u32) -> Standing {
        self.all
            .get(wide(place))
            .map_or(Standing::Gone, |it| it.standing)
    }

    /// Adds an attempt where it was looked for in vain; its place.
    pub(super) fn push(
        &mut self,
        keyed: &Keyed,
        hash: u32,
        vacant: Vacant,
        attempt: Attempt,
    ) -> u32 {
        let place = narrow(self.all.len());
        let vacant = if self.index.is_full(self.all.len()) {
            let hashes = self.all.iter().map(|it| keyed.hash(it.id));
            self.index.grow(hashes);
            self.index.vacant(hash)
        } else {
            vacant
        };
        self.index.insert(vacant, hash, place);
        self.all.push(attempt);
        self.count(attempt.standing);
        place
    }

    /// Changes where an attempt stands that is in this place; how it stood.
    pub(super) fn change(&mut self, place: u32, standing: Standing) -> Standing {
        let Some(attempt) = self.all.get_mut(wide(place)) else {
            return Standing::Gone;
        };
        let before = std::mem::replace(&mut attempt.standing, standing);
        if let Standing::Held(_) = before {
            self.held -= 1;
        }
        self.count(standing);
        before
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) const fn holds_something(&self) -> bool {
        self.held > 0
    }

    /// Whether some of them ended and all of these before that second: the last one did, and the others before it, whatever
    /// the clock said then.
    pub(super) fn ended_before(&self, second: i64) -> bool {
        self.last_end.is_some_and(|end| end.timestamp() < second)
    }

    /// Whether one of them ended before that second.
    pub(super) fn any_ended_before(&self, second: i64) -> bool {
        self.first_end.is_some_and(|end| end.timestamp() < second)
    }

    /// Forgets all of them, and keeps as much memory as they needed.
    pub(super) fn clear(&mut self) {
        let mut empty = Self::default();
        if self.all.len() >= self.all.capacity() / SPARE {
            std::mem::swap(&mut empty.index, &mut self.index);
            std::mem::swap(&mut empty.all, &mut self.all);
            empty.index.clear();
            empty.all.clear();
        }
        *self = empty;
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Attempt> {
        let there = |it: &&Attempt| !matches!(it.standing, Standing::Gone);
        self.all.iter().filter(there)
    }

    fn count(&mut self, standing: Standing) {
        match standing {
            Standing::Held(_) => self.held += 1,
            Standing::Over { since, .. } => {
                if self.first_end.is_none_or(|first| since < first) {
                    self.first_end = Some(since);
                }
                self.last_end = Some(since);
            }
            Standing::Gone => {}
        }
    }
}

impl Standing {
    /// The state of an attempt that stands so.
    pub(super) const fn state(self) -> Option<State> {
        match self {
            Self::Held(_) => Some(State::Held),
            Self::Over { state, .. } => Some(state),
            Self::Gone => None,
        }
    }
}

/// Memory for more than so many times what was needed is given back.
const SPARE: usize = 4;
