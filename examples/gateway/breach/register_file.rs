//! The register of breaches as a file: a line of JSON for each entry. It is appended to, and never written anew.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Datelike, Utc};
use portcullis::retention_policy::{BreachEntry, BreachEvent, BreachRegister, Duty};
use portcullis::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::Failure;

pub(super) struct RegisterFile {
    path: PathBuf,
}

impl RegisterFile {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What is registered; nothing, if there is no file.
    ///
    /// # Errors
    /// A line that is damaged, by its number: nobody relies on a register of which a part is wrong.
    fn read(&self) -> Result<BreachRegister, Failure> {
        match File::open(&self.path) {
            Ok(mut file) => {
                file.lock_shared()
                    .map_err(|why| self.failed("lock", &why))?;
                self.read_all(&mut file)
            }
            Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(BreachRegister::new()),
            Err(why) => Err(self.failed("open", &why)),
        }
    }

    /// What is registered, with this breach in it if one is named.
    ///
    /// # Errors
    /// As [`read`](Self::read), and where no such breach is registered.
    pub(super) fn read_with(&self, breach: Option<&str>) -> Result<BreachRegister, Failure> {
        let register = self.read()?;
        breach.map_or(Ok(()), |breach| self.knows(&register, breach))?;
        Ok(register)
    }

    /// An entry, by its number.
    ///
    /// # Errors
    /// As [`read`](Self::read), and where there is no such entry.
    pub(super) fn entry(&self, number: u64) -> Result<BreachEntry, Failure> {
        let register = self.read()?;
        let entries = register.entries();
        let found = entries.iter().find(|entry| entry.number == number);
        found.cloned().ok_or_else(|| {
            let (count, file) = (entries.len(), self.path.display());
            format!("there is no entry {number} in {file}: its entries are numbered from 1, and the last one is {count}").into()
        })
    }

    /// Appends an entry of now, about a new breach if none is named: the register with it. When it returns, the entry is on
    /// the disk.
    ///
    /// # Errors
    /// As [`read`](Self::read), and where the register refuses the entry; the file is then as it was.
    pub(super) fn append(
        &self,
        breach: Option<&str>,
        event: impl FnOnce(DateTime<Utc>) -> BreachEvent,
    ) -> Result<BreachRegister, Failure> {
        let mut options = File::options();
        options.read(true).append(true).create(true);
        // It tells what went wrong, and whom it hit.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options
            .open(&self.path)
            .map_err(|why| self.failed("open", &why))?;
        // Two operators at once get two numbers; and the clock is read by whose turn it is, as entries are in the order of time.
        file.lock().map_err(|why| self.failed("lock", &why))?;
        let before = self.read_all(&mut file)?;
        breach.map_or(Ok(()), |breach| self.knows(&before, breach))?;
        let now = SystemClock::new().now().utc;
        let breach = breach.map_or_else(|| new_name(&before, now), str::to_owned);
        let after = before.append(&breach, now, event(now))?;
        if let Some(entry) = after.entries().last() {
            let line = format!("{}\n", to_json(entry));
            file.write_all(line.as_bytes())
                .and_then(|()| file.sync_all())
                .and_then(|()| self.sync_folder())
                .map_err(|why| self.failed("write to", &why))?;
        }
        Ok(after)
    }

    fn read_all(&self, file: &mut File) -> Result<BreachRegister, Failure> {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .map_err(|why| self.failed("read", &why))?;
        let entries: Result<Vec<BreachEntry>, Failure> = (1..)
            .zip(bytes.split_inclusive(|byte| *byte == b'\n'))
            .map(|(number, line)| {
                // What has no end was cut off, even if it reads well.
                let whole = line.strip_suffix(b"\n");
                let entry = whole.and_then(from_json);
                entry.ok_or_else(|| self.damaged(number, &"it is no whole entry"))
            })
            .collect();
        // The number of an entry is that of its line.
        BreachRegister::restore(entries?).map_err(|why| self.damaged(why.number, &why.because))
    }

    fn knows(&self, register: &BreachRegister, breach: &str) -> Result<(), Failure> {
        if register.breach(breach).is_some() {
            return Ok(());
        }
        let open: Vec<&str> = register.open().map(|(name, _)| name).collect();
        let open = match open.is_empty() {
            true => "None is open".to_owned(),
            false => format!("Open: {}", open.join(", ")),
        };
        let (breach, file) = (breach.escape_debug(), self.path.display());
        Err(format!(
            "no breach of this name is registered in {file}: `{breach}`. {open}; `breach show` shows the closed ones, too"
        )
        .into())
    }

