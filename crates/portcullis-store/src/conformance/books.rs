//! What the rules about shares have in common: accounts, runs, and draws that tell what they saw.

use std::sync::{Arc, Mutex};

use super::tenant::{AT, Tenant};
use crate::{AccountKey, BudgetStore, Drawn, NodeId, ShareRow, StoreError};

/// An account of a tenant: its key's dollars of a month.
pub(super) fn account(tenant: Tenant) -> AccountKey {
    nth_account(tenant, 0)
}

/// The tenant's `n`th account; they differ in the subject.
pub(super) fn nth_account(tenant: Tenant, n: u8) -> AccountKey {
    AccountKey {
        org: tenant.org(),
        unit: "usd".to_owned(),
        window: "month Europe/Berlin".to_owned(),
        level: "key".to_owned(),
        subject: tenant.key_id(n).to_string(),
        start: AT,
    }
}

/// The `n`th run.
pub(super) fn run(n: u8) -> NodeId {
    NodeId::from_bytes([n; 16]).unwrap()
}

/// A share of run `n` with `[out, settled, debt, unaccounted]`.
pub(super) fn share(key: &AccountKey, n: u8, amounts: [i64; 4]) -> ShareRow {
    let [out, settled, debt, unaccounted] = amounts;
    ShareRow {
        key: key.clone(),
        run: run(n),
        out,
        settled,
        debt,
        unaccounted,
        keep_until: None,
    }
}

/// Writes a share as it is.
pub(super) async fn books(store: &impl BudgetStore, share: &ShareRow) {
    let written = share.clone();
    let step = Box::new(move |drawn: &mut [Drawn]| drawn[0].share = written.clone());
    store
        .draw(share.run, vec![share.key.clone()], step)
        .await
        .unwrap();
}

/// A draw of run `n` that must succeed; returns what the step saw.
pub(super) async fn draw(
    store: &impl BudgetStore,
    n: u8,
    accounts: impl IntoIterator<Item = &AccountKey>,
    step: impl FnMut(&mut [Drawn]) + Send + 'static,
) -> Vec<Drawn> {
    try_draw(store, n, accounts, step).await.unwrap()
}

/// A draw of run `n`; returns what the step saw.
pub(super) async fn try_draw(
    store: &impl BudgetStore,
    n: u8,
    accounts: impl IntoIterator<Item = &AccountKey>,
    mut step: impl FnMut(&mut [Drawn]) + Send + 'static,
) -> Result<Vec<Drawn>, StoreError> {
    let seen = Arc::new(Mutex::new(None));
    let note = Arc::clone(&seen);
    let accounts = accounts.into_iter().cloned().collect();
    let step = Box::new(move |drawn: &mut [Drawn]| {
        *note.lock().unwrap() = Some(drawn.to_vec());
        step(drawn);
    });
    store.draw(run(n), accounts, step).await?;
    let seen = seen.lock().unwrap().take();
    Ok(seen.unwrap())
}
