//! The accounts of one counter.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{Account, Period, Window};

/// The accounts of one counter, by the starts of their periods.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    accounts: BTreeMap<DateTime<Utc>, Account>,
    /// No cap names the counter any more.
    pub(super) is_retired: bool,
}

impl Counted {
    pub(super) fn insert(&mut self, account: Account) {
        self.accounts.insert(account.start, account);
    }

    /// The account of the period that began at `start`, which is opened if it is not there.
    pub(super) fn opened(&mut self, start: DateTime<Utc>) -> &mut Account {
        let none = || Account::new(start);
        self.accounts.entry(start).or_insert_with(none)
    }

    /// The latest account and its period, if that is not over at `now`.
    ///
    /// Never an earlier one, and none of a period before it is opened: so a clock that goes backwards opens no fresh account
    /// and no old one.
    pub(super) fn current(&self, window: Window, now: DateTime<Utc>) -> Option<(Period, Account)> {
        let (_, latest) = self.accounts.last_key_value()?;
        let period = Period {
            start: latest.start,
            end: window.period(latest.start).end,
        };
        (!is_over(period.end, now)).then_some((period, *latest))
    }

    /// Forgets accounts of periods that were over by `before` and out of which nothing is held. The latest is what keeps the
    /// counter from going back: it goes last, and only when no cap names the counter any more.
    pub(super) fn forget(&mut self, window: Window, before: DateTime<Utc>) {
        let stays = |it: &Account| it.held > 0 || !is_over(window.period(it.start).end, before);
        let latest = self.accounts.pop_last();
        self.accounts.retain(|_, it| stays(it));
        let may_go = self.is_retired && self.accounts.is_empty();
        let latest = latest.filter(|(_, it)| !may_go || stays(it));
        self.accounts.extend(latest);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    pub(super) fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }
}

fn is_over(end: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    end.is_some_and(|end| end <= now)
}
