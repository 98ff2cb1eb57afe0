//! `limits ..`, and the changes of caps and rates that other commands make.

use portcullis::{Admin, CapRule, KeyId, KeyLimits};

use crate::cli::{ChangedCaps, ChangedLimits, LimitsCommand};
use crate::data::{self, Data};
use crate::{Failure, show};

pub(crate) async fn run(data: &Data, command: LimitsCommand) -> Result<(), Failure> {
    data.administer(async |admin| act(&admin, command).await)
        .await
}

async fn act(admin: &Admin, command: LimitsCommand) -> Result<(), Failure> {
    match command {
        LimitsCommand::Show => {
            let (org, _) = data::tenant(admin).await?;
            show::limits::all(&admin.spending(org.id).await?, &admin.keys(org.id).await?);
        }
    }
    Ok(())
}

/// Changes a key's limits as the command line says.
pub(crate) async fn change_key(
    admin: &Admin,
    id: KeyId,
    change: &ChangedLimits,
) -> Result<(), Failure> {
    let mut told = Ok(());
    let change = unless_it_fails(&mut told, |old: KeyLimits| {
        let new = change.apply(old.clone())?;
        warn_of_moved(&old.caps, &new.caps);
        Ok(new)
    });
    admin.change_limits(id, change).await?;
    told
}

/// Changes the organization's caps as the command line says.
pub(crate) async fn change_organization(
    admin: &Admin,
    change: &ChangedCaps,
) -> Result<(), Failure> {
    let (org, _) = data::tenant(admin).await?;
    let mut told = Ok(());
    let change = unless_it_fails(&mut told, |old| changed(change, old));
    admin.change_organization_caps(org.id, change).await?;
    told
}

/// Changes the project's caps as the command line says.
pub(crate) async fn change_project(admin: &Admin, change: &ChangedCaps) -> Result<(), Failure> {
    let (org, project) = data::tenant(admin).await?;
    let mut told = Ok(());
    let change = unless_it_fails(&mut told, |old| changed(change, old));
    admin
        .change_project_caps(org.id, project.id, change)
        .await?;
    told
}

fn changed(change: &ChangedCaps, old: Vec<CapRule>) -> Result<Vec<CapRule>, Failure> {
    let new = change.apply(old.clone())?;
    warn_of_moved(&old, &new);
    Ok(new)
}

/// Makes a change that keeps the old value when `change` fails, and tells why.
fn unless_it_fails<T: Clone>(
    told: &mut Result<(), Failure>,
    change: impl FnOnce(T) -> Result<T, Failure>,
) -> impl FnOnce(T) -> T {
    |old| {
        let kept = old.clone();
        change(old).unwrap_or_else(|why| {
            *told = Err(why);
            kept
        })
    }
}

/// Says which counters start anew because their cap went to another time zone.
fn warn_of_moved(old: &[CapRule], new: &[CapRule]) {
    for was in old {
        let moved = new.iter().find(|is| {
            let same = is.limit.unit() == was.limit.unit() && is.window.name() == was.window.name();
            same && !old.iter().any(|other| other.is_same_counter(is))
        });
        if let Some(is) = moved {
            show::warning(&format!(
                "{is} counts from zero: what {was} has counted does not count in another time zone"
            ));
        }
    }
}
