//! Running a plan: bounded batches, a budget of time, resumable after a crash.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::{Plan, Rules, Step};

/// The driver of a plan. It says what to do next; a store does it and says what it did.
///
/// In one transaction, the store reads the rules in force, asks [`next`](Self::next), does the batch, and writes the
/// [`progress`](Self::progress) of after it. Then a hold that was placed meanwhile stops the plan, and a crash forgets nothing.
///
/// ```
/// use std::time::Duration;
/// use portcullis_retention::{Apply, Budget, Next, Plan, Removed, Rules};
/// # fn run(plan: &Plan, rules_in_force: Rules, mut store: impl FnMut(portcullis_retention::Batch<'_>) -> Removed, clock: impl Fn() -> Duration) -> Result<(), Box<dyn std::error::Error>> {
/// let mut apply = Apply::start(plan, Budget::default());
/// while let Next::Batch(batch) = apply.next(clock(), &rules_in_force) {
///     let removed = store(batch);
///     apply.record(removed)?;
/// }
/// println!("{} rows remain", apply.rows_remaining());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Apply<'p> {
    plan: &'p Plan,
    progress: Progress,
    budget: Budget,
}

impl<'p> Apply<'p> {
    /// From the beginning.
    #[must_use]
    pub fn start(plan: &'p Plan, budget: Budget) -> Self {
        let progress = Progress {
            plan: plan.digest(),
            step: 0,
            step_rows: 0,
            removed: BTreeMap::new(),
        };
        Self {
            plan,
            progress,
            budget,
        }
    }

    /// From where it stopped. Every step may be done again, so an older progress does no harm; without any, make a new plan.
    ///
    /// # Errors
    /// [`ForeignProgress`] when it is that of another plan.
    pub fn resume(
        plan: &'p Plan,
        progress: Progress,
        budget: Budget,
    ) -> Result<Self, ForeignProgress> {
        if progress.plan == plan.digest() {
            Ok(Self {
                plan,
                progress,
                budget,
            })
        } else {
            Err(ForeignProgress)
        }
    }

    /// What to do next. `elapsed` is the time since this run began, by a clock that does not go back; `in_force` are the
    /// rules as they are now.
    #[must_use]
    pub fn next(&self, elapsed: Duration, in_force: &Rules) -> Next<'p> {
        let Some(step) = self.plan.steps().get(self.progress.step) else {
            return Next::Done;
        };
        if in_force != self.plan.rules() {
            return Next::Stale;
        }
        if elapsed >= self.budget.time {
            return Next::OutOfTime;
        }
        Next::Batch(Batch {
            step,
            limit: self.budget.rows,
        })
    }

    /// What the batch that [`next`](Self::next) gave has done.
    ///
    /// # Errors
    /// [`Stuck`] when it removed nothing and is not finished: the next one would not either.
    pub fn record(&mut self, removed: Removed) -> Result<(), Stuck> {
        let Some(step) = self.plan.steps().get(self.progress.step) else {
            return Ok(());
        };
        let rows = self
            .progress
            .removed
            .entry(step.table().clone())
            .or_default();
        *rows = rows.saturating_add(removed.rows);
        self.progress.step_rows = self.progress.step_rows.saturating_add(removed.rows);
        if removed.finished {
            self.progress.step = self.progress.step.saturating_add(1);
            self.progress.step_rows = 0;
            Ok(())
        } else if removed.rows == 0 {
            Err(Stuck {
                table: step.table().clone(),
            })
        } else {
            Ok(())
        }
    }

    /// Where it is, to be stored.
    #[must_use]
    pub const fn progress(&self) -> &Progress {
        &self.progress
    }

    /// At most so many rows are still to be removed; 0 when it is done.
    #[must_use]
    pub fn rows_remaining(&self) -> u64 {
        let left = self.plan.steps().iter().skip(self.progress.step);
        let rows = left.fold(0_u64, |sum, step| sum.saturating_add(step.rows_at_most()));
        rows.saturating_sub(self.progress.step_rows)
    }
}

/// How much one run may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Rows in one batch, which is one transaction.
    pub rows: NonZeroU32,
    /// Time for the run. A batch that has begun is finished.
    pub time: Duration,
}

impl Default for Budget {
    /// A thousand rows, and a minute.
    fn default() -> Self {
        Self {
            rows: NonZeroU32::MIN.saturating_add(999),
            time: Duration::from_secs(60),
        }
    }
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<'p> {
    /// This.
    Batch(Batch<'p>),
    /// Nothing in this run; resume in the next.
    OutOfTime,
    /// Nothing: a policy, a table or a hold has changed since the plan was made. Make a new one.
    Stale,
    /// Nothing any more.
    Done,
}

/// A part of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch<'p> {
    /// Of which step.
    pub step: &'p Step,
    /// At most so many rows. Dropping a month table is one batch, however many rows it has.
    pub limit: NonZeroU32,
}

