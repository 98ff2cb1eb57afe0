//! `keys ..`: virtual keys.

use std::path::Path;

use portcullis::{Admin, KeyRules, NewKey, Rotation};

use crate::cli::{KeysCommand, MintArgs, RotateArgs};
use crate::data::{self, Data};
use crate::{Failure, show};

pub(crate) async fn run(folder: &Path, command: KeysCommand) -> Result<(), Failure> {
    let data = Data::at(folder);
    data.administer(async |admin| act(&admin, command).await)
        .await
}

async fn act(admin: &Admin, command: KeysCommand) -> Result<(), Failure> {
    match command {
        KeysCommand::Mint(args) => {
            let (org, project) = data::tenant(admin).await?;
            let MintArgs {
                name,
                prefix,
                lifetime,
                providers,
                models,
                deny_models,
            } = args;
            let rules = KeyRules {
                providers: some_if_any(providers),
                allow_models: some_if_any(models),
                deny_models,
            };
            let new = NewKey::new(org.id, project.id, name, prefix, lifetime).rules(rules);
            show::minted(admin.mint(new).await?);
        }
        KeysCommand::List => {
            let (org, _) = data::tenant(admin).await?;
            show::keys(&admin.keys(org.id).await?);
        }
        KeysCommand::Show(key) => show::key(&admin.describe(key.id()?).await?),
        KeysCommand::Rotate(RotateArgs {
            key,
            grace,
            lifetime,
        }) => {
            let rotation = Rotation::with_grace(grace);
            let rotation = lifetime.map_or(rotation, |lifetime| rotation.lifetime(lifetime));
            show::minted(admin.rotate(key.id()?, rotation).await?);
        }
        KeysCommand::Revoke { key, secret } => {
            let id = key.id()?;
            let what = match secret {
                None => {
                    admin.revoke(id).await?;
                    format!("key {id}")
                }
                Some(version) => {
                    admin.revoke_secret(id, version).await?;
                    format!("secret {version} of key {id}")
                }
            };
            show::done(&format!("{what} is revoked: no request passes any more"));
        }
        KeysCommand::Disable(key) => {
            let id = key.id()?;
            admin.disable(id).await?;
            show::done(&format!("key {id} is off until `keys enable {id}`"));
        }
        KeysCommand::Enable(key) => {
            let id = key.id()?;
            admin.enable(id).await?;
            show::done(&format!("key {id} is on"));
        }
    }
    Ok(())
}

/// On a command line, "not given" is how unrestricted is said.
fn some_if_any(list: Vec<String>) -> Option<Vec<String>> {
    (!list.is_empty()).then_some(list)
}
