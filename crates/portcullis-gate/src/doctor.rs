//! Is everything there that this instance needs? Each trouble told apart, with its cure.

mod vault;

use std::fmt;
use std::sync::Arc;

use portcullis_audit::{Head, Origin, VerifierKey};
use portcullis_envelope::{KeyWrapper, MasterKeys};
use portcullis_store::{StoreError, StoreErrorKind, Tenants, UnixMicros};

use crate::builder::OpenError;
use crate::convert;
use crate::instance::{self, DigestPolicy};
use crate::master_key_file::MasterKeyFileError;
use crate::pages::Pages;
use crate::retention::{Companion, registry, unregistered};
use crate::stores::Stores;
use crate::vault::policy::KeyServicePolicy;

/// What the doctor found.
#[derive(Clone, Debug)]
#[must_use]
pub struct Diagnosis {
    findings: Vec<Finding>,
}

/// One finding: what was looked at, and a sentence.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Finding {
    /// The stable code.
    pub code: &'static str,
    /// Whether it is in order.
    pub healthy: bool,
    /// What was found, and what to do about it.
    pub message: String,
}

impl Diagnosis {
    /// Looks at a store and its master keys, as far as both could be had. Reads only; opens every stored
    /// record once to see that it opens, and forgets what it read.
    pub async fn examine(
        store: Result<Stores, StoreError>,
        master: Result<MasterKeys, MasterKeyFileError>,
        digests: DigestPolicy,
        now: UnixMicros,
    ) -> Self {
        Self::examine_with(store, master, Vec::new(), digests, now).await
    }

    /// Looks also at what these key services wrapped: each is asked once for each key version.
    pub async fn examine_with(
        store: Result<Stores, StoreError>,
        master: Result<MasterKeys, MasterKeyFileError>,
        key_services: Vec<Arc<dyn KeyWrapper>>,
        digests: DigestPolicy,
        now: UnixMicros,
    ) -> Self {
        let mut diagnosis = Self {
            findings: Vec::new(),
        };
        let store = diagnosis.store(store);
        let master = diagnosis.master_file(master);
        if let (Some(store), Some(master)) = (store, master)
            && let Err(trouble) = diagnosis
                .contents(&store, master, key_services, digests, now)
                .await
        {
            diagnosis.store_trouble(&trouble);
        }
        diagnosis
    }

    /// Looks at the tables of a store as well: each has to have a limit, or a reason to have none, in this program. `companions` are
    /// those of the gate. A table that another build has made and this one does not know, such as that of sampled
    /// bodies, is one that nobody prunes.
    pub async fn and_tables(mut self, stores: &Stores, companions: &[&dyn Companion]) -> Self {
        let tables = companions.iter().flat_map(|it| it.tables()).collect();
        let registry = match registry(tables) {
            Ok(registry) => registry,
            Err(why) => {
                self.bad("tables_unplannable", &why);
                return self;
            }
        };
        match stores.inventory().await {
            Ok(found) => {
                let names = found.iter().map(|table| table.name.as_str());
                let unknown = unregistered(&registry, names);
                if unknown.is_empty() {
                    let count = found.len();
                    self.good(
                        "tables_registered",
                        format!("each of the {count} tables is known, with its limit"),
                    );
                }
                for name in unknown {
                    let why = format!(
                        "table {name:?} is not one of this program's: nothing in it is ever removed, and no plan is made. Run \
                         the program that made it, or drop the table"
                    );
                    self.bad("table_not_registered", &why);
                }
            }
            Err(trouble) => self.store_trouble(&trouble),
        }
        self
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.findings.iter().all(|finding| finding.healthy)
    }

