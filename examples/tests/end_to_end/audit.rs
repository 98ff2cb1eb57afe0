//! The audit logs: what the commands on them and the offline verifier say, and with which exit code.

mod anchors;
mod attacks;
mod database;
mod exports;
mod retiring;
mod verifier;

use std::path::Path;
use std::process::Command;

use portcullis::{Actor, AuditPolicy, Gate, MasterKeyFile, SqliteStore};

use crate::support::{Finished, Home, Running, example};

/// A folder that was served from once: with an organization, a key and a credential, all on record.
fn begun() -> Home {
    let home = Home::new();
    home.serve().stop().succeeded();
    home
}

/// Puts so many records into the organization's log, in this process.
fn fill(home: &Home, records: usize) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().build().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(home.data().join("portcullis.db")).unwrap();
        let master = MasterKeyFile::read(home.data().join("master.key")).unwrap();
        let policy = AuditPolicy::default().heads(home.data().join("heads"));
        let builder = Gate::builder(store.clone(), master).audit(policy);
        let admin = builder.open_admin(Actor::operator("filler").unwrap());
        let admin = admin.await.unwrap();
        let org = admin.organizations().await.unwrap().remove(0).id;
        for _ in 0..records {
            admin.set_organization_allowlist(org, None).await.unwrap();
        }
        drop(admin);
        store.close().await;
    });
}

/// The key that verifies a log, as `audit checkpoint` says it.
fn key(home: &Home, log: &[&str]) -> String {
    let said = home.run(&[&["audit", "checkpoint"], log].concat());
    let said = said.succeeded().stderr;
    let key = said
        .lines()
        .find_map(|line| line.strip_prefix("verified by: "));
    key.unwrap_or_else(|| panic!("no key: {said}")).to_owned()
}

/// Keeps the head of a log elsewhere.
fn keep_head(home: &Home, name: &str, log: &[&str]) -> String {
    let head = home.run(&[&["audit", "checkpoint"], log].concat());
    home.write(name, &head.succeeded().stdout)
}

/// `verify_audit`, which knows nothing of the data folder.
fn verify_audit(args: &[&str]) -> Finished {
    let mut command = Command::new(example("verify_audit"));
    command.args(args).env_remove("RUST_BACKTRACE");
    Running::start(command).finish()
}

fn code(finished: &Finished) -> i32 {
    finished
        .status
        .code()
        .unwrap_or_else(|| panic!("{finished}"))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
