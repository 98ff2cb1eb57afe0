use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use getrandom::SysRng;
use rand_core::TryRng;

use super::log::Log;
use super::traces::Traces;
use crate::{
    AccountKey, AuditDraft, ChangeRow, ChangeSet, CredentialId, CredentialRow, InstanceSecretRow,
    KeyId, KeyRow, LogId, MasterCheckRow, NodeId, NodeRow, OrgId, OrganizationRow, Outcome,
    ProjectId, ProjectRow, RetentionRows, SealStep, ShareRow, StoreError, StoreErrorKind, Subject,
};

/// All rows.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) organizations: BTreeMap<OrgId, OrganizationRow>,
    pub(super) projects: BTreeMap<ProjectId, ProjectRow>,
    pub(super) keys: BTreeMap<KeyId, KeyRow>,
    pub(super) credentials: BTreeMap<CredentialId, CredentialRow>,
    pub(super) instance_secrets: Vec<InstanceSecretRow>,
    pub(super) master_checks: Vec<MasterCheckRow>,
    pub(super) changes: Vec<ChangeRow>,
    /// The drafts of all sets that were committed, oldest first: what the logs record, as it was given.
    pub(super) drafts: Vec<AuditDraft>,
    pub(super) logs: BTreeMap<LogId, Log>,
    pub(super) nodes: Vec<NodeRow>,
    pub(super) shares: BTreeMap<AccountKey, BTreeMap<NodeId, ShareRow>>,
    pub(super) traces: Traces,
    pub(super) retention: RetentionRows,
}

impl State {
    /// The whole transaction: guards, changes, audit log, change log.
    ///
    /// # Panics
    /// With the step's own panic; then everything is as before.
    pub(super) fn commit(
        &mut self,
        set: &ChangeSet,
        seal: &mut SealStep,
    ) -> Result<Outcome, StoreError> {
        let holds = |guard| self.holds(set.org(), guard);
        if let Some(index) = set.guards().iter().position(|guard| !holds(guard)) {
            return Ok(Outcome::GuardFailed(index));
        }
        let subjects = set.notices();
        let nonces = nonces(subjects.len())?;
        let before: Vec<Before> = subjects
            .iter()
            .map(|subject| self.remember(*subject))
            .collect();
        let done = catch_unwind(AssertUnwindSafe(|| self.change(set, seal)));
        if !matches!(done, Ok(Ok(()))) {
            before.into_iter().for_each(|row| self.restore(row));
        }
        match done {
            Ok(done) => done.map_err(StoreError::nothing_written)?,
            Err(panic) => resume_unwind(panic),
        }
        for (subject, nonce) in subjects.into_iter().zip(nonces) {
            let seq = self.changes.last().map_or(1, |row| row.seq + 1);
            self.changes.push(ChangeRow {
                seq,
                nonce,
                subject,
            });
        }
        self.drafts.push(set.draft().clone());
        Ok(Outcome::Committed {
            seq: self.changes.last().map_or(0, |row| row.seq),
        })
    }

    /// The log comes last: once it is written, nothing can fail any more.
    fn change(&mut self, set: &ChangeSet, seal: &mut SealStep) -> Result<(), StoreError> {
        for change in set.changes() {
            self.apply(set.org(), change)?;
        }
        self.record(set.log(), set.draft(), set.is_urgent(), seal)
    }

    fn remember(&self, subject: Subject) -> Before {
        match subject {
            Subject::Credential(_, id) => {
                Before::Credential(id, self.credentials.get(&id).cloned())
            }
            Subject::Instance => Before::Instance(
                self.instance_secrets.clone(),
                self.master_checks.clone(),
                self.retention.clone(),
            ),
            Subject::Key(_, id) => Before::Key(id, self.keys.get(&id).cloned()),
            Subject::Organization(id) => {
                let row = self.organizations.get(&id).cloned();
                Before::Organization(id, row, self.retention.clone())
            }
            Subject::Project(_, id) => Before::Project(id, self.projects.get(&id).cloned()),
        }
    }

    fn restore(&mut self, before: Before) {
        match before {
            Before::Credential(id, row) => put_back(&mut self.credentials, id, row),
            Before::Instance(secrets, checks, retention) => {
                self.instance_secrets = secrets;
                self.master_checks = checks;
                self.retention = retention;
            }
            Before::Key(id, row) => put_back(&mut self.keys, id, row),
            Before::Organization(id, row, retention) => {
                put_back(&mut self.organizations, id, row);
                self.retention = retention;
            }
            Before::Project(id, row) => put_back(&mut self.projects, id, row),
        }
    }
}

/// What a subject looked like before the changes, to put back when one of them fails.
enum Before {
    Credential(CredentialId, Option<CredentialRow>),
    Instance(Vec<InstanceSecretRow>, Vec<MasterCheckRow>, RetentionRows),
    Key(KeyId, Option<KeyRow>),
    Organization(OrgId, Option<OrganizationRow>, RetentionRows),
    Project(ProjectId, Option<ProjectRow>),
}

fn put_back<Id: Ord, Row>(rows: &mut BTreeMap<Id, Row>, id: Id, row: Option<Row>) {
    match row {
        Some(row) => rows.insert(id, row),
        None => rows.remove(&id),
    };
}

fn nonces(count: usize) -> Result<Vec<[u8; 16]>, StoreError> {
    let draw = || {
        let mut nonce = [0; 16];
        SysRng.try_fill_bytes(&mut nonce).map(|()| nonce)
    };
    let nonces: Result<Vec<_>, _> = std::iter::repeat_with(draw).take(count).collect();
    nonces.map_err(|error| {
        let message = "the operating system gave no random bytes for the change log";
        StoreError::new(StoreErrorKind::Unavailable, message).because(error)
    })
}
