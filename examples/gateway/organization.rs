//! `organization ..`: from where the organization's keys may be used.

use std::path::Path;

use portcullis::Admin;

use crate::cli::OrganizationCommand;
use crate::data::{self, Data};
use crate::{Failure, addresses, show};

pub(crate) async fn run(folder: &Path, command: OrganizationCommand) -> Result<(), Failure> {
    let data = Data::at(folder);
    data.administer(async |admin| act(&admin, command).await)
        .await
}

async fn act(admin: &Admin, command: OrganizationCommand) -> Result<(), Failure> {
    let (org, _) = data::tenant(admin).await?;
    if let OrganizationCommand::Set { allow_ips, any_ip } = command {
        let allow_ips = (!any_ip).then_some(allow_ips);
        addresses::warn(&allow_ips)?;
        admin.set_organization_allowlist(org.id, allow_ips).await?;
    }
    let (org, _) = data::tenant(admin).await?;
    show::organization(&org);
    Ok(())
}
