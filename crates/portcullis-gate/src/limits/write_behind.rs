//! What was charged and returned, on its way to the durable books.

use std::sync::Arc;
use std::time::Duration;

use portcullis_limits::{Booking, Changes, Return, Round};
use portcullis_store::{AccountKey, StoreError};

use super::draw::{Accounts, Table};
use crate::clock::Reading;
use crate::convert;
use crate::node::Node;
use crate::node::vault::OrgState;

/// What waited of some organizations, taken out to be written.
pub(super) struct Outgoing(Vec<(Arc<OrgState>, Changes)>);

/// One entry for one account.
pub(super) enum Entry {
    Book(Booking),
    TakeBack(Return),
}

impl Outgoing {
    /// Takes what waits.
    pub(super) fn of(orgs: impl IntoIterator<Item = Arc<OrgState>>) -> Self {
        let taken = |org: Arc<OrgState>| org.books.take_waiting().map(|waiting| (org, waiting));
        Self(orgs.into_iter().filter_map(taken).collect())
    }

    /// What to write to which account.
    pub(super) fn entries(&self, accounts: &mut Accounts) -> Vec<(AccountKey, Entry)> {
        let mut entries = Vec::new();
        for (org, waiting) in &self.0 {
            for booking in &waiting.bookings {
                let key = accounts.add(org.id, &booking.counter, booking.start);
                entries.push((key, Entry::Book(booking.clone())));
            }
            for back in &waiting.returns {
                let key = accounts.add(org.id, &back.counter, back.start);
                entries.push((key, Entry::TakeBack(back.clone())));
            }
        }
        entries
    }

    /// The transaction that was to write it failed. What is known not to have been written waits again; of what may have
    /// been written nobody can tell, so it stays debited and becomes unaccounted when this run is over.
    pub(super) fn failed(self, why: &StoreError) {
        if why.is_retry_safe() {
            self.put_back();
        } else if !self.0.is_empty() {
            tracing::error!(%why, "it is not known whether charges were written; what was debited for them stays debited");
        }
    }

    fn put_back(self) {
        for (org, waiting) in self.0 {
            org.books.put_back(waiting);
        }
    }
}

impl Node {
    /// Tidies all books: what is over is forgotten, what is left of chunks beyond one chunk is returned.
    pub(crate) async fn tidy_books(&self, now: Reading) {
        let orgs: Vec<_> = self.orgs.pin().values().cloned().collect();
        for org in orgs {
            let mut round = Round::default();
            while org.books.tidy(&mut round, self.chunk, now.utc) {
                // Whoever waits for this thread goes first.
                tokio::task::yield_now().await;
            }
        }
    }

    /// Writes what waits.
    pub(crate) async fn write_books(&self) -> Result<(), StoreError> {
        let mut outgoing = Outgoing::of(self.orgs.pin().values().cloned());
        while !outgoing.0.is_empty() {
            let rest = outgoing.0.split_off(outgoing.0.len().min(BATCH));
            if let Err(why) = self.write_batch(&outgoing).await {
                outgoing.failed(&why);
                Outgoing(rest).put_back();
                return Err(why);
            }
            outgoing = Outgoing(rest);
        }
        Ok(())
    }

    async fn write_batch(&self, outgoing: &Outgoing) -> Result<(), StoreError> {
        let mut accounts = Accounts::default();
        let entries = outgoing.entries(&mut accounts);
        if accounts.is_empty() {
            return Ok(());
        }
        self.draw(accounts, move |table| Entry::write_all(&entries, table))
            .await
    }

    /// Returns what is left of all chunks, once the calls that were cut have been settled, or a short wait is over: what is
    /// still held then stays debited, and becomes unaccounted.
    pub(crate) async fn close_books(&self) {
        let orgs: Vec<_> = self.orgs.pin().values().cloned().collect();
        for _ in 0..CLOSING_POLLS {
            if !orgs.iter().any(|org| org.books.is_running()) {
                break;
            }
            tokio::time::sleep(CLOSING_POLL).await;
        }
        orgs.iter().for_each(|org| org.books.give_back_all());
    }

    /// Drops the shares of periods that nobody looks at any more.
    pub(crate) async fn forget_shares(&self, now: Reading) -> Result<(), StoreError> {
        self.stores.forget_shares(convert::micros(now.utc)).await?;
        Ok(())
    }

    /// What was counted and debited before this process started: counts go on where they were written last, and what the
    /// runs before had debited and not accounted for stays debited.
    pub(crate) async fn load_books(&self, org: &OrgState) -> Result<(), StoreError> {
        for row in convert::counted(self.stores.shares(org.id).await?) {
            match row {
                Ok((counter, account)) => org.books.load(&counter, account),
                Err(why) => tracing::error!(org = %org.id, %why, "a stored count is passed over"),
            }
        }
        Ok(())
    }
}

impl Entry {
    pub(super) fn write_all(entries: &[(AccountKey, Self)], table: &mut Table<'_>) {
        for (key, entry) in entries {
            entry.write(table, key);
        }
    }

    fn write(&self, table: &mut Table<'_>, key: &AccountKey) {
        let Some((mut share, _)) = table.share(key) else {
            return;
        };
        match self {
            Self::Book(booking) => share.book(booking),
            Self::TakeBack(back) => {
                if share.take_back(back).is_err() {
                    tracing::error!(
                        ?key,
                        "more was returned than was debited; nothing is taken back"
                    );
                }
            }
        }
        table.put(key, share);
    }
}

/// How often it is looked whether the calls that were cut are settled, and for how long: a quarter of a second.
const CLOSING_POLL: Duration = Duration::from_millis(5);
const CLOSING_POLLS: u32 = 50;
/// How many organizations are written in one transaction.
const BATCH: usize = 256;
