//! Carrying out a plan: each batch in a transaction that reads the rules in force first.

use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis_audit::{Action, Count, Event, Purged, Target, Word};
use portcullis_retention::{
    Apply, Batch, Budget, DataClass, Exemption, Inventory, Next, Owner, Plan, Progress, Removed,
    Step,
};
use portcullis_store::{
    ExceptRow, HoldRow, LogId, NotSealed, Removal, RemovalGuard, RemovalRow, RemovalStep,
    RetentionRows, TableRow, YearMonth,
};

use super::logs::{Erasure, Reach};
use super::registry::OPENINGS;
use super::rules::{Keeping, to_the_microsecond, unreadable};
use crate::admin::{Admin, AdminError};
use crate::audit::events;
use crate::clock::Reading;
use crate::convert;

/// What applying a plan has done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Applied {
    /// How many rows are gone, by table.
    pub removed: BTreeMap<Arc<str>, u64>,
    /// At most so many rows are still to be removed; 0 when all is done.
    pub remaining: u64,
}

/// How far one plan was carried out.
pub(super) enum Ended {
    /// All of it, or as much as there was time for.
    InTime(Progress, u64),
    /// The rules or the rows are not those that it was made for: a new one has to be made.
    Stale,
}

impl Admin {
    /// What would be removed now, what a hold keeps, and how late it is. It removes nothing: print it.
    ///
    /// # Errors
    /// [`AdminError::Plan`] when the store has a table that nobody registered, [`AdminError::Retention`] for limits that
    /// contradict each other, or the store's.
    pub async fn plan_retention(&self) -> Result<Plan, AdminError> {
        Ok(self.due().await?.0)
    }

    /// Removes what is past its limit, in batches of bounded size, until the time of `budget` is used up. It goes on where it
    /// stopped when it is called again, also after a crash. The audit log of the instance says before how much will be removed of
    /// each class at most, and after it how much was.
    ///
    /// # Errors
    /// As [`plan_retention`](Self::plan_retention). What was removed until then stays removed.
    pub async fn apply_retention(&self, budget: Budget) -> Result<Applied, AdminError> {
        let started = self.clock().now();
        let mut removed = BTreeMap::new();
        for _ in 0..TRIES {
            let (plan, keeping) = self.due().await?;
            if plan.steps().is_empty() {
                return Ok(Applied {
                    removed,
                    remaining: 0,
                });
            }
            self.note_plan(&plan).await?;
            let ended = self
                .carry_out(&plan, &keeping.rows, DUE, budget, started)
                .await;
            let done = self.stores().removed(DUE.to_owned()).await?;
            self.note_removed(&plan, &done).await?;
            self.stores().forget_run(DUE.to_owned()).await?;
            for (table, rows) in done {
                *removed.entry(Arc::from(table)).or_insert(0) += rows;
            }
            if let Ended::InTime(progress, remaining) = ended? {
                for (table, rows) in progress.removed {
                    // The logs count for themselves.
                    removed.entry(table).or_insert(rows);
                }
                return Ok(Applied { removed, remaining });
            }
        }
        Err(AdminError::Conflict {
            what: "the rules of retention".to_owned(),
        })
    }

    async fn due(&self) -> Result<(Plan, Keeping), AdminError> {
        let now = to_the_microsecond(self.now());
        let keeping = self.keeping().await?;
        let inventory = self.inventory(Reach::Due(&keeping.rules, now)).await?;
        Ok((Plan::due(&keeping.rules, &inventory, now)?, keeping))
    }

    /// The rules in force.
    pub(crate) async fn keeping(&self) -> Result<Keeping, AdminError> {
        let rows = self.stores().retention().await?;
        Keeping::new(rows, self.companion_tables())
    }

    pub(super) async fn inventory(&self, reach: Reach<'_>) -> Result<Inventory, AdminError> {
        let mut inventory = Inventory::new();
        for table in self.stores().inventory().await? {
            inventory = with_table(inventory, table)?;
        }
        self.with_logs(inventory, reach).await
    }

    /// Carries out a plan, while `rows` are what is in force.
    pub(super) async fn carry_out(
        &self,
        plan: &Plan,
        rows: &RetentionRows,
        run: &str,
        budget: Budget,
        started: Reading,
    ) -> Result<Ended, AdminError> {
        let mut apply = Apply::start(plan, budget);
        loop {
            let elapsed = self.clock().now().age_of(started).unwrap_or_default();
            let batch = match apply.next(elapsed, plan.rules()) {
                Next::Batch(batch) => batch,
                Next::OutOfTime | Next::Done => break,
                Next::Stale => return Ok(Ended::Stale),
            };
            let Some(removed) = self.do_batch(&batch, rows, run).await? else {
                return Ok(Ended::Stale);
            };
            if apply.record(removed).is_err() {
                return Ok(Ended::Stale);
            }
        }
        let remaining = apply.rows_remaining();
        Ok(Ended::InTime(apply.progress().clone(), remaining))
    }

