//! `credentials ..`: provider credentials.

use std::io::{IsTerminal, Read};

use chrono::{DateTime, Utc};
use portcullis::{Admin, Clock as _, CredentialView, OrgId, PutCredential, SystemClock};
use zeroize::Zeroizing;

use crate::cli::{CredentialArgs, CredentialsCommand, PutArgs};
use crate::data::{self, Data};
use crate::{Failure, show};

pub(crate) async fn run(data: &Data, command: CredentialsCommand) -> Result<(), Failure> {
    data.administer(async |admin| act(&admin, command).await)
        .await
}

async fn act(admin: &Admin, command: CredentialsCommand) -> Result<(), Failure> {
    let (org, _) = data::tenant(admin).await?;
    match command {
        CredentialsCommand::Put(args) => {
            let place = place(org.id, &args)?;
            let secret = read_secret()?;
            said(&admin.put_credential(place, secret.trim_ascii()).await?);
        }
        CredentialsCommand::Import(args) => {
            let place = place(org.id, &args)?;
            let plaintext = Zeroizing::new(read_secret()?.trim_ascii().to_vec());
            said(&admin.import_credential(place, plaintext).await?);
            show::done(
                "the place it came from still has it in plain: overwrite it there, and have the provider's key rotated",
            );
        }
        CredentialsCommand::List => show::credentials(&admin.credentials(org.id).await?, now()),
        CredentialsCommand::Disable(args) => {
            let found = find(admin, org.id, &args).await?;
            admin.disable_credential(org.id, found.id).await?;
            show::done(&format!(
                "{} for {} is disabled",
                found.name, found.provider
            ));
        }
        CredentialsCommand::Enable(args) => {
            let found = find(admin, org.id, &args).await?;
            admin.enable_credential(org.id, found.id).await?;
            show::done(&format!("{} for {} is enabled", found.name, found.provider));
        }
        CredentialsCommand::Expire { which, lifetime } => {
            let found = find(admin, org.id, &which).await?;
            let at = lifetime.expires_at(now(), None)?;
            admin.set_credential_expiry(org.id, found.id, at).await?;
            show::done(&match at {
                Some(at) => format!("{} for {} expires at {at}", found.name, found.provider),
                None => format!("{} for {} does not expire", found.name, found.provider),
            });
        }
        CredentialsCommand::Delete(args) => {
            let found = find(admin, org.id, &args).await?;
            admin.delete_credential(org.id, found.id).await?;
            show::done(&format!("{} for {} is deleted", found.name, found.provider));
        }
    }
    Ok(())
}

fn place(org: OrgId, args: &PutArgs) -> Result<PutCredential, Failure> {
    let which = &args.which;
    let mut place = PutCredential::new(org, which.provider.clone()).name(which.name.clone());
    if let Some(environment) = &which.environment {
        place = place.environment(environment.clone());
    }
    if let Some(at) = args.expires.expires_at(now(), None)? {
        place = place.expires_at(at);
    }
    Ok(match args.over {
        Some(generation) => place.over_generation(generation),
        None => place,
    })
}

fn said(saved: &CredentialView) {
    let CredentialView {
        name,
        provider,
        mask,
        generation,
        ..
    } = saved;
    show::done(&format!(
        "{name} for {provider} is sealed: {mask} (generation {generation})"
    ));
    if saved.disabled_at.is_some() {
        show::done("it is disabled, as the one before was: `credentials enable` switches it on");
    }
}

fn now() -> DateTime<Utc> {
    SystemClock::new().now().utc
}

/// The secret, from standard input: a command line is visible to others and stays in the shell's history.
fn read_secret() -> Result<Zeroizing<Vec<u8>>, Failure> {
    if std::io::stdin().is_terminal() {
        show::done("Paste the credential, then press Enter and Ctrl-D (it is shown as you type):");
    }
    let mut secret = Zeroizing::new(Vec::with_capacity(SECRET_LIMIT));
    let mut input = std::io::stdin().lock().take(SECRET_LIMIT as u64);
    let length = input.read_to_end(&mut secret)?;
    match length {
        0 => Err(
            "no credential on standard input; give it like this: credentials put openai < file"
                .into(),
        ),
        SECRET_LIMIT => {
            Err("what came on standard input is too long for a credential (16 KiB at most)".into())
        }
        _ => Ok(secret),
    }
}

async fn find(admin: &Admin, org: OrgId, args: &CredentialArgs) -> Result<CredentialView, Failure> {
    let same = |known: &CredentialView| {
        known.provider == args.provider
            && known.name == args.name
            && known.environment == args.environment
    };
    let found = admin.credentials(org).await?.into_iter().find(same);
    found.ok_or_else(|| {
        let (name, provider) = (&args.name, &args.provider);
        format!(
            "there is no credential {name} for {provider}; `credentials list` shows what there is"
        )
        .into()
    })
}

const SECRET_LIMIT: usize = 16 * 1024;
