//! Removing a project, with a receipt.

use std::time::Duration;

use portcullis_audit::{ObjectId, Target};
use portcullis_retention::{Budget, Plan, Progress, Purge, PurgeExtent, PurgeReceipt};
use portcullis_store::{LogId, NotSealed, OrgId, ProjectId};

use super::apply::Ended;
use super::logs::Reach;
use super::rules::to_the_microsecond;
use crate::admin::{Admin, AdminError};

impl Admin {
    /// What a purge of a project would remove, and what a hold keeps. It removes nothing.
    ///
    /// # Errors
    /// [`AdminError::NoProject`], or as [`plan_retention`](Self::plan_retention).
    pub async fn plan_purge(
        &self,
        org: OrgId,
        project: ProjectId,
        extent: PurgeExtent,
    ) -> Result<Plan, AdminError> {
        let found = self.stores().project(org, project).await?;
        found.ok_or(AdminError::NoProject)?;
        let keeping = self.keeping().await?;
        let now = to_the_microsecond(self.now());
        let purge = Purge {
            organization: org.to_string().into(),
            project: project.to_string().into(),
            extent,
        };
        let inventory = self.inventory(Reach::All(org)).await?;
        Ok(Plan::purge(&keeping.rules, &inventory, purge, now)?)
    }

    /// Removes a project's bodies and openings, and its metadata too if `extent` says so, at once. Rollups and the audit log
    /// go by their limits; what a legal hold is on stays, and the receipt names it.
    ///
    /// The order is in the organization's audit log before anything is removed, and the receipt names its sequence. A purge
    /// that was interrupted is finished by ordering it again: the receipt then counts what both have removed.
    ///
    /// # Errors
    /// As [`plan_purge`](Self::plan_purge). What was removed until then stays removed, and is counted.
    pub async fn purge_project(
        &self,
        org: OrgId,
        project: ProjectId,
        extent: PurgeExtent,
    ) -> Result<PurgeReceipt, AdminError> {
        let run = format!("purge {org} {project} {}", extent.as_str());
        let target = Target::Project(ObjectId::from_bytes(*project.as_bytes()));
        let class = match extent {
            PurgeExtent::Content => "content",
            PurgeExtent::ContentAndMetadata => "content_and_metadata",
        };
        let log = LogId::Organization(org);
        let plan = self.plan_purge(org, project, extent).await?;
        let ordered = self.purged("project_purge", class, plan.rows_at_most(), target)?;
        let sequence = self
            .stores()
            .record(self.sealer(), log, self.clock(), vec![ordered])
            .await?;
        // The last record of what was appended; without a head nothing was.
        let size = sequence
            .ok_or_else(|| NotSealed("the order of the purge".to_owned()))?
            .size();
        let sequence = size.saturating_sub(1);
        let started = self.clock().now();
        for _ in 0..TRIES {
            // The record of the order has openings of its own, which are not the project's to keep.
            let plan = self.plan_purge(org, project, extent).await?;
            let rows = self.stores().retention().await?;
            if super::rules::holds(&rows.holds)? != plan.rules().holds {
                continue;
            }
            let ended = self
                .carry_out(&plan, &rows, &run, UNTIL_DONE, started)
                .await?;
            let Ended::InTime(progress, 0) = ended else {
                continue;
            };
            let counted = self.stores().removed(run.clone()).await?;
            let mut progress = Progress { ..progress };
            for (table, rows) in counted {
                progress.removed.insert(table.into(), rows);
            }
            let removed = progress.removed.values().sum();
            let receipt = PurgeReceipt::new(
                &plan,
                &progress,
                sequence,
                &self.actor().to_string(),
                to_the_microsecond(self.now()),
            )?;
            let done = self.purged("project_purged", class, removed, target)?;
            self.stores()
                .record(self.sealer(), log, self.clock(), vec![done])
                .await?;
            self.stores().forget_run(run).await?;
            return Ok(receipt);
        }
        Err(AdminError::Conflict {
            what: "the rules of retention".to_owned(),
        })
    }
}

/// A purge runs to its end, in batches.
const UNTIL_DONE: Budget = Budget {
    rows: std::num::NonZeroU32::MIN.saturating_add(999),
    time: Duration::MAX,
};
/// How often a plan is made anew because the rules or the rows have changed under it.
const TRIES: u32 = 5;
