//! Taking a hold, and giving it back.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Ledger, end_of};
use crate::claim::reached;
use crate::{
    AttemptId, CapReached, Claim, Event, Hold, LimitRefusal, Line, Record, Release, Reservation,
    State,
};

impl Ledger {
    /// Takes everything that `claim` asks for, or nothing.
    ///
    /// Asking again for an attempt that is held gives its reservation again, as it was made, and takes nothing more.
    ///
    /// # Errors
    /// [`NotReserved`]; no row has changed.
    pub fn reserve(
        &mut self,
        claim: &Claim,
        now: DateTime<Utc>,
        lease: TimeDelta,
    ) -> Result<Reservation, NotReserved> {
        let attempt = claim.attempt();
        if let Some(known) = self.records.get(&attempt) {
            return match known.state {
                State::Held => Ok(Reservation(Hold {
                    attempt,
                    price: known.price,
                    lines: known.lines.clone(),
                })),
                State::Settled | State::Released | State::Expired => {
                    Err(NotReserved::Over(attempt))
                }
            };
        }
        let hold = Hold {
            attempt,
            price: claim.price(),
            lines: self.look(claim, now)?,
        };
        for Line {
            counter,
            start,
            amount,
        } in &hold.lines
        {
            self.change(counter, *start, |it| it.hold(*amount));
        }
        let record = Record {
            state: State::Held,
            since: now,
            lease_until: end_of(now, lease),
            price: hold.price,
            lines: hold.lines.clone(),
        };
        self.records.insert(attempt, record);
        Ok(Reservation(hold))
    }

    /// Gives a hold back. If the reserve has not come yet, a tombstone refuses it when it does.
    ///
    /// `false` when there was nothing to give back: no reserve has come, or the attempt is over.
    pub fn release(&mut self, release: Release, now: DateTime<Utc>) -> bool {
        let Ok(Some(held)) = self.end(release.attempt, Event::Release, now) else {
            return false;
        };
        for line in held.lines {
            // An account out of which nothing is held may have been forgotten, and is not opened again.
            if line.amount > 0 {
                self.change(&line.counter, line.start, |it| it.unhold(line.amount));
            }
        }
        true
    }

    /// The lines that hold what `claim` asks for, if every cap has room.
    fn look(&mut self, claim: &Claim, now: DateTime<Utc>) -> Result<Vec<Line>, LimitRefusal> {
        let (mut lines, mut full) = (Vec::new(), Vec::new());
        for (cap, amount) in claim.parts() {
            let counter = cap.counter();
            if let Some(counted) = self.counters.get_mut(counter) {
                counted.is_retired = false;
            }
            let (period, account) = self.standing(counter, now);
            if !account.has_room(amount, cap.amount()) {
                full.push(reached(counter, period.end));
            }
            lines.push(Line {
                counter: counter.clone(),
                start: period.start,
                amount,
            });
        }
        match CapReached::named_among(full) {
            Some(full) => Err(full.into()),
            None => Ok(lines),
        }
    }
}

/// Why nothing was reserved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReserved {
    /// A cap has no room.
    #[error(transparent)]
    Refused(#[from] LimitRefusal),
    /// The attempt is over: released (perhaps before this reserve came), settled, or expired. Not the client's doing; a
    /// new attempt needs an id of its own.
    #[error("attempt {0:?} is over; nothing is reserved for it any more")]
    Over(AttemptId),
}
