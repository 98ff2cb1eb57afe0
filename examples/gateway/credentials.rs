//! `credentials ..`: provider credentials.

use std::io::{IsTerminal, Read};
use std::path::Path;

use portcullis::{Admin, CredentialView, OrgId, PutCredential};
use zeroize::Zeroizing;

use crate::cli::{CredentialArgs, CredentialsCommand};
use crate::data::{self, Data};
use crate::{Failure, show};

pub(crate) async fn run(folder: &Path, command: CredentialsCommand) -> Result<(), Failure> {
    let data = Data::at(folder);
    data.administer(async |admin| act(&admin, command).await)
        .await
}

async fn act(admin: &Admin, command: CredentialsCommand) -> Result<(), Failure> {
    let (org, _) = data::tenant(admin).await?;
    match command {
        CredentialsCommand::Put(CredentialArgs {
            provider,
            name,
            environment,
        }) => {
            let mut place = PutCredential::new(org.id, provider).name(name);
            if let Some(environment) = environment {
                place = place.environment(environment);
            }
            let secret = read_secret()?;
            let saved = admin.put_credential(place, secret.trim_ascii()).await?;
            show::done(&format!(
                "{} for {} is sealed: {}",
                saved.name, saved.provider, saved.mask
            ));
        }
        CredentialsCommand::List => show::credentials(&admin.credentials(org.id).await?),
        CredentialsCommand::Delete(args) => {
            let found = find(admin, org.id, &args).await?;
            admin.delete_credential(org.id, found.id).await?;
            show::done(&format!("{} for {} is deleted", found.name, found.provider));
        }
    }
    Ok(())
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
