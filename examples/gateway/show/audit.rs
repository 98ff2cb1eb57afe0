//! Records of the audit log, for people.

use std::error::Error;
use std::io::{self, IsTerminal};
use std::path::Path;

use portcullis::audit_log::{Action, Field, RecordedActor, Target, Verified};
use portcullis::{AuditLog, AuditRecord, ExportedAudit};

/// One line for one record, with what its private fields open to.
pub(crate) fn record(found: &AuditRecord) {
    let record = &found.record;
    let mut line = format!(
        "{:>6}  {}  {:<10} {}",
        record.seq(),
        record.at(),
        actor(found),
        record.action().word(),
    );
    if let Some(target) = target(record.target()) {
        line.push_str(&format!("  {target}"));
    }
    if let Action::RequestRefused(refused) = record.action() {
        line.push_str(&format!("  {}", refused.cause));
        if refused.left_out.get() > 0 {
            line.push_str(&format!(
                " ({} more went unrecorded)",
                refused.left_out.get()
            ));
        }
    }
    if let Action::BreachEntered(entered) = record.action() {
        let (breach, number) = (entered.breach, entered.entry.get());
        line.push_str(&format!("  {breach} {} (entry {number})", entered.kind));
    }
    if let Some(address) = opened(found, Field::Address) {
        line.push_str(&format!("  from {address}"));
    }
    println!("{line}");
}

fn actor(found: &AuditRecord) -> String {
    let erased = || "(erased)".to_owned();
    match found.record.actor() {
        RecordedActor::Key(id) => format!("key {}", String::from_utf8_lossy(id.as_bytes())),
        RecordedActor::Operator | RecordedActor::User => {
            opened(found, Field::Actor).unwrap_or_else(erased)
        }
        RecordedActor::Stranger => "a stranger".to_owned(),
        RecordedActor::System => "portcullis".to_owned(),
    }
}

fn opened(found: &AuditRecord, field: Field) -> Option<String> {
    let opening = found
        .openings
        .iter()
        .find(|opening| opening.field == field)?;
    Some(opening.value.expose().to_owned())
}

fn target(target: &Target) -> Option<String> {
    match target {
        Target::Instance => None,
        Target::Key(id) => Some(format!("key {id}")),
        Target::KeySecret(id, version) => Some(format!("key {id}, secret {version}")),
        Target::Credential(id) => Some(format!("credential {id}")),
        Target::Organization(id) => Some(format!("organization {id}")),
        Target::Project(id) => Some(format!("project {id}")),
        other => Some(other.kind().to_owned()),
    }
}

/// What was exported, and how to go on: beside what goes to standard output.
pub(crate) fn exported(exported: &ExportedAudit, to: Option<&Path>) {
    let log = exported.head.origin();
    let (first, next) = (exported.first, exported.next);
    if first == next {
        eprintln!("nothing is new in {log}");
    } else {
        let to = to.map_or(String::new(), |to| format!(" are in {}", to.display()));
        eprintln!(
            "records {first} to {} of {log}{to}; the last one says that they were exported",
            next - 1
        );
    }
    if let Some(last) = next.checked_sub(1) {
        eprintln!("to go on: --after {last}");
    }
    eprintln!("verified by: {}", exported.key);
}

/// Which key verifies a log: beside what goes to standard output.
pub(crate) fn verified_by(log: &AuditLog) {
    eprintln!("verified by: {}", log.key);
}

pub(crate) fn tampered(why: &dyn Error) {
    eprintln!("TAMPERED: {why}");
}

/// A log that is what was signed.
pub(crate) fn verified(verified: &Verified) {
    let Verified {
        log,
        size,
        minimum,
        compared,
    } = verified;
    let heads = match compared {
        0 => String::new(),
        1 => ", and continue a head that was kept elsewhere".to_owned(),
        heads => format!(", and continue {heads} heads that were kept elsewhere"),
    };
    match minimum {
        0 => eprintln!("{log}: {size} records, all as they were signed{heads}"),
        minimum => eprintln!(
            "{log}: the last {} of {size} records are as they were signed{heads}; the first {minimum} were pruned, and a record \
             says so",
            size - minimum
        ),
    }
}

/// A line on a terminal that says how far a long work is.
pub(crate) struct Progress {
    verb: &'static str,
    shown: bool,
}

impl Progress {
    pub(crate) fn new(verb: &'static str) -> Self {
        Self { verb, shown: false }
    }

    pub(crate) fn at(&mut self, done: u64, all: u64) {
        if io::stderr().is_terminal() && all > LONG {
            eprint!("\r{} {done} of {all} records", self.verb);
            self.shown = true;
        }
    }

    pub(crate) fn end(&self) {
        if self.shown {
            eprintln!();
        }
    }
}

/// Shorter works are done before anybody looks.
const LONG: u64 = 1024;
