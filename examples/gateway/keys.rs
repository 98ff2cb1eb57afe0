//! `keys ..`: virtual keys.

use portcullis::{Admin, KeyRules, NewKey, Rotation};

use crate::cli::{KeysCommand, MintArgs, RotateArgs, SetArgs};
use crate::data::{self, Data};
use crate::{Failure, addresses, limits, show};

pub(crate) async fn run(data: &Data, command: KeysCommand) -> Result<(), Failure> {
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
                allow_ips,
                limits,
            } = args;
            let limits = limits.limits()?;
            let rules = KeyRules {
                providers: some_if_any(providers),
                allow_models: some_if_any(models),
                deny_models,
                allow_ips: some_if_any(allow_ips),
            };
            addresses::warn(&rules.allow_ips)?;
            let new = NewKey::new(org.id, project.id, name, prefix, lifetime)
                .rules(rules)
                .limits(limits);
            show::minted(admin.mint(new).await?);
        }
        KeysCommand::List => {
            let (org, _) = data::tenant(admin).await?;
            show::keys(&admin.keys(org.id).await?);
        }
        KeysCommand::Show(key) => show::key(&admin.describe(key.id()?).await?),
        KeysCommand::Set(args) => set(admin, args).await?,
        KeysCommand::TryIp { key, addresses } => {
            let key = admin.describe(key.id()?).await?;
            let organizations = admin.organizations().await?;
            let org = organizations.iter().find(|org| org.id == key.org);
            addresses::try_list("the key", &key.rules.allow_ips, &addresses)?;
            addresses::try_list(
                "the organization",
                org.map_or(&None, |org| &org.allow_ips),
                &addresses,
            )?;
        }
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

/// Changes what was named and keeps the rest.
async fn set(admin: &Admin, args: SetArgs) -> Result<(), Failure> {
    let id = args.key.id()?;
    addresses::warn(&some_if_any(args.allow_ips.clone()))?;
    if !args.limits.is_empty() {
        // Before anything is changed: the caps that are to be removed have to be there.
        args.limits.apply(admin.describe(id).await?.limits)?;
    }
    if args.limits.is_empty() || args.names_a_rule() {
        let change = |old: KeyRules| KeyRules {
            providers: changed(args.providers, args.any_provider, old.providers),
            allow_models: changed(args.models, args.any_model, old.allow_models),
            deny_models: changed(args.deny_models, args.no_deny_model, Some(old.deny_models))
                .unwrap_or_default(),
            allow_ips: changed(args.allow_ips, args.any_ip, old.allow_ips),
        };
        admin.change_rules(id, change).await?;
    }
    if !args.limits.is_empty() {
        limits::change_key(admin, id, &args.limits).await?;
    }
    show::key(&admin.describe(id).await?);
    Ok(())
}

/// A new list if there is one, none if that was said, and else the old one.
fn changed(new: Vec<String>, unrestricted: bool, old: Option<Vec<String>>) -> Option<Vec<String>> {
    if unrestricted {
        None
    } else {
        some_if_any(new).or(old)
    }
}

/// On a command line, "not given" is how unrestricted is said.
fn some_if_any(list: Vec<String>) -> Option<Vec<String>> {
    (!list.is_empty()).then_some(list)
}