/// What a batch has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removed {
    /// So many rows are gone.
    pub rows: u64,
    /// Whether the step has nothing left to do.
    pub finished: bool,
}

/// How far a plan has come: flat data, to be stored with each batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The [digest](Plan::digest) of the plan.
    pub plan: [u8; 32],
    /// The step it is at, from 0; the number of steps when it is done.
    pub step: usize,
    /// Rows that this step has removed.
    pub step_rows: u64,
    /// Rows that were removed, by table.
    pub removed: BTreeMap<Arc<str>, u64>,
}

/// A progress of another plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this progress is that of another plan; make a new plan and start it")]
pub struct ForeignProgress;

/// A batch that would be repeated for ever.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a batch on table `{table}` removed nothing and is not finished; the store reports it wrongly"
)]
pub struct Stuck {
    /// The table.
    pub table: Arc<str>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        DataClass, Group, HoldScope, Holds, Inventory, Layout, LegalHold, Owner, Partition,
        Registry, Table, TimeRange,
    };

    /// Two months of ten rows each that are long due.
    fn plan() -> Plan {
        let table = Table::new("requests", DataClass::RequestMeta, Layout::MonthColumn);
        let rules = Rules {
            registry: Registry::new([table], []).unwrap(),
            ..Rules::default()
        };
        let month = |name: &str| {
            let month: crate::Month = name.parse().unwrap();
            let group = Group {
                owner: Owner::organization("o"),
                rows: 10,
                oldest: month.start(),
                newest: month.start(),
            };
            Partition {
                month,
                groups: vec![group],
            }
        };
        let inventory = Inventory::new().with("requests", [month("2026-01"), month("2026-02")]);
        Plan::due(&rules, &inventory, "2026-11-22T12:00:00Z".parse().unwrap()).unwrap()
    }

    fn removed(rows: u64, finished: bool) -> Removed {
        Removed { rows, finished }
    }

    #[test]
    fn rows_remaining_go_down_to_nothing() {
        let plan = plan();
        let mut apply = Apply::start(&plan, Budget::default());
        assert_eq!(apply.rows_remaining(), 20);
        apply.record(removed(4, false)).unwrap();
        assert_eq!(apply.rows_remaining(), 16);
        apply.record(removed(5, true)).unwrap(); // one was deleted by somebody else
        assert_eq!(apply.rows_remaining(), 10);
        apply.record(removed(0, true)).unwrap();
        assert_eq!(apply.rows_remaining(), 0);
        assert_eq!(apply.next(Duration::ZERO, plan.rules()), Next::Done);
        assert_eq!(apply.progress().removed.get("requests"), Some(&9));
        apply.record(removed(7, false)).unwrap(); // nothing to record any more
        assert_eq!(apply.rows_remaining(), 0);
    }

    #[test]
    fn the_budget_bounds_rows_and_time() {
        let plan = plan();
        let budget = Budget {
            rows: NonZeroU32::new(3).unwrap(),
            time: Duration::from_secs(2),
        };
        let apply = Apply::start(&plan, budget);
        let Next::Batch(batch) = apply.next(Duration::from_millis(1999), plan.rules()) else {
            panic!("there is time");
        };
        assert_eq!(batch.limit.get(), 3);
        assert_eq!(apply.next(budget.time, plan.rules()), Next::OutOfTime);
        assert_eq!(
            (
                Budget::default().rows.get(),
                Budget::default().time.as_secs()
            ),
            (1000, 60)
        );
    }

    #[test]
    fn a_rule_that_changed_since_the_plan_stops_it() {
        let plan = plan();
        let apply = Apply::start(&plan, Budget::default());
        let mut in_force = plan.rules().clone();
        let hold = LegalHold::new("H", HoldScope::Instance, TimeRange::ALL, "r", "w").unwrap();
        in_force.holds = Holds::new([hold]).unwrap();
        assert_eq!(apply.next(Duration::ZERO, &in_force), Next::Stale);
    }

    #[test]
    fn the_progress_of_another_plan_is_refused() {
        let plan = plan();
        let mut progress = Apply::start(&plan, Budget::default()).progress().clone();
        assert!(Apply::resume(&plan, progress.clone(), Budget::default()).is_ok());
        progress.plan = [0; 32];
        let resumed = Apply::resume(&plan, progress, Budget::default());
        assert_eq!(resumed.unwrap_err(), ForeignProgress);
    }

    #[test]
    fn a_batch_that_would_be_repeated_for_ever_is_an_error() {
        let plan = plan();
        let mut apply = Apply::start(&plan, Budget::default());
        assert_eq!(
            apply.record(removed(0, false)),
            Err(Stuck {
                table: "requests".into()
            })
        );
    }
}
