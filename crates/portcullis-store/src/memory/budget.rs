use std::collections::BTreeMap;

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

    pub(super) fn forget_shares(&mut self, now: UnixMicros) -> u64 {
        let over = |share: &ShareRow| share.keep_until.is_some_and(|end| end < now);
        let mut forgotten = 0;
        self.shares.retain(|_, runs| {
            runs.retain(|_, share| {
                forgotten += u64::from(over(share));
                !over(share)
            });
            !runs.is_empty()
        });
        forgotten
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