    /// `None` when other rules are in force by now.
    async fn do_batch(
        &self,
        batch: &Batch<'_>,
        rows: &RetentionRows,
        run: &str,
    ) -> Result<Option<Removed>, AdminError> {
        match batch.step {
            Step::Prune {
                organization,
                before,
                ..
            } => {
                let org = organization.as_deref().map(str::parse).transpose();
                let org = org.map_err(|_| unreadable("an organization"))?;
                self.prune_before(org, *before, while_in_force(rows)).await
            }
            Step::Delete {
                table,
                month,
                owner,
                before,
                except,
                ..
            } if **table == *OPENINGS => {
                let erasure = Erasure {
                    owner,
                    month: *month,
                    before: *before,
                    except,
                    limit: batch.limit.get(),
                    cause: "retention",
                };
                self.erase_openings(&erasure, while_in_force(rows)).await
            }
            Step::Drop { .. } | Step::Delete { .. } => {
                let removal = removal(batch, run)?;
                let expected = rows.clone();
                let step: RemovalStep =
                    Box::new(move |in_force| (*in_force == expected).then(|| removal.clone()));
                let removed = self.stores().remove(step).await?;
                Ok(removed.map(|removed| Removed {
                    rows: removed.rows,
                    finished: removed.finished,
                }))
            }
        }
    }

    /// Says in the log of the instance what is about to be removed.
    async fn note_plan(&self, plan: &Plan) -> Result<(), AdminError> {
        let mut classes: BTreeMap<DataClass, u64> = BTreeMap::new();
        for step in plan.steps() {
            if let Some(table) = plan.rules().registry.table(step.table()) {
                *classes.entry(table.class()).or_default() += step.rows_at_most();
            }
        }
        self.note("retention_plan", classes).await
    }

    async fn note_removed(&self, plan: &Plan, done: &[(String, u64)]) -> Result<(), AdminError> {
        let mut classes: BTreeMap<DataClass, u64> = BTreeMap::new();
        for (name, rows) in done {
            if let Some(table) = plan.rules().registry.table(name) {
                *classes.entry(table.class()).or_default() += *rows;
            }
        }
        self.note("retention", classes).await
    }

    async fn note(
        &self,
        cause: &'static str,
        classes: BTreeMap<DataClass, u64>,
    ) -> Result<(), AdminError> {
        let mut noted = Vec::new();
        for (class, rows) in classes {
            noted.push(self.purged(cause, class.as_str(), rows, Target::Instance)?);
        }
        if !noted.is_empty() {
            self.stores()
                .record(self.sealer(), LogId::System, self.clock(), noted)
                .await?;
        }
        Ok(())
    }

    /// The record of a removal.
    pub(super) fn purged(
        &self,
        cause: &'static str,
        class: &'static str,
        rows: u64,
        target: Target,
    ) -> Result<Event, NotSealed> {
        let word = |text| Word::new(text).map_err(|why| NotSealed(why.to_string()));
        let details = Purged {
            cause: word(cause)?,
            class: word(class)?,
            count: Count::new(rows),
        };
        let at = events::timestamp(convert::micros(self.now()));
        let actor = events::actor(self.actor())?;
        Ok(Event::new(at, actor, Action::DataPurged(details), target))
    }
}

/// What the store is to do for one batch.
fn removal(batch: &Batch<'_>, run: &str) -> Result<RemovalRow, AdminError> {
    let (month, what) = match batch.step {
        Step::Drop { month, rows, .. } => (month, Removal::Drop { rows: *rows }),
        Step::Delete {
            month,
            owner,
            before,
            except,
            ..
        } => {
            let Owner {
                organization,
                project,
            } = owner;
            let org = organization.as_deref().map(str::parse).transpose();
            let project = project.as_deref().map(str::parse).transpose();
            let except: Result<Vec<ExceptRow>, AdminError> =
                except.iter().map(except_row).collect();
            let what = Removal::Delete {
                org: org.map_err(|_| unreadable("an organization"))?,
                project: project.map_err(|_| unreadable("a project"))?,
                before: before.map(convert::micros),
                except: except?,
                limit: batch.limit.get(),
            };
            (month, what)
        }
        Step::Prune { .. } => return Err(unreadable("a step")),
    };
    let month: YearMonth = month
        .to_string()
        .parse()
        .map_err(|_| unreadable("a month"))?;
    Ok(RemovalRow {
        run: run.to_owned(),
        table: batch.step.table().to_string(),
        month,
        what,
    })
}

fn except_row(exemption: &Exemption) -> Result<ExceptRow, AdminError> {
    let key = exemption.key.as_deref().map(str::parse).transpose();
    Ok(ExceptRow {
        key: key.map_err(|_| unreadable("a key"))?,
        from: exemption.range.from().map(convert::micros),
        until: exemption.range.until().map(convert::micros),
    })
}

fn with_table(inventory: Inventory, table: TableRow) -> Result<Inventory, AdminError> {
    let mut partitions = Vec::new();
    for month in table.months {
        let groups = month.parts.iter().map(|part| portcullis_retention::Group {
            owner: Owner {
                organization: part.org.map(|org| org.to_string().into()),
                project: part.project.map(|project| project.to_string().into()),
            },
            rows: part.rows,
            oldest: convert::time(part.oldest),
            newest: convert::time(part.newest),
        });
        partitions.push(portcullis_retention::Partition {
            month: month
                .month
                .to_string()
                .parse()
                .map_err(|_| unreadable("a month"))?,
            groups: groups.collect(),
        });
    }
    Ok(inventory.with(&table.name, partitions))
}

/// Lets something go for as long as exactly these limits and holds are in force.
fn while_in_force(rows: &RetentionRows) -> RemovalGuard {
    let expected = rows.clone();
    Box::new(move |in_force| *in_force == expected)
}

/// Whether a hold reaches into a log: one of its organization, or of the instance. In doubt it does.
pub(crate) fn is_over(hold: &HoldRow, log: LogId) -> bool {
    hold.org.is_none() || hold.org == log.org()
}

/// The name of the run that removes what is past its limit.
const DUE: &str = "due";
/// How often a plan is made anew because the rules or the rows have changed under it.
const TRIES: u32 = 5;
