//! What the rules about logs have in common: a log, steps, and drafts that wait.

use super::seal_fails;
use super::sealer::sealed;
use super::tenant::{A, AT, Tenant};
use crate::{
    AuditDraft, AuditStore, Change, ChangeSet, ControlStore, LogHeadRow, LogId, OpeningRow,
    Outcome, RetainedRow, SealStep,
};

/// Commits four urgent sets that cannot be sealed: their drafts wait, two of them with the address that they came from.
pub(super) async fn wait_in_outbox(store: &impl ControlStore, tenant: Tenant) -> Vec<AuditDraft> {
    let mut drafts = Vec::new();
    for (version, address) in [
        (1, Some("203.0.113.7")),
        (2, None),
        (1, None),
        (2, Some("2001:db8::7")),
    ] {
        let set = revoke(tenant, version);
        let draft = match address {
            Some(address) => set.draft().clone().from_address(address.parse().unwrap()),
            None => set.draft().clone(),
        };
        let change = set.changes()[0].clone();
        let set = ChangeSet::new(tenant.org(), draft.clone()).change(change);
        let outcome = store.commit(set.urgent(), seal_fails()).await.unwrap();
        assert!(matches!(outcome, Outcome::Committed { .. }));
        drafts.push(draft);
    }
    drafts
}

pub(super) fn revoke(tenant: Tenant, version: u32) -> ChangeSet {
    tenant.set(Change::RevokeSecret {
        key: tenant.key_id(0),
        version,
        at: AT,
    })
}

pub(super) async fn head(store: &impl AuditStore, log: LogId) -> Option<LogHeadRow> {
    let found = store.log_head(log).await.unwrap();
    found.map(|(head, _)| head)
}

/// Seals what waits, and one record with these openings, whatever their sequence is.
pub(super) fn sealing(log: LogId, openings: Vec<OpeningRow>) -> SealStep {
    Box::new(move |head, drafts| {
        let mut sealed = sealed(log, head, drafts, &["record".to_owned()]);
        let seq = sealed.head.size - 1;
        let openings = openings.iter().cloned();
        sealed
            .openings
            .extend(openings.map(|row| OpeningRow { seq, ..row }));
        Ok(sealed)
    })
}

pub(super) fn opening(seq: u64) -> OpeningRow {
    OpeningRow {
        seq,
        field: "a".to_owned(),
        salt: [7; 32],
        value: "198.51.100.1".to_owned(),
    }
}

/// The openings of the first `count` records, and one that is not there.
pub(super) fn all(count: u64) -> Vec<(u64, String)> {
    (0..=count).map(|seq| (seq, "a".to_owned())).collect()
}

/// Hashes that a pruning keeps, in their order.
pub(super) fn kept() -> Vec<RetainedRow> {
    let row = |level, index| RetainedRow {
        level,
        index,
        hash: [level; 32],
    };
    vec![row(0, 1), row(0, 2), row(1, 0), row(63, 7)]
}

pub(super) fn a_log() -> LogId {
    LogId::Organization(A.org())
}