    /// What was found, in the order in which it was looked at.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    fn store(&mut self, store: Result<Stores, StoreError>) -> Option<Stores> {
        match store {
            Ok(store) => {
                self.good("database_found", "the database is ours and opens");
                Some(store)
            }
            Err(trouble) => {
                self.store_trouble(&trouble);
                None
            }
        }
    }

    fn store_trouble(&mut self, trouble: &StoreError) {
        let code = match trouble.kind() {
            StoreErrorKind::NotOurs => "database_not_ours",
            StoreErrorKind::Newer => "database_newer",
            StoreErrorKind::Corrupt => "database_corrupt",
            StoreErrorKind::Unavailable
            | StoreErrorKind::Conflict
            | StoreErrorKind::CrossTenant
            | StoreErrorKind::NotSealed
            | _ => "database_unavailable",
        };
        self.bad(code, trouble);
    }

    fn master_file(
        &mut self,
        master: Result<MasterKeys, MasterKeyFileError>,
    ) -> Option<MasterKeys> {
        match master {
            Ok(master) => {
                self.good(
                    "master_key_found",
                    "the master-key file is there and well-formed",
                );
                Some(master)
            }
            Err(why) => {
                let code = match why {
                    MasterKeyFileError::Missing { .. }
                    | MasterKeyFileError::MissingBesideDatabase { .. } => "master_key_missing",
                    MasterKeyFileError::OpenToOthers { .. }
                    | MasterKeyFileError::TooLong { .. }
                    | MasterKeyFileError::Content { .. }
                    | MasterKeyFileError::Io { .. }
                    | MasterKeyFileError::NoRandomness => "master_key_unreadable",
                };
                self.bad(code, &why);
                None
            }
        }
    }

    async fn contents(
        &mut self,
        store: &Stores,
        master: MasterKeys,
        key_services: Vec<Arc<dyn KeyWrapper>>,
        digests: DigestPolicy,
        now: UnixMicros,
    ) -> Result<(), StoreError> {
        let master = &Arc::new(master);
        let checks = store.master_checks().await?;
        match instance::check_master(&checks, master) {
            Ok(()) if checks.is_empty() => {
                self.good(
                    "master_key_unused",
                    "the database has not been used with a master key yet",
                );
            }
            Ok(()) => self.good(
                "master_key_fits",
                "the master key is the one this database was made with",
            ),
            Err(why) => {
                let wrong = matches!(why, OpenError::MasterKeyWrong { .. });
                let code = if wrong {
                    "master_key_wrong"
                } else {
                    "master_key_version_missing"
                };
                self.bad(code, &why);
                return Ok(());
            }
        }
        match instance::digester(digests, &store.instance_secrets().await?, master) {
            Ok(_) => self.good("instance_secrets_open", "the secrets of the instance open"),
            Err(why) => self.bad("instance_secret_unreadable", &why),
        }
        match crate::vault::services(master, key_services, &KeyServicePolicy::default()) {
            Ok(services) => {
                self.vault(store, master, &services, convert::time(now))
                    .await?;
            }
            Err(why) => self.bad("key_service_unusable", &why),
        }
        self.keys(store).await?;
        self.audit_logs(store, master).await?;
        self.nodes(store, now).await
    }

    async fn keys(&mut self, store: &Stores) -> Result<(), StoreError> {
        let mut readable = 0_usize;
        let mut pages = Pages::of(PAGE);
        while let Some(page) = pages.part() {
            let rows = store.keys(Tenants::All, page).await?;
            pages.read(&rows, |row| row.id);
            for row in &rows {
                match convert::rules(row, None) {
                    Ok(rules) if rules.secrets.iter().flatten().next().is_some() => readable += 1,
                    Ok(_) => self.bad(
                        "key_without_secret",
                        &format!("key {} has no secret", row.id),
                    ),
                    Err(why) => self.bad("key_unreadable", &format!("key {}: {why}", row.id)),
                }
            }
        }
        self.good("keys_readable", format!("{readable} keys are whole"));
        Ok(())
    }

    async fn audit_logs(&mut self, store: &Stores, master: &MasterKeys) -> Result<(), StoreError> {
        let missing = store.missing_guards().await?;
        if missing.is_empty() {
            self.good(
                "audit_guards_in_force",
                "the database refuses to change its audit logs",
            );
        }
        for guard in missing {
            let why = format!(
                "{guard}: somebody could have changed audit logs unnoticed. Verify them against heads that are kept elsewhere, \
                 then restore the guard from a backup of the schema"
            );
            self.bad("audit_guard_missing", &why);
        }
        let signer = match instance::log_key(&store.instance_secrets().await?, master) {
            Ok(Some(signer)) => signer,
            Ok(None) => return Ok(()),
            Err(why) => {
                self.bad("audit_log_key_unreadable", &why);
                return Ok(());
            }
        };
        let mut sound = 0_usize;
        for (log, row, _) in store.logs().await? {
            let key = Origin::new(&row.origin)
                .ok()
                .and_then(|origin| VerifierKey::of(origin, &signer).ok());
            match Head::load(&convert::audit::head_row(&row), key.as_slice()) {
                Ok(_) => sound += 1,
                Err(why) => self.bad(
                    "audit_head_damaged",
                    &format!("audit log {}: {why}", row.origin),
                ),
            }
            let waiting = store.outbox(log).await?.len();
            if waiting > 0 {
                let why = format!(
                    "audit log {}: {waiting} records wait to be appended; the next change of it takes them",
                    row.origin
                );
                self.bad("audit_outbox_waiting", &why);
            }
        }
        self.good(
            "audit_heads_sound",
            format!("{sound} audit logs end in a head that was signed"),
        );
        Ok(())
    }

    async fn nodes(&mut self, store: &Stores, now: UnixMicros) -> Result<(), StoreError> {
        let nodes = store.nodes().await?;
        let alive: Vec<_> = nodes.iter().filter(|node| node.lease_until > now).collect();
        match alive.as_slice() {
            [] => self.good(
                "nobody_serves",
                "no process serves from this database at the moment",
            ),
            alive => {
                for node in alive {
                    self.good("served", format!("served by {}", node.description));
                }
            }
        }
        Ok(())
    }

    fn good(&mut self, code: &'static str, message: impl Into<String>) {
        self.findings.push(Finding {
            code,
            healthy: true,
            message: message.into(),
        });
    }

    fn bad(&mut self, code: &'static str, why: &dyn fmt::Display) {
        self.findings.push(Finding {
            code,
            healthy: false,
            message: why.to_string(),
        });
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            let mark = if finding.healthy { "ok  " } else { "FAIL" };
            writeln!(f, "{mark} {:<28} {}", finding.code, finding.message)?;
        }
        Ok(())
    }
}

const PAGE: usize = 500;