    /// So that a file that was just made is still there after a power cut.
    fn sync_folder(&self) -> io::Result<()> {
        match self.path.parent() {
            Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
            Some(_) | None => Ok(()),
        }
    }

    fn damaged(&self, line: u64, why: &dyn std::fmt::Display) -> Failure {
        let file = self.path.display();
        format!(
            "line {line} of the register of breaches {file} is damaged: {why}. Nothing was written. Put the file back from a \
             copy; if its last line was cut off by a crash, remove that line, and record the breach again"
        )
        .into()
    }

    fn failed(&self, what: &str, why: &io::Error) -> Failure {
        let file = self.path.display();
        let folder = self
            .path
            .parent()
            .is_some_and(|it| fs::metadata(it).is_ok());
        let cure = match folder {
            true => "Check who may write there",
            false => "Name the gateway's data folder with --data",
        };
        format!("cannot {what} the register of breaches {file}: {why}. {cure}").into()
    }
}

/// The year and a number that is not taken, such as `2026-2`.
fn new_name(register: &BreachRegister, now: DateTime<Utc>) -> String {
    let names = (1_u64..).map(|number| format!("{}-{number}", now.year()));
    let mut free = names.filter(|name| register.breach(name).is_none());
    free.next().unwrap_or_default()
}

/// An entry as a line.
fn to_json(entry: &BreachEntry) -> Value {
    let (what, event) = match &entry.event {
        BreachEvent::Aware { since, facts } => {
            (AWARE, json!({"since": since.to_rfc3339(), "facts": facts}))
        }
        BreachEvent::Notified {
            duty,
            reason_for_delay,
        } => (
            TOLD,
            json!({"who": word(*duty), "late_because": reason_for_delay}),
        ),
        BreachEvent::NotRequired { duty, reason } => {
            (NOT_REQUIRED, json!({"who": word(*duty), "reason": reason}))
        }
        BreachEvent::Noted { text } => (NOTED, json!({"text": text})),
        BreachEvent::Closed { outcome } => (CLOSED, json!({"outcome": outcome})),
    };
    let at = entry.at.to_rfc3339();
    json!({"number": entry.number, "at": at, "breach": &*entry.breach, what: event})
}

fn from_json(line: &[u8]) -> Option<BreachEntry> {
    let line: Value = serde_json::from_slice(line).ok()?;
    let text = |of: &Value, name| Some(of.get(name)?.as_str()?.to_owned());
    let time = |of: &Value, name| of.get(name)?.as_str()?.parse().ok();
    let duty = |of: &Value| {
        let who = of.get("who")?.as_str()?;
        DUTIES.into_iter().find(|duty| word(*duty) == who)
    };
    let mut found = WHAT
        .into_iter()
        .filter_map(|what| Some((what, line.get(what)?)));
    let (Some((what, of)), None) = (found.next(), found.next()) else {
        return None;
    };
    let event = match what {
        AWARE => BreachEvent::Aware {
            since: time(of, "since")?,
            facts: text(of, "facts")?,
        },
        TOLD => BreachEvent::Notified {
            duty: duty(of)?,
            reason_for_delay: text(of, "late_because"),
        },
        NOT_REQUIRED => BreachEvent::NotRequired {
            duty: duty(of)?,
            reason: text(of, "reason")?,
        },
        NOTED => BreachEvent::Noted {
            text: text(of, "text")?,
        },
        CLOSED => BreachEvent::Closed {
            outcome: text(of, "outcome")?,
        },
        _ => return None,
    };
    Some(BreachEntry {
        number: line.get("number")?.as_u64()?,
        at: time(&line, "at")?,
        breach: text(&line, "breach")?.into(),
        event,
    })
}

const fn word(duty: Duty) -> &'static str {
    match duty {
        Duty::Authority => "authority",
        Duty::Users => "users",
    }
}

const DUTIES: [Duty; 2] = [Duty::Authority, Duty::Users];
/// The members that tell what happened.
const AWARE: &str = "aware";
const TOLD: &str = "told";
const NOT_REQUIRED: &str = "not_required";
const NOTED: &str = "noted";
const CLOSED: &str = "closed";
/// An entry has one of them.
const WHAT: [&str; 5] = [AWARE, TOLD, NOT_REQUIRED, NOTED, CLOSED];
