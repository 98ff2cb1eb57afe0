//! Chunks, on the durable side: what one run of one node has drawn from a counter.

use crate::{Booking, CapReached, Grant, NanoUsd, Return, Shortfall};

/// What one run of one node has drawn from one counter in one period. A flat, durable row, in
/// nano-dollars; nothing in it is negative.
///
/// A node that starts opens shares of its own and [strands](Share::strand) those of a run that is gone. Each step is
/// taken on the row under its lock, and is durable before what it allows happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Debited, and not known to be used.
    pub out: i64,
    /// Known to be used, within what was debited.
    pub settled: i64,
    /// Used beyond what was debited for it.
    pub debt: i64,
    /// Debited by a run that is gone: used or not, nobody knows. It is shown, counts as used, and is never refunded.
    pub unaccounted: i64,
}

impl Share {
    /// All of it that counts against the cap. The sum over the shares of a counter is what the cap limits.
    #[must_use]
    pub const fn used(&self) -> i64 {
        self.out
            .saturating_add(self.settled)
            .saturating_add(self.debt)
            .saturating_add(self.unaccounted)
    }

    /// Debits at least the shortfall; a whole chunk, if the cap has room for it.
    ///
    /// `others` is what all other shares of the counter have [used](Share::used) in this period, read under the same
    /// lock. With a chunk of zero every hold has a debit of its own.
    ///
    /// # Errors
    /// [`CapReached`] when the cap has no room for the shortfall; nothing has changed.
    pub fn debit(
        &mut self,
        others: i64,
        shortfall: &Shortfall,
        chunk: NanoUsd,
    ) -> Result<Grant, CapReached> {
        let used = others.saturating_add(self.used());
        let room = shortfall.limit.saturating_sub(used);
        if shortfall.amount > room {
            return Err(shortfall.refusal());
        }
        let amount = shortfall.amount.max(chunk.nanos()).min(room);
        self.out = self.out.saturating_add(amount);
        Ok(Grant {
            counter: shortfall.counter.clone(),
            start: shortfall.start,
            amount,
            limit: shortfall.limit,
        })
    }

    /// Books what was used. It never fails.
    ///
    /// A booking that comes after the share was stranded says what some of the unaccounted amount was used for; it
    /// frees nothing.
    pub fn book(&mut self, booking: &Booking) {
        let out = booking.settled.clamp(0, self.out);
        let unaccounted = (booking.settled - out).clamp(0, self.unaccounted);
        self.out -= out;
        self.unaccounted -= unaccounted;
        self.settled = self.settled.saturating_add(booking.settled);
        self.debt = self.debt.saturating_add(booking.debt);
    }

    /// Takes back what the node no longer needs.
    ///
    /// # Errors
    /// [`NotOut`] when less than that is out, as after [`Share::strand`]; nothing has changed.
    pub const fn take_back(&mut self, back: &Return) -> Result<(), NotOut> {
        if back.amount < 0 || back.amount > self.out {
            return Err(NotOut);
        }
        self.out -= back.amount;
        Ok(())
    }

    /// The run is gone without a shutdown: all that is out becomes unaccounted. How much that was.
    pub const fn strand(&mut self) -> i64 {
        let stranded = self.out;
        self.unaccounted = self.unaccounted.saturating_add(stranded);
        self.out = 0;
        stranded
    }
}

/// More was to be returned than is out: the share was stranded, or the return came twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more was returned than is out of this share; nothing was taken back")]
pub struct NotOut;
