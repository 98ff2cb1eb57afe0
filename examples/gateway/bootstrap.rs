//! What the first start makes: an organization, a project, a key. Each step can be repeated, so that a start that was
//! interrupted is completed by the next one.

use portcullis::{
    Admin, CredentialName, Lifetime, Minted, NewKey, OrganizationView, ProjectView, ProviderName,
    PutCredential,
};

use crate::data::BUILTIN;
use crate::{Failure, cli};

/// What there is to work with after a start.
pub(crate) struct Tenant {
    pub(crate) org: OrganizationView,
    /// The first key, if this start made it.
    pub(crate) first_key: Option<Minted>,
}

/// Makes what is missing.
pub(crate) async fn tenant(admin: &Admin) -> Result<Tenant, Failure> {
    let org = match admin.organizations().await?.into_iter().next() {
        Some(org) => org,
        None => admin.create_organization("default").await?,
    };
    let project = match admin.projects(org.id).await?.into_iter().next() {
        Some(project) => project,
        None => admin.create_project(org.id, "default").await?,
    };
    let first_key = match admin.keys(org.id).await?.is_empty() {
        true => Some(first_key(admin, &org, &project).await?),
        false => None,
    };
    Ok(Tenant { org, first_key })
}

/// Seals a fresh credential for the built-in provider. It is made anew with every start, so that the provider, which
/// runs in this process, need not keep it anywhere.
pub(crate) async fn builtin_credential(
    admin: &Admin,
    org: &OrganizationView,
    secret: &[u8],
) -> Result<(), Failure> {
    let provider: ProviderName = BUILTIN.parse()?;
    let place = PutCredential::new(org.id, provider).name(CredentialName::default());
    admin.put_credential(place, secret).await?;
    Ok(())
}

async fn first_key(
    admin: &Admin,
    org: &OrganizationView,
    project: &ProjectView,
) -> Result<Minted, Failure> {
    let prefix = cli::prefix("live")?;
    Ok(admin
        .mint(NewKey::new(
            org.id,
            project.id,
            "first key",
            prefix,
            Lifetime::Days30,
        ))
        .await?)
}
