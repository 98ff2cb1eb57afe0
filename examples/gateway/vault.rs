//! `vault ..`: the organization's key, and what stands under it.

use std::process::ExitCode;

use portcullis::{Admin, KeySource, OrganizationView, RotationPlan, Unreadable};

use crate::cli::vault::{RotateVaultArgs, Rotating, VaultCommand};
use crate::data::{self, Data};
use crate::show::vault as shown;
use crate::{Failure, doctor, show};

/// What a dry run exits with when there is something to do.
const WAITING: u8 = 3;

pub(crate) async fn run(data: &Data, command: VaultCommand) -> Result<ExitCode, Failure> {
    if matches!(command, VaultCommand::Doctor) {
        doctor::run(data).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut code = ExitCode::SUCCESS;
    let act = async |admin: Admin| {
        code = act(&admin, command).await?;
        Ok(())
    };
    data.administer(act).await?;
    Ok(code)
}

async fn act(admin: &Admin, command: VaultCommand) -> Result<ExitCode, Failure> {
    let (org, _) = data::tenant(admin).await?;
    match command {
        VaultCommand::Status | VaultCommand::Doctor => {
            shown::status(&admin.vault_of(org.id).await?, &admin.key_services());
        }
        VaultCommand::Rotate(args) if args.key == Rotating::Master => {
            return rotate_master(admin, &args).await;
        }
        VaultCommand::Rotate(args) => return rotate(admin, &org, args).await,
        VaultCommand::Rewrap { to, dry_run } => return rewrap(admin, &org, &to, dry_run).await,
        VaultCommand::Disable { version } => {
            admin.disable_key_version(org.id, version).await?;
            show::done(&format!(
                "key version {version} is disabled: what stands under it does not open"
            ));
        }
        VaultCommand::Enable { version } => {
            admin.enable_key_version(org.id, version).await?;
            show::done(&format!("key version {version} opens again"));
        }
        VaultCommand::Destroy { version } => {
            admin.destroy_key_version(org.id, version).await?;
            show::done(&format!("key version {version} is destroyed"));
        }
        VaultCommand::RetireMaster { version } => {
            admin.retire_master_key(version).await?;
            show::done(&format!(
                "nothing stands under master key version {version}: its line can leave the master-key file"
            ));
        }
        VaultCommand::Shred { confirm } => shred(admin, &org, &confirm).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn rotate(
    admin: &Admin,
    org: &OrganizationView,
    args: RotateVaultArgs,
) -> Result<ExitCode, Failure> {
    if args.dry_run {
        let view = admin.vault_of(org.id).await?;
        let plan = view
            .plan
            .ok_or("the organization was shredded: nothing is left to rotate")?;
        show::done(&plan.to_string());
        if plan.is_complete() {
            let records = plan.current;
            show::done(&format!(
                "a rotation would make a new version and seal {records} credentials again"
            ));
        }
        return Ok(dry(&plan));
    }
    let from = args.to.map_or(KeySource::Derived, KeySource::Service);
    let rotated = admin
        .rotate_organization_key(org.id, &from, args.batch, shown::progress)
        .await?;
    let begun = if rotated.is_resumed {
        "an earlier rotation is finished"
    } else {
        "the key is rotated"
    };
    show::done(&format!(
        "{begun}: version {} is active, {} credentials were sealed again, retired versions: {:?}",
        rotated.active, rotated.resealed, rotated.retired
    ));
    complete(&rotated.unreadable)
}

async fn rotate_master(admin: &Admin, args: &RotateVaultArgs) -> Result<ExitCode, Failure> {
    if args.to.is_some() {
        return Err("--to is for the organization's key; the master key stands in its file".into());
    }
    if args.dry_run {
        let plan = admin.plan_master_rotation().await?;
        show::done(&plan.keys.to_string());
        show::done(&format!(
            "{} credentials would be sealed again",
            plan.credentials
        ));
        return Ok(dry(&plan.keys));
    }
    let unreadable = admin
        .rotate_master_key(args.batch, |plan| shown::progress(&plan.keys))
        .await?;
    let plan = admin.plan_master_rotation().await?;
    show::done(&plan.keys.to_string());
    complete(&unreadable)
}

async fn rewrap(
    admin: &Admin,
    org: &OrganizationView,
    to: &str,
    dry_run: bool,
) -> Result<ExitCode, Failure> {
    let plan = admin.plan_rewrap(Some(org.id), to).await?;
    if dry_run {
        show::done(&plan.to_string());
        return Ok(dry(&plan));
    }
    if plan.current + plan.waiting.total() == 0 {
        return Err("the organization's key is derived from the master key, so there is nothing to wrap again: \
                    `vault rotate --to REFERENCE` gives it a wrapped one"
            .into());
    }
    let done = admin
        .rewrap_organization_keys(Some(org.id), to, |_| {})
        .await?;
    show::done(&format!(
        "{done} key versions are wrapped by {to} now; credentials stay as they are"
    ));
    Ok(ExitCode::SUCCESS)
}

async fn shred(admin: &Admin, org: &OrganizationView, confirm: &str) -> Result<(), Failure> {
    if org.name != confirm {
        return Err(format!(
            "shredding destroys every credential of an organization for good; name it to confirm: --confirm '{}'",
            org.name
        )
        .into());
    }
    let shredded = admin.shred_organization(org.id).await?;
    show::done("the organization's key is destroyed, and none of its credentials opens again");
    show::done(
        "whoever holds the master key and a backup of this database can still derive a derived key; behind a key service, delete its \
         key or its grant as well",
    );
    if shredded.is_scrubbed {
        return Ok(());
    }
    Err("another process still reads an older state, so the wrapped forms may be left in the database's write-ahead log: repeat the \
         command when that process has ended"
        .into())
}

fn dry(plan: &RotationPlan) -> ExitCode {
    match plan.is_complete() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(WAITING),
    }
}

/// Names what could not be sealed again.
fn complete(unreadable: &[Unreadable]) -> Result<ExitCode, Failure> {
    for one in unreadable {
        show::done(&format!("credential {} does not open: {}", one.id, one.why));
    }
    match unreadable.len() {
        0 => Ok(ExitCode::SUCCESS),
        count => Err(format!(
            "{count} credentials do not open and were left as they are, with the key version that they need: save them again, or delete \
             them, and repeat the command"
        )
        .into()),
    }
}
