//! What one request asks of an allowance.

use chrono::{DateTime, Utc};

use super::allowance::Limited;
use super::held::Held;
use super::hold::{Hold, Starts};
use crate::claim::Asked;
use crate::{CapReached, Grant, LimitRefusal, Shortfall};

/// What one request asks of an allowance: every amount known, none held yet.
#[derive(Debug)]
#[must_use = "nothing is held yet"]
pub struct Ask(Hold);

/// What came of an [`Ask`] that no cap refused.
#[derive(Debug)]
#[must_use = "what is held is given back when it is dropped"]
pub enum Answer {
    /// All of it is held.
    Held(Held),
    /// Nothing is: the caps have room, the chunks have not enough.
    NeedsDebit(Short),
}

/// An ask for which the chunks have not enough. Nothing is held.
#[derive(Debug)]
#[must_use = "nothing is held yet"]
pub struct Short(Box<(Ask, Vec<Shortfall>)>);

impl Ask {
    pub(super) const fn new(hold: Hold) -> Self {
        Self(hold)
    }

    /// Takes everything that it asks for, or nothing.
    ///
    /// # Errors
    /// [`LimitRefusal::CapReached`]: a cap has no room; nothing has changed.
    #[inline]
    pub fn reserve(self, now: DateTime<Utc>) -> Result<Answer, LimitRefusal> {
        self.reserve_with(Vec::new(), &[], now)
    }

    #[inline]
    fn reserve_with(
        mut self,
        grants: Vec<Grant>,
        lacked: &[Shortfall],
        now: DateTime<Utc>,
    ) -> Result<Answer, LimitRefusal> {
        let (allowance, asked, starts) = self.0.asking();
        let mut step = Step {
            asked,
            grants,
            lacked,
            now,
            starts,
            full: None,
            lacks: Vec::new(),
        };
        if step.take(allowance.limited()) {
            return Ok(Answer::Held(Held::new(self.0)));
        }
        let Step { full, lacks, .. } = step;
        match full {
            Some(full) => Err(full.into()),
            None => Ok(Answer::NeedsDebit(Short(Box::new((self, lacks))))),
        }
    }
}

impl Short {
    /// What to debit durably, each at least: all of it, or nothing.
    #[must_use]
    pub fn lacks(&self) -> &[Shortfall] {
        &self.0.1
    }

    /// Adds what was debited, and asks again: in one step, so that nobody else takes it. With no grants, it only asks again.
    ///
    /// Before it does, write what waits in [`take_changes`](super::Books::take_changes), or debit in the same transaction:
    /// what is no longer good for holds was given back, and takes the room of what is debited. A grant that was decided
    /// before a debt, or before a cap was lowered, is given back too, and the answer is once more that a debit is needed.
    ///
    /// A grant on a counter that it asks nothing of is stranded.
    ///
    /// # Errors
    /// As [`Ask::reserve`]; what was granted stays there.
    pub fn reserve_with(
        self,
        grants: Vec<Grant>,
        now: DateTime<Utc>,
    ) -> Result<Answer, LimitRefusal> {
        let (ask, lacked) = *self.0;
        ask.reserve_with(grants, &lacked, now)
    }
}

/// One attempt to hold all that is asked for.
struct Step<'a> {
    asked: Asked,
    grants: Vec<Grant>,
    /// What they were debited for.
    lacked: &'a [Shortfall],
    now: DateTime<Utc>,
    /// The periods to hold it in.
    starts: &'a mut Starts,
    /// Of the caps without room the one that is named.
    full: Option<CapReached>,
    /// What the chunks lack.
    lacks: Vec<Shortfall>,
}

impl Step<'_> {
    /// Holds what is asked of all of `limited`, if all have room for it; whether they had.
    ///
    /// Each is locked before the next is looked at, in the order of their names, so that nobody waits for who waits for him;
    /// and all of them until the last has been.
    fn take(&mut self, limited: &[Limited]) -> bool {
        let Some((
            Limited {
                counted,
                amount: limit,
            },
            others,
        )) = limited.split_first()
        else {
            return true;
        };
        let amount = self.asked.on(counted.counter().unit);
        let mut counted = counted.lock();
        if !self.grants.is_empty() {
            counted.grant(&mut self.grants, self.lacked);
        }
        let (start, obstacle) = counted.look(amount, *limit, self.now);
        self.starts.push(start);
        if let Some(obstacle) = obstacle {
            self.note(obstacle);
        }
        let is_held = if others.is_empty() {
            self.full.is_none() && self.lacks.is_empty()
        } else {
            self.take(others)
        };
        if is_held {
            counted.hold(start, amount);
        }
        is_held
    }

    #[cold]
    fn note(&mut self, Obstacle { full, lack }: Obstacle) {
        self.full = CapReached::named_among(self.full.into_iter().chain(full));
        self.lacks.extend(lack);
    }
}

/// Why a hold cannot be taken.
pub(super) struct Obstacle {
    pub(super) full: Option<CapReached>,
    pub(super) lack: Option<Shortfall>,
}
