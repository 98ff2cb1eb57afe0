//! `project ..`: what the project's keys may use up together.

use portcullis::Admin;

use crate::cli::ProjectCommand;
use crate::data::{self, Data};
use crate::{Failure, limits, show};

pub(crate) async fn run(data: &Data, command: ProjectCommand) -> Result<(), Failure> {
    data.administer(async |admin| act(&admin, command).await)
        .await
}

async fn act(admin: &Admin, command: ProjectCommand) -> Result<(), Failure> {
    if let ProjectCommand::Set(caps) = command {
        if caps.is_empty() {
            return Err(
                "nothing to change was named; `project set --help` lists what can be".into(),
            );
        }
        // Before anything is written: the caps that are to be removed have to be there.
        caps.apply(data::tenant(admin).await?.1.caps)?;
        limits::change_project(admin, &caps).await?;
    }
    let (_, project) = data::tenant(admin).await?;
    show::project(&project);
    Ok(())
}
