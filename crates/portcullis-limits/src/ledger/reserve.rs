//! Taking a hold, and giving it back.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::attempts::{Known, NO_HINT};
use super::held::{Held, HeldLine, HeldLines, Lease};
use super::{Ledger, Shortfall};
use crate::claim::reached;
use crate::lines::Parts;
use crate::{
    Account, AttemptId, CapReached, Claim, Event, Hold, LimitRefusal, Lines, Release, Reservation,
    State, Unit,
};

impl Ledger {
    /// Takes everything that `claim` asks for, or nothing.
    ///
    /// Asking again for an attempt that is held gives its reservation again, as it was made, and takes nothing more.
    ///
    /// # Errors
    /// [`NotReserved`]; nothing has changed.
    pub fn reserve(
        &mut self,
        claim: &Claim,
        now: DateTime<Utc>,
        lease: TimeDelta,
    ) -> Result<Reservation, NotReserved> {
        let attempt = claim.attempt();
        let (known, missing) = match self.attempts.known(attempt) {
            Ok(Known::Held(held)) => {
                return Ok(Reservation(Hold {
                    attempt,
                    price: held.price,
                    lines: self.lines(held),
                }));
            }
            Ok(Known::Over { state, .. }) => (Some(state), None),
            Err(missing) => (None, Some(missing)),
        };
        let (Some(State::Held), Some(missing)) = (State::after(known, Event::Reserve), missing)
        else {
            return Err(NotReserved::Over(attempt));
        };
        let mut held = Held {
            attempt,
            since: now,
            lease: Lease(now, lease),
            price: claim.price(),
            lines: HeldLines::new(),
        };
        self.fit(claim, now, &mut held.lines)?;
        let mut lines = Lines::new(Arc::clone(claim.caps().shared()), Parts::new());
        for line in &held.lines {
            let counted = self.counters.at_mut(line.slot);
            counted.pin();
            let end = counted.change(line.start, |_, it| it.account.hold(line.amount));
            self.counters.forget_from(line.slot, end);
            lines.push(line.start, line.amount);
        }
        lines.put_at(self.attempts.hold(missing, held));
        Ok(Reservation(Hold {
            attempt,
            price: claim.price(),
            lines,
        }))
    }

    /// Gives a hold back. If the reserve has not come yet, a tombstone refuses it when it does.
    ///
    /// `false` when there was nothing to give back: no reserve has come, or the attempt is over.
    pub fn release(&mut self, release: Release, now: DateTime<Utc>) -> bool {
        let Self {
            attempts, counters, ..
        } = self;
        let whose = (release.attempt, NO_HINT);
        let ended = attempts.end(whose, Event::Release, now, |line| {
            // Of an account out of which nothing is held, nobody knows whether it is still there.
            if line.amount > 0 {
                counters.change(line.slot, line.start, |_, it| {
                    it.account.unhold(line.amount);
                });
            }
            counters.unpin(line.slot);
        });
        matches!(ended, Ok(Some(_)))
    }

    /// Adds the lines that hold what `claim` asks for, if every cap has room and every chunk has enough.
    fn fit(
        &mut self,
        claim: &Claim,
        now: DateTime<Utc>,
        lines: &mut HeldLines,
    ) -> Result<(), NotReserved> {
        let (mut full, mut short) = (Vec::new(), Vec::new());
        for (cap, amount) in claim.parts() {
            let slot = self.counters.place(cap);
            let counted = self.counters.at_mut(slot);
            counted.claim();
            let (period, account) = counted.standing(now);
            let none = Account::new(period.start);
            let account = account.unwrap_or(&none);
            if !account.has_room(amount, cap.amount()) {
                full.push(reached(cap.counter(), period.end));
            }
            if self.chunked && cap.counter().unit == Unit::Usd {
                let shortfall = account.shortfall(amount);
                if shortfall > 0 || account.is_stale(cap.amount()) {
                    short.push(Shortfall::new(
                        cap.counter(),
                        cap.amount(),
                        period,
                        shortfall,
                    ));
                }
            }
            lines.push(HeldLine {
                slot,
                start: period.start,
                amount,
            });
        }
        if full.is_empty() && short.is_empty() {
            return Ok(());
        }
        for line in lines {
            self.counters.vacate(line.slot);
        }
        match full.into_iter().min_by_key(CapReached::rank) {
            Some(full) => Err(NotReserved::Refused(full.into())),
            None => Err(NotReserved::NeedsDebit(short)),
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
    /// The caps have room, the chunks have not enough: debit these durably, grant, and reserve again.
    #[error("a durable debit has to come first")]
    NeedsDebit(Vec<Shortfall>),
}
