//! What was charged and returned, on its way to the durable books.

use std::fmt::Display;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use portcullis_limits::{Booking, Changes, Return, Round, Unit};
use portcullis_store::{AccountKey, StoreError};
use tokio::time::timeout;

use super::draw::{Accounts, Claim, Table};
use crate::clock::Reading;
use crate::convert;
use crate::node::Node;
use crate::node::vault::OrgState;

/// What waited of some organizations, taken out to be written. It waits again when it is dropped before it was: also with a
/// future that nobody polls any more.
pub(super) struct Outgoing {
    taken: Vec<(Arc<OrgState>, Changes)>,
    claim: Claim,
}

/// One entry for one account.
pub(super) enum Entry {
    Book(Booking),
    TakeBack(Return),
}

impl Outgoing {
    /// Takes what waits.
    pub(super) fn of(orgs: impl IntoIterator<Item = Arc<OrgState>>) -> Self {
        let taken = |org: Arc<OrgState>| org.books.take_waiting().map(|waiting| (org, waiting));
        Self::new(orgs.into_iter().filter_map(taken).collect())
    }

    fn new(taken: Vec<(Arc<OrgState>, Changes)>) -> Self {
        Self {
            taken,
            claim: Claim::default(),
        }
    }

    /// As much of it as one transaction takes.
    fn next_batch(&mut self) -> Option<Self> {
        let rest = self.taken.len().saturating_sub(BATCH);
        let batch = self.taken.split_off(rest);
        (!batch.is_empty()).then(|| Self::new(batch))
    }

    /// The claim on the one transaction that is to write it.
    pub(super) fn claim(&self) -> Claim {
        self.claim.clone()
    }

    /// What to write to which account.
    pub(super) fn entries(&self, accounts: &mut Accounts) -> Vec<(AccountKey, Entry)> {
        let mut entries = Vec::new();
        for (org, waiting) in &self.taken {
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

    /// The transaction has written it.
    pub(super) fn written(mut self) {
        self.taken.clear();
    }

    /// The transaction that was to write it failed.
    pub(super) fn failed(mut self, why: &StoreError) {
        if why.is_retry_safe() {
            self.put_back();
        } else {
            self.put_back_unless_begun(why);
        }
    }

    /// What is known not to have been written waits again. Where nobody can tell, a debit stands for the dollars that were
    /// charged within their holds: they stay debited, and become unaccounted when this run is over. Nothing stands for the
    /// rest, so it waits again: it may be counted twice, and is never forgotten.
    fn put_back_unless_begun(&mut self, why: &dyn Display) {
        if self.claim.withdraw() || self.taken.is_empty() {
            return self.put_back();
        }
        tracing::error!(
            %why,
            "it is not known whether charges were written: dollars that were held stay debited, and become unaccounted; tokens, \
             requests and debts are written again, and may be counted twice"
        );
        for (_, waiting) in &mut self.taken {
            keep_what_no_debit_stands_for(waiting);
        }
        self.put_back();
    }

    fn put_back(&mut self) {
        for (org, waiting) in mem::take(&mut self.taken) {
            org.books.put_back(waiting);
        }
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.put_back_unless_begun(&"nobody waited for the store's answer");
    }
}

fn keep_what_no_debit_stands_for(waiting: &mut Changes) {
    waiting.returns.clear();
    for booking in &mut waiting.bookings {
        if booking.counter.unit == Unit::Usd {
            booking.settled = 0;
        }
    }
    waiting.bookings.retain(|it| it.settled > 0 || it.debt > 0);
}

impl Node {
    /// Tidies all books: what is over is forgotten, what is left of chunks beyond one chunk is returned.
    pub(crate) async fn tidy_books(&self, now: Reading) {
        let orgs: Vec<_> = self.orgs.pin().values().cloned().collect();
        for org in orgs {
            let mut round = Round::default();
            let mut goes_on = true;
            while goes_on {
                goes_on = org.books.tidy(&mut round, self.chunk, now.utc);
                // Whoever waits for this thread goes first: also between organizations, of which there may be many.
                tokio::task::yield_now().await;
            }
        }
    }

    /// Writes what waits, after what somebody else is writing: whoever closes does not leave while charges are on their way.
    /// He does not wait for ever.
    pub(crate) async fn write_books(&self) -> Result<(), StoreError> {
        let _writing = timeout(self.freshness.policy().bound, self.writing.lock()).await;
        let mut outgoing = Outgoing::of(self.orgs.pin().values().cloned());
        while let Some(batch) = outgoing.next_batch() {
            self.write_batch(batch).await?;
        }
        Ok(())
    }

    async fn write_batch(&self, outgoing: Outgoing) -> Result<(), StoreError> {
        let mut accounts = Accounts::default();
        let entries = outgoing.entries(&mut accounts);
        let write = move |table: &mut Table<'_>| Entry::write_all(&entries, table);
        let written = self.draw(accounts, outgoing.claim(), write).await;
        match &written {
            Ok(()) => outgoing.written(),
            Err(why) => outgoing.failed(why),
        }
        written
    }

    /// Ends debits, and returns what is left of all chunks, once the calls that were cut have been settled, or a short wait is
    /// over: what is still held then stays debited, and becomes unaccounted.
    pub(crate) async fn close_books(&self) {
        self.debits.close(self.freshness.policy().bound).await;
        let orgs: Vec<_> = self.orgs.pin().values().cloned().collect();
        let settled = async {
            while orgs.iter().any(|org| org.books.is_running()) {
                tokio::time::sleep(CLOSING_POLL).await;
            }
        };
        timeout(CLOSING, settled).await.ok();
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

/// For how long the calls that were cut may settle, and how often it is looked whether they are.
const CLOSING: Duration = Duration::from_millis(250);
const CLOSING_POLL: Duration = Duration::from_millis(5);
/// How many organizations are written in one transaction.
const BATCH: usize = 256;
