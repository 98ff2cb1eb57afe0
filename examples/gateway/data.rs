//! The data folder: one SQLite file and one master-key file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gateway_bodies::Keeper;
use gateway_key_services::KeyServices;
use portcullis::{
    Actor, Admin, AuditPolicy, Gate, GateBuilder, KeyWrapper, MasterKeyFile, MasterKeys,
    OrganizationView, ProjectView, ProviderName, SqliteStore,
};

use crate::Failure;

/// Where things are in a data folder, and which key services its organizations' keys may need.
pub(crate) struct Data {
    folder: PathBuf,
    key_services: KeyServices,
}

impl Data {
    pub(crate) fn at(folder: PathBuf, key_services: KeyServices) -> Self {
        Self {
            folder,
            key_services,
        }
    }

    /// The key services that the command line names.
    pub(crate) async fn key_services(&self) -> Result<Vec<Arc<dyn KeyWrapper>>, Failure> {
        self.key_services.open().await
    }

    /// A command on this folder, to be pasted into a shell.
    pub(crate) fn command(&self, command: &str) -> String {
        let folder = self.folder.display();
        match self.folder == Path::new(DEFAULT_FOLDER) {
            true => format!("{PROGRAM} {command}"),
            false => format!("{PROGRAM} --data '{folder}' {command}"),
        }
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.join("portcullis.db")
    }

    pub(crate) fn master_key(&self) -> PathBuf {
        self.folder.join("master.key")
    }

    /// The register of breaches.
    pub(crate) fn breaches(&self) -> PathBuf {
        self.folder.join("breaches.jsonl")
    }

    /// Whether there is a database, or a part of what it needs.
    pub(crate) fn is_there(&self) -> bool {
        self.database().exists() || self.master_key().exists()
    }

    /// Makes the folder, for its owner only, if it does not exist.
    pub(crate) fn create_folder(&self) -> Result<(), Failure> {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(&self.folder) {
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists && self.folder.is_dir() => {
                Ok(())
            }
            Err(why) => Err(format!(
                "cannot make the data folder {}: {why}. Choose another one with --data",
                self.folder.display()
            )
            .into()),
            Ok(()) => Ok(()),
        }
    }

    /// Reads the master key, or makes it on the first start; `true` when it was made.
    pub(crate) fn read_or_create_master_key(&self) -> Result<(MasterKeys, bool), Failure> {
        Ok(MasterKeyFile::read_or_create(
            self.master_key(),
            self.database(),
        )?)
    }

    /// Works with the admin actions on data that exist, beside a gateway that may be serving. Makes nothing, and closes
    /// the database whatever came of the work.
    pub(crate) async fn administer(
        &self,
        work: impl AsyncFnOnce(Admin) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.administer_under(self.audit_policy(), work).await
    }

    /// The same, with audit logs that are kept otherwise.
    pub(crate) async fn administer_under(
        &self,
        audit: AuditPolicy,
        work: impl AsyncFnOnce(Admin) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if !self.is_there() {
            return Err(format!(
                "there is no gateway data in {}. Start the gateway once to make it, or name the folder with --data",
                self.folder.display()
            )
            .into());
        }
        let key_services = self.key_services().await?;
        let master = MasterKeyFile::read(self.master_key())?;
        let store = SqliteStore::open_existing(self.database())?;
        let keeper = Keeper::open(&self.database())?;
        let admin = Self::configure(store.clone(), master, key_services, audit)?;
        let admin = keeper.configure(admin).open_admin(operator()?);
        let done = match admin.await {
            Ok(admin) => work(admin).await,
            Err(why) => Err(why.into()),
        };
        keeper.close();
        store.close().await;
        done
    }

    /// Heads of the audit logs are kept beside the database, which finds a file that was put back by mistake. What finds somebody
    /// who was at both is kept elsewhere: an anchor.
    pub(crate) fn audit_policy(&self) -> AuditPolicy {
        AuditPolicy::default().heads(self.folder.join("heads"))
    }

    /// What serving and the commands beside it have in common: they must agree.
    pub(crate) fn configure(
        store: SqliteStore,
        master: MasterKeys,
        key_services: Vec<Arc<dyn KeyWrapper>>,
        audit: AuditPolicy,
    ) -> Result<GateBuilder, Failure> {
        let providers: Result<Vec<ProviderName>, _> =
            PROVIDERS.iter().map(|name| name.parse()).collect();
        let builder = Gate::builder(store, master);
        let builder = key_services
            .into_iter()
            .fold(builder, GateBuilder::key_service);
        Ok(builder
            .providers(providers?)
            .audit(audit)
            .credential_hint(format!(
                "Add it on the gateway's machine: {PROGRAM} credentials put {{provider}} < key.txt"
            )))
    }
}

/// The organization and project that this gateway works with: the first ones.
pub(crate) async fn tenant(admin: &Admin) -> Result<(OrganizationView, ProjectView), Failure> {
    let none =
        "the data folder has no organization or project yet; start the gateway once to make them";
    let org = admin
        .organizations()
        .await?
        .into_iter()
        .next()
        .ok_or(none)?;
    let project = admin
        .projects(org.id)
        .await?
        .into_iter()
        .next()
        .ok_or(none)?;
    Ok((org, project))
}

/// Who acts: the login name of whoever runs the command.
#[expect(
    clippy::disallowed_methods,
    reason = "a program may read its environment; libraries take values"
)]
pub(crate) fn operator() -> Result<Actor, Failure> {
    let name = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    Ok(Actor::operator(name.as_deref().unwrap_or("unknown"))?)
}

/// Where the data are, unless `--data` says otherwise.
pub(crate) const DEFAULT_FOLDER: &str = "portcullis-data";
/// How this program is run: its source is an example of one package and the binary of others.
const PROGRAM: &str = match env!("CARGO_PKG_NAME").as_bytes() {
    b"portcullis-examples" => "cargo run --example gateway --",
    _ => concat!("cargo run -p ", env!("CARGO_PKG_NAME"), " --"),
};
/// The built-in provider's name.
pub(crate) const BUILTIN: &str = "builtin";
/// The name of the provider behind `--upstream`.
pub(crate) const OPENAI: &str = "openai";
/// All providers that this gateway can forward to.
const PROVIDERS: [&str; 2] = [BUILTIN, OPENAI];
