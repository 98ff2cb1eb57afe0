use std::collections::BTreeSet;

use crate::{AccountKey, DrawStep, Drawn, NodeId, ShareRow, StoreError, StoreErrorKind};

/// One [`draw`](crate::BudgetStore::draw), apart from where the shares are kept: what every adapter asks before the
/// step and of what it left.
#[derive(Debug)]
pub struct Draw {
    run: NodeId,
    accounts: Vec<AccountKey>,
}

impl Draw {
    /// A draw of `run` from these accounts.
    ///
    /// # Errors
    /// [`Conflict`](StoreErrorKind::Conflict) when an account is named twice: the step would see its share twice, and
    /// only one of the two could be written.
    pub fn new(run: NodeId, accounts: Vec<AccountKey>) -> Result<Self, StoreError> {
        let distinct: BTreeSet<&AccountKey> = accounts.iter().collect();
        if distinct.len() == accounts.len() {
            Ok(Self { run, accounts })
        } else {
            Err(conflict("a draw names an account twice"))
        }
    }

    /// Who draws.
    #[must_use]
    pub fn run(&self) -> NodeId {
        self.run
    }

    /// From what it draws, in the order in which the step sees it.
    #[must_use]
    pub fn accounts(&self) -> &[AccountKey] {
        &self.accounts
    }

    /// Runs the step on what was found, one for each account in their order, and returns the shares that it has
    /// changed: what is to be written.
    ///
    /// # Errors
    /// [`Conflict`](StoreErrorKind::Conflict) when the step left a negative amount, or a share that is not the run's
    /// share of the account at its place.
    pub fn take(
        &self,
        mut found: Vec<Drawn>,
        step: &mut DrawStep,
    ) -> Result<Vec<ShareRow>, StoreError> {
        let before: Vec<ShareRow> = found.iter().map(|drawn| drawn.share.clone()).collect();
        step(&mut found);
        let own = |(account, drawn): (&AccountKey, &Drawn)| {
            drawn.share.key == *account && drawn.share.run == self.run
        };
        if !self.accounts.iter().zip(&found).all(own) {
            return Err(conflict(
                "a draw left another account's or another run's share",
            ));
        }
        if found.iter().any(|drawn| drawn.share.has_negative()) {
            return Err(conflict("a draw left a negative amount"));
        }
        let left = found.into_iter().map(|drawn| drawn.share).zip(before);
        Ok(left
            .filter(|(left, before)| left != before)
            .map(|(left, _)| left)
            .collect())
    }
}

fn conflict(what: &str) -> StoreError {
    let message = format!("{what}; nothing was written");
    StoreError::new(StoreErrorKind::Conflict, message).nothing_written()
}
