//! `organization ..`: from where the organization's keys may be used, and what they may use up together.

use portcullis::Admin;

use crate::cli::{OrganizationArgs, OrganizationCommand};
use crate::data::{self, Data};
use crate::{Failure, addresses, limits, show};

pub(crate) async fn run(data: &Data, command: OrganizationCommand) -> Result<(), Failure> {
    data.administer(async |admin| act(&admin, command).await)
        .await
}

async fn act(admin: &Admin, command: OrganizationCommand) -> Result<(), Failure> {
    if let OrganizationCommand::Set(args) = command {
        set(admin, args).await?;
    }
    let (org, _) = data::tenant(admin).await?;
    show::organization(&org);
    Ok(())
}

/// Changes what was named and keeps the rest.
async fn set(admin: &Admin, args: OrganizationArgs) -> Result<(), Failure> {
    let OrganizationArgs {
        allow_ips,
        any_ip,
        caps,
    } = args;
    let (org, _) = data::tenant(admin).await?;
    let names_addresses = any_ip || !allow_ips.is_empty();
    if !names_addresses && caps.is_empty() {
        return Err(
            "nothing to change was named; `organization set --help` lists what can be".into(),
        );
    }
    // Before anything is changed: the caps that are to be removed have to be there.
    caps.apply(org.caps)?;
    if names_addresses {
        let allow_ips = (!any_ip).then_some(allow_ips);
        addresses::warn(&allow_ips)?;
        admin.set_organization_allowlist(org.id, allow_ips).await?;
    }
    if !caps.is_empty() {
        limits::change_organization(admin, &caps).await?;
    }
    Ok(())
}
