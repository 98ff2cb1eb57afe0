use std::collections::{BTreeMap, BTreeSet};

use super::state::State;
use crate::{
    AccountKey, Draw, DrawStep, Drawn, NodeId, OrgId, ShareRow, StoreError, StoreErrorKind,
    UnixMicros,
};

impl State {
    /// The whole draw. Nothing is written before the step has returned and all that it left is fine.
    pub(super) fn draw(&mut self, draw: &Draw, step: &mut DrawStep) -> Result<(), StoreError> {
        let found = draw.accounts().iter();
        let found = found
            .map(|account| self.drawn(account, draw.run()))
            .collect();
        let left = draw.take(found, step)?;
        let known = |share: &ShareRow| self.organizations.contains_key(&share.key.org);
        if !left.iter().all(known) {
            let message = "there is no such organization to draw from";
            return Err(StoreError::new(StoreErrorKind::Conflict, message).nothing_written());
        }
        for share in left {
            let runs = self.shares.entry(share.key.clone()).or_default();
            runs.insert(share.run, share);
        }
        Ok(())
    }

    pub(super) fn strand_others(&mut self, living: &[NodeId]) -> u64 {
        let gone = |share: &&mut ShareRow| share.out > 0 && !living.contains(&share.run);
        let mut stranded = 0;
        let all = self.shares.values_mut().flat_map(BTreeMap::values_mut);
        for share in all.filter(gone) {
            share.unaccounted = share.unaccounted.saturating_add(share.out);
            share.out = 0;
            stranded += 1;
        }
        stranded
    }

    pub(super) fn shares(&self, org: OrgId) -> Vec<ShareRow> {
        let own = self.shares.iter().filter(|(key, _)| key.org == org);
        own.flat_map(|(_, runs)| runs.values().cloned()).collect()
    }

    pub(super) fn fold_shares(&mut self, living: &[NodeId]) -> u64 {
        let gone = |share: &ShareRow| share.out == 0 && !living.contains(&share.run);
        let mut folded = 0;
        for runs in self.shares.values_mut() {
            let mut sum: Option<ShareRow> = None;
            for share in runs.values().filter(|share| gone(share)) {
                match &mut sum {
                    Some(sum) => {
                        sum.add(share);
                        folded += 1;
                    }
                    None => sum = Some(share.clone()),
                }
            }
            if let Some(sum) = sum {
                runs.retain(|_, share| !gone(share));
                runs.insert(sum.run, sum);
            }
        }
        folded
    }

    pub(super) fn forget_shares(&mut self, now: UnixMicros) -> u64 {
        let over = |share: &ShareRow| share.keep_until.is_some_and(|end| end < now);
        let mut forgotten = 0;
        let latest = self.latest_periods();
        self.shares.retain(|account, runs| {
            runs.retain(|_, share| {
                let goes = over(share) && !latest.contains(account);
                forgotten += u64::from(goes);
                !goes
            });
            !runs.is_empty()
        });
        forgotten
    }

    /// The last account of each counter: they are in the order of counters, and then of periods.
    fn latest_periods(&self) -> BTreeSet<AccountKey> {
        let mut latest: Vec<&AccountKey> = Vec::new();
        for account in self.shares.keys() {
            match latest.last_mut() {
                Some(last) if same_counter(last, account) => *last = account,
                Some(_) | None => latest.push(account),
            }
        }
        latest.into_iter().cloned().collect()
    }

    fn drawn(&self, account: &AccountKey, run: NodeId) -> Drawn {
        let mut drawn = Drawn {
            share: ShareRow::zeros(account.clone(), run),
            others: 0,
        };
        for share in self
            .shares
            .get(account)
            .into_iter()
            .flat_map(BTreeMap::values)
        {
            if share.run == run {
                drawn.share = share.clone();
            } else {
                drawn.others = drawn.others.saturating_add(share.used());
            }
        }
        drawn
    }
}

fn same_counter(one: &AccountKey, other: &AccountKey) -> bool {
    let counter = |key: &AccountKey| AccountKey {
        start: UnixMicros(0),
        ..key.clone()
    };
    counter(one) == counter(other)
}
