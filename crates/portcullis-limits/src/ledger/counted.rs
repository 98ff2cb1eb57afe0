//! One counter and its accounts.

use chrono::{DateTime, Utc};

use crate::hint::Hint;
use crate::{Account, Counter, Period, Window};

/// A counter and its accounts: two lines of a processor's cache.
#[repr(align(64))]
pub(super) struct Counted {
    counter: Counter,
    latest: Option<Kept>,
    /// The others, in the order of their periods.
    earlier: Vec<Kept>,
    /// How many lines of holds name this slot.
    pins: u32,
    /// No cap names it any more.
    retired: bool,
}

/// An account, and when its period is over.
pub(super) struct Kept {
    pub(super) account: Account,
    end: Option<DateTime<Utc>>,
    /// Among the bookings that are set aside.
    pub(super) booked_at: Hint,
}

impl Counted {
    pub(super) const fn new(counter: Counter) -> Self {
        Self {
            counter,
            latest: None,
            earlier: Vec::new(),
            pins: 0,
            retired: false,
        }
    }

    pub(super) const fn counter(&self) -> &Counter {
        &self.counter
    }

    /// The period in which it counts at `now`, and its account in it if there is one.
    ///
    /// Never a period before the latest that it has reached, so a clock that goes backwards opens no fresh account and no
    /// old one.
    pub(super) fn standing(&self, now: DateTime<Utc>) -> (Period, Option<&Account>) {
        match &self.latest {
            Some(Kept { account, end, .. }) if end.is_none_or(|end| now < end) => {
                let period = Period {
                    start: account.start,
                    end: *end,
                };
                (period, Some(account))
            }
            Some(_) | None => (self.counter.window.period(now), None),
        }
    }

    /// One step on the account of the period that began at `start`, which is opened if it is not there. When one that is
    /// not the latest may be forgotten, if there is one more of these now.
    pub(super) fn change(
        &mut self,
        start: DateTime<Utc>,
        step: impl FnOnce(&Counter, &mut Kept),
    ) -> Option<DateTime<Utc>> {
        let of_start = |it: &&mut Kept| it.account.start == start;
        let latest = self.latest.as_mut().filter(of_start);
        if let Some(kept) = latest.or_else(|| self.earlier.iter_mut().find(of_start)) {
            step(&self.counter, kept);
            return None;
        }
        let mut kept = Kept::new(start, self.counter.window);
        step(&self.counter, &mut kept);
        self.insert(kept)
    }

    pub(super) fn accounts(&self) -> impl Iterator<Item = (&Counter, &Account)> {
        self.kept().map(|kept| (&self.counter, &kept.account))
    }

    pub(super) fn kept_mut(&mut self) -> impl Iterator<Item = (&Counter, &mut Kept)> {
        let all = self.earlier.iter_mut().chain(&mut self.latest);
        all.map(|kept| (&self.counter, kept))
    }

    /// Forgets accounts of periods that were over by `before`, but never the latest of a counter that a cap names: it is what
    /// keeps the counter from going back. Whether one that might be forgotten is needed still.
    pub(super) fn forget(&mut self, before: DateTime<Utc>) -> bool {
        let stays = |it: &Kept| !it.is_over(before) || it.is_needed();
        self.earlier.retain(stays);
        if self.retired && self.earlier.is_empty() {
            self.latest = self.latest.take().filter(stays);
        }
        let latest = self.latest.iter().filter(|_| self.retired);
        self.earlier
            .iter()
            .chain(latest)
            .any(|it| it.is_over(before))
    }

    /// Lets the latest account be forgotten as the others are; from when on.
    pub(super) fn retire(&mut self) -> Option<DateTime<Utc>> {
        self.retired = true;
        self.latest.as_ref()?.end
    }

    /// A claim names it, and so a cap.
    pub(super) const fn claim(&mut self) {
        self.retired = false;
    }

    pub(super) const fn pin(&mut self) {
        self.pins += 1;
    }

    pub(super) const fn unpin(&mut self) {
        self.pins -= 1;
    }

    /// Whether its place may be given to another.
    pub(super) const fn is_vacant(&self) -> bool {
        self.latest.is_none() && self.pins == 0
    }

    fn kept(&self) -> impl Iterator<Item = &Kept> {
        self.earlier.iter().chain(&self.latest)
    }

    /// Puts an account in place that is not there; the end of the one that is not the latest because of it.
    fn insert(&mut self, kept: Kept) -> Option<DateTime<Utc>> {
        let start = kept.account.start;
        let latest = self.latest.as_ref().map(|it| it.account.start);
        if latest.is_none_or(|latest| latest < start) {
            let displaced = self.latest.replace(kept)?;
            let end = displaced.end;
            self.earlier.push(displaced);
            end
        } else {
            let end = kept.end;
            let place = self.earlier.partition_point(|it| it.account.start < start);
            self.earlier.insert(place, kept);
            end
        }
    }
}

impl Kept {
    fn new(start: DateTime<Utc>, window: Window) -> Self {
        Self {
            account: Account::new(start),
            end: window.period(start).end,
            booked_at: Hint::default(),
        }
    }

    pub(super) fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.end.is_some_and(|end| end <= now)
    }

    const fn is_needed(&self) -> bool {
        self.account.held > 0 || self.account.left() > 0
    }
}
