use std::collections::BTreeMap;

use super::state::State;
use crate::{
    Append, AuditDraft, LogEntryRow, LogHeadRow, LogId, OpeningRow, RemovalGuard, RetainedRow,
    SealStep, Sealed, StoreError, StoreErrorKind,
};

/// One audit log, and what waits for it.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// `None` until the first record.
    head: Option<LogHeadRow>,
    minimum: u64,
    entries: BTreeMap<u64, LogEntryRow>,
    openings: BTreeMap<(u64, String), OpeningRow>,
    retained: Vec<RetainedRow>,
    outbox: Vec<AuditDraft>,
}

/// What an append records beside the outbox.
enum Beside<'a> {
    /// What the step likes to.
    Anything,
    /// The draft of a change set.
    Draft(&'a AuditDraft),
    /// That something is removed.
    Removal,
}

impl State {
    pub(super) fn append(&mut self, log: LogId, step: &mut SealStep) -> Result<(), StoreError> {
        let log = self.logs.entry(log).or_default();
        let sealed = log.seal(&Beside::Anything, step)?;
        log.write(sealed);
        Ok(())
    }

    /// Seals the draft of a set whose changes are made; the caller restores when this fails.
    pub(super) fn record(
        &mut self,
        log: LogId,
        draft: &AuditDraft,
        urgent: bool,
        step: &mut SealStep,
    ) -> Result<(), StoreError> {
        let log = self.logs.entry(log).or_default();
        match log.seal(&Beside::Draft(draft), step) {
            Ok(sealed) => log.write(sealed),
            Err(_) if urgent => log.outbox.push(draft.clone()),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    pub(super) fn erase(
        &mut self,
        log: LogId,
        openings: Vec<(u64, String)>,
        guard: &mut RemovalGuard,
        step: &mut SealStep,
    ) -> Result<Option<u64>, StoreError> {
        if !guard(&self.retention) {
            return Ok(None);
        }
        let log = self.logs.entry(log).or_default();
        let sealed = log.seal(&Beside::Removal, step)?;
        let removed = openings.iter().filter_map(|key| log.openings.remove(key));
        let removed = removed.count() as u64;
        log.write(sealed);
        Ok(Some(removed))
    }

    pub(super) fn prune(
        &mut self,
        log: LogId,
        below: u64,
        retained: &[RetainedRow],
        guard: &mut RemovalGuard,
        step: &mut SealStep,
    ) -> Result<Option<u64>, StoreError> {
        let log = self.logs.entry(log).or_default();
        if below <= log.minimum {
            return Ok(Some(0));
        }
        if !guard(&self.retention) {
            return Ok(None);
        }
        if log.size() < below {
            return Err(conflict("the log has fewer records than are to be removed"));
        }
        let kept: BTreeMap<_, _> = retained.iter().map(|r| ((r.level, r.index), *r)).collect();
        if kept.len() < retained.len() {
            return Err(conflict("a hash is to be kept twice"));
        }
        let sealed = log.seal(&Beside::Removal, step)?;
        let left = log.entries.split_off(&below);
        let removed = std::mem::replace(&mut log.entries, left).len() as u64;
        log.openings = log.openings.split_off(&(below, String::new()));
        log.retained = kept.into_values().collect();
        log.minimum = below;
        log.write(sealed);
        Ok(Some(removed))
    }

    /// The logs that were begun.
    pub(super) fn heads(&self) -> Vec<(LogId, LogHeadRow, u64)> {
        let heads = self.logs.iter();
        heads
            .filter_map(|(id, log)| Some((*id, log.head.clone()?, log.minimum)))
            .collect()
    }

    pub(super) fn head(&self, log: LogId) -> Option<(LogHeadRow, u64)> {
        let log = self.logs.get(&log)?;
        Some((log.head.clone()?, log.minimum))
    }

    pub(super) fn entries(&self, log: LogId, from: u64, limit: usize) -> Vec<LogEntryRow> {
        let log = self.logs.get(&log);
        let rows = log.into_iter().flat_map(|log| log.entries.range(from..));
        rows.take(limit).map(|(_, row)| row.clone()).collect()
    }

    pub(super) fn openings(&self, log: LogId, from: u64, to: u64) -> Vec<OpeningRow> {
        let log = self.logs.get(&log);
        let rows = log.into_iter().flat_map(|log| log.openings.values());
        let rows = rows.filter(|row| (from..to).contains(&row.seq));
        rows.cloned().collect()
    }

    pub(super) fn outbox(&self, log: LogId) -> Vec<AuditDraft> {
        let log = self.logs.get(&log);
        log.map_or_else(Vec::new, |log| log.outbox.clone())
    }

    pub(super) fn retained(&self, log: LogId) -> Vec<RetainedRow> {
        let log = self.logs.get(&log);
        log.map_or_else(Vec::new, |log| log.retained.clone())
    }
}

impl Log {
    /// What the step makes of the log's end. It writes nothing, so a step that panics leaves everything as it was.
    fn seal(&self, beside: &Beside<'_>, step: &mut SealStep) -> Result<Option<Sealed>, StoreError> {
        let mut drafts = self.outbox.clone();
        if let Beside::Draft(draft) = beside {
            drafts.push((*draft).clone());
        }
        let append = Append::new(self.head.as_ref(), &drafts);
        match beside {
            Beside::Anything | Beside::Draft(_) => append.take(step),
            Beside::Removal => append.with_its_own_record().take(step),
        }
    }

    fn write(&mut self, sealed: Option<Sealed>) {
        let Some(sealed) = sealed else { return };
        self.head = Some(sealed.head);
        let entries = sealed.entries.into_iter();
        self.entries.extend(entries.map(|row| (row.seq, row)));
        let openings = sealed.openings.into_iter();
        self.openings
            .extend(openings.map(|row| ((row.seq, row.field.clone()), row)));
        self.outbox.clear();
    }

    fn size(&self) -> u64 {
        self.head.as_ref().map_or(0, |head| head.size)
    }
}

fn conflict(what: &str) -> StoreError {
    let message = format!("{what}; nothing was written");
    StoreError::new(StoreErrorKind::Conflict, message).nothing_written()
}
