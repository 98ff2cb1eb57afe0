//! Taking a hold, and giving it back.

use std::cmp::Reverse;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Ledger, Shortfall, lease_end};
use crate::attempt::{Part, reached};
use crate::{
    AttemptId, CapReached, Claim, Event, Hold, LimitRefusal, Line, Record, Release, Reservation,
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
        let known = self.records.get(&claim.attempt);
        if let Some(record) = known.filter(|record| record.state == State::Held) {
            return Ok(reservation(claim.attempt, record));
        }
        let from = self.state(claim.attempt);
        let Some(state) = State::after(from, Event::Reserve) else {
            return Err(NotReserved::Over(claim.attempt));
        };
        let lines = self.fit(claim, now)?;
        for line in &lines {
            self.account_mut(&line.counter, line.start)
                .hold(line.amount);
        }
        let record = Record {
            state,
            since: now,
            lease_until: lease_end(now, lease),
            price: claim.price,
            lines: lines.into(),
        };
        let reservation = reservation(claim.attempt, &record);
        self.insert_record(claim.attempt, record);
        Ok(reservation)
    }

    /// Gives a hold back. If the reserve has not come yet, a tombstone refuses it when it does.
    ///
    /// `false` when there was nothing to give back: no reserve has come, or the attempt is over.
    pub fn release(&mut self, release: Release, now: DateTime<Utc>) -> bool {
        let from = self.state(release.attempt);
        let Some(state) = State::after(from, Event::Release) else {
            return false;
        };
        let lines = self
            .records
            .get(&release.attempt)
            .map(|it| it.lines.clone());
        let lines = lines.unwrap_or_default();
        for line in lines.iter() {
            self.account_mut(&line.counter, line.start)
                .unhold(line.amount);
        }
        let record = Record {
            state,
            since: now,
            lease_until: now,
            price: None,
            lines: [].into(),
        };
        self.insert_record(release.attempt, record);
        from.is_some()
    }

    /// The lines of a hold for which every cap has room and every chunk has enough.
    fn fit(&self, claim: &Claim, now: DateTime<Utc>) -> Result<Vec<Line>, NotReserved> {
        let mut lines = Vec::with_capacity(claim.parts.len());
        let (mut full, mut short) = (Vec::new(), Vec::new());
        for Part { cap, amount } in &claim.parts {
            let counter = cap.counter();
            let period = self.period(counter, now);
            let account = self.account(counter, period.start);
            if !account.has_room(*amount, cap.amount()) {
                full.push(reached(cap, period.end));
            }
            let shortfall = account.shortfall(*amount);
            let lacks = shortfall > 0 || account.is_stale(cap.amount());
            if self.chunked && counter.unit == Unit::Usd && lacks {
                short.push(Shortfall::new(cap, period, shortfall));
            }
            lines.push(Line {
                counter: counter.clone(),
                start: period.start,
                amount: *amount,
            });
        }
        // Requests before tokens before money, as `spec/decisions.md` orders them; then the one that lasts longest.
        let named = |full: &CapReached| {
            let lasts = full.resets_at.unwrap_or(DateTime::<Utc>::MAX_UTC);
            (full.unit, Reverse(lasts), full.level)
        };
        match full.into_iter().min_by_key(named) {
            Some(full) => Err(NotReserved::Refused(full.into())),
            None if short.is_empty() => Ok(lines),
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

fn reservation(attempt: AttemptId, record: &Record) -> Reservation {
    Reservation(Hold {
        attempt,
        price: record.price,
        lines: record.lines.clone(),
    })
}
