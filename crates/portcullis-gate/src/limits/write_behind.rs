//! What was charged and returned, on its way to the durable books.

use std::sync::Arc;
use std::time::Duration;

use portcullis_limits::{Booking, Return};
use portcullis_store::{AccountKey, StoreError};

use super::books::Waiting;
use super::draw::{Accounts, Table};
use crate::clock::Reading;
use crate::convert;
use crate::node::Node;
use crate::node::vault::OrgState;

/// One entry for one account.
enum Entry {
    Book(Booking),
    TakeBack(Return),
}

impl Node {
    /// Tidies all ledgers: holds are renewed or charged, what is left of chunks beyond one chunk is returned.
    pub(crate) fn tidy_books(&self) {
        let now = self.clock.now().utc;
        for org in self.orgs.pin().values() {
            org.books.tidy(self.chunk, now);
        }
    }

    /// Writes what waits. What could not be written and is known not to have been waits again; of what may have been
    /// written nobody can tell, so it stays debited and becomes unaccounted when this run is over.
    pub(crate) async fn write_books(&self) -> Result<(), StoreError> {
        let mut taken: Vec<(Arc<OrgState>, Waiting)> = Vec::new();
        for org in self.orgs.pin().values() {
            taken.extend(
                org.books
                    .take_waiting()
                    .map(|waiting| (Arc::clone(org), waiting)),
            );
        }
        while !taken.is_empty() {
            let rest = taken.split_off(taken.len().min(BATCH));
            if let Err(why) = self.write_batch(&taken).await {
                if why.is_retry_safe() {
                    for (org, waiting) in taken.into_iter().chain(rest) {
                        org.books.put_back(waiting);
                    }
                } else {
                    tracing::error!(%why, "it is not known whether charges were written; what was debited for them stays debited");
                    rest.into_iter()
                        .for_each(|(org, waiting)| org.books.put_back(waiting));
                }
                return Err(why);
            }
            taken = rest;
        }
        Ok(())
    }

    async fn write_batch(&self, taken: &[(Arc<OrgState>, Waiting)]) -> Result<(), StoreError> {
        let mut accounts = Accounts::default();
        let mut entries: Vec<(AccountKey, Entry)> = Vec::new();
        for (org, waiting) in taken {
            for booking in &waiting.bookings {
                let key = accounts.add(org.id, &booking.counter, booking.start);
                entries.push((key, Entry::Book(booking.clone())));
            }
            for back in &waiting.returns {
                let key = accounts.add(org.id, &back.counter, back.start);
                entries.push((key, Entry::TakeBack(back.clone())));
            }
        }
        if accounts.is_empty() {
            return Ok(());
        }
        self.draw(accounts, move |table| {
            entries
                .iter()
                .for_each(|(key, entry)| entry.write(table, key));
        })
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
        let now = self.clock.now().utc;
        orgs.iter().for_each(|org| org.books.give_back_all(now));
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
                Ok((counter, account)) => org.books.load(counter, account),
                Err(why) => tracing::error!(org = %org.id, %why, "a stored count is passed over"),
            }
        }
        Ok(())
    }
}

impl Entry {
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
