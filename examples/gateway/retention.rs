//! `retention ..`, `hold ..` and `purge ..`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use portcullis::retention_policy::{
    Budget, DataClass, Policies, PurgeReceipt, Settings, TimeRange,
};
use portcullis::{Admin, NewHold};

use crate::cli::{HoldCommand, PurgeCommand, RetentionCommand};
use crate::data::{self, Data};
use crate::{Failure, cli, show};

pub(crate) async fn run(data: &Data, command: RetentionCommand) -> Result<(), Failure> {
    data.administer(async |admin| act(&admin, command).await)
        .await
}

async fn act(admin: &Admin, command: RetentionCommand) -> Result<(), Failure> {
    match command {
        RetentionCommand::Show => shown(admin).await,
        RetentionCommand::Set {
            project,
            instance,
            limits,
        } => {
            let (org, own) = data::tenant(admin).await?;
            let org = (!instance).then_some(org.id);
            let project = project.then_some(own.id);
            let before = admin.retention_settings(org, project).await?;
            admin
                .set_retention(org, project, changed(before, &limits)?)
                .await?;
            shown(admin).await
        }
        RetentionCommand::Load { file } => {
            admin.load_retention(&read(&file)?).await?;
            shown(admin).await
        }
        RetentionCommand::Plan => {
            show::usage::plan(&admin.plan_retention().await?);
            Ok(())
        }
        RetentionCommand::Apply { batch, seconds } => {
            let budget = Budget {
                rows: batch,
                time: Duration::from_secs(seconds),
            };
            show::usage::applied(&admin.apply_retention(budget).await?);
            Ok(())
        }
    }
}

pub(crate) async fn hold(data: &Data, command: HoldCommand) -> Result<(), Failure> {
    let act = async |admin: Admin| {
        match command {
            HoldCommand::Place {
                reason,
                project,
                key,
                from,
                until,
            } => {
                let (org, own) = data::tenant(&admin).await?;
                let hold = NewHold {
                    org: Some(org.id),
                    project: project.then_some(own.id),
                    key,
                    range: TimeRange::new(from, until)?,
                    reason,
                };
                let id = admin.place_hold(hold).await?;
                show::usage::placed(id);
            }
            HoldCommand::Lift { id } => {
                admin.lift_hold(id).await?;
                show::done("The hold is lifted: its data go by their limits again.");
            }
            HoldCommand::List => show::usage::holds(&admin.holds().await?),
        }
        Ok(())
    };
    data.administer(act).await
}

pub(crate) async fn purge(data: &Data, command: PurgeCommand) -> Result<(), Failure> {
    let PurgeCommand::Project { dry_run, extent } = command;
    let act = async |admin: Admin| {
        let (org, project) = data::tenant(&admin).await?;
        if dry_run {
            let plan = admin.plan_purge(org.id, project.id, extent.into()).await?;
            show::usage::plan(&plan);
            return Ok(());
        }
        let receipt: PurgeReceipt = admin
            .purge_project(org.id, project.id, extent.into())
            .await?;
        show::usage::receipt(&receipt);
        Ok(())
    };
    data.administer(act).await
}

/// Reads a policy file; whoever serves does not start with one that is wrong.
pub(crate) fn read(file: &Path) -> Result<Policies, Failure> {
    let text = fs::read_to_string(file).map_err(|why| {
        format!(
            "cannot read the retention policy {}: {why}. Name another file",
            file.display()
        )
    })?;
    Ok(Policies::parse(&text).map_err(|why| format!("{}: {why}", file.display()))?)
}

async fn shown(admin: &Admin) -> Result<(), Failure> {
    let (org, project) = data::tenant(admin).await?;
    let of_org = admin.retention_policy(Some(org.id), None).await?;
    let of_project = admin
        .retention_policy(Some(org.id), Some(project.id))
        .await?;
    show::usage::policies(&of_org, &of_project);
    Ok(())
}

/// What was written before, with what is changed.
fn changed(
    before: Settings,
    limits: &[(cli::retention::Limited, Option<String>)],
) -> Result<Settings, Failure> {
    let written = |limited| limits.iter().rev().find(|(name, _)| *name == limited);
    let mut after = Settings::none();
    for class in DataClass::ALL {
        let days = match written(cli::retention::Limited::Class(class)) {
            Some((_, Some(text))) => Some(text.parse()?),
            Some((_, None)) => None,
            None => before.days(class),
        };
        if let Some(days) = days {
            after = after.with(class, days);
        }
    }
    let rate = match written(cli::retention::Limited::Sampling) {
        Some((_, Some(text))) => Some(text.parse()?),
        Some((_, None)) => None,
        None => before.sampling(),
    };
    Ok(match rate {
        Some(rate) => after.with_sampling(rate),
        None => after,
    })
}
