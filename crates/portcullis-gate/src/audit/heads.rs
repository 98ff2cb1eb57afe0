//! Signed heads outside of the database: one file for each log, written after each durable append.
//!
//! The database may be ahead of a file, never behind it: a log that ends before its file was cut, or an older copy of the
//! database was put in its place.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use portcullis_audit::{
    Checkpoint, Comparison, Damage, DamageKind, InvalidCheckpoint, LogHead, Origin, VerifierKey,
};
use tokio::sync::oneshot;

use crate::lock::lock;

use super::policy::Anchor;

/// The newest head of each log that this process knows.
#[derive(Default)]
pub(crate) struct Heads {
    known: Mutex<HashMap<Origin, Checkpoint>>,
    /// What the folder held when the process began: what somebody kept, and not what was just appended.
    kept: HashMap<Origin, Checkpoint>,
    writer: Option<Sender<Job>>,
}

enum Job {
    Keep(Checkpoint, oneshot::Sender<()>),
    Publish(Vec<Checkpoint>),
}

/// Why the heads cannot be kept. Each sentence says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HeadsError {
    /// A file of the folder cannot be read or made.
    #[error("the folder of audit-log heads, {path}, cannot be used: {source}")]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What failed.
        source: io::Error,
    },
    /// A file that is no head.
    #[error(
        "{path} is no head of an audit log of this gateway: {source}. Restore it; or, if you know that it was damaged by \
         accident, move it away, and verify the log with another copy of its head"
    )]
    NotAHead {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: InvalidCheckpoint,
    },
    /// The database does not hold what the file vouches for.
    #[error(
        "the audit log {origin} in the database is not the one whose head is kept in {path}: {why}. Was the database restored from \
         a backup, or was somebody at it? Nothing is served until an operator has decided: put the newer database back, or give \
         the head up, which is put on record"
    )]
    WentBack {
        /// Which log.
        origin: String,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

impl Heads {
    /// Reads the heads that a folder holds, and starts the thread that writes there.
    ///
    /// `key` gives the key that verifies the heads of a log.
    pub(crate) fn open(
        folder: Option<&Path>,
        anchors: Vec<Box<dyn Anchor>>,
        key: impl Fn(&Origin) -> Option<VerifierKey>,
    ) -> Result<Self, HeadsError> {
        let mut known = HashMap::new();
        if let Some(folder) = folder {
            let at = |path: &Path| {
                let path = path.to_owned();
                move |source| HeadsError::Io { path, source }
            };
            fs::create_dir_all(folder).map_err(at(folder))?;
            for file in fs::read_dir(folder).map_err(at(folder))? {
                let path = file.map_err(at(folder))?.path();
                if path
                    .extension()
                    .is_some_and(|extension| extension == EXTENSION)
                {
                    let note = fs::read(&path).map_err(at(&path))?;
                    let head = read(&note, &key);
                    let head = head.map_err(|source| HeadsError::NotAHead { path, source })?;
                    known.insert(head.origin().clone(), head);
                }
            }
        }
        let writer = if folder.is_none() && anchors.is_empty() {
            None
        } else {
            let (jobs, queue) = mpsc::channel();
            let folder = folder.map(Path::to_owned);
            let thread = thread::Builder::new().name("portcullis-heads".to_owned());
            let place = folder.clone().unwrap_or_default();
            thread
                .spawn(move || serve(&queue, folder.as_deref(), &anchors))
                .map_err(|source| HeadsError::Io {
                    path: place,
                    source,
                })?;
            Some(jobs)
        };
        Ok(Self {
            kept: known.clone(),
            known: Mutex::new(known),
            writer,
        })
    }

    /// Compares what is kept with what the database holds: the heads that it does not reach, and why.
    pub(crate) fn compare(
        &self,
        mut current: impl FnMut(&Origin) -> Result<Option<Checkpoint>, String>,
    ) -> Vec<(Checkpoint, String)> {
        let known = self.known();
        let kept = known.values().filter_map(|kept| {
            let checked = current(kept.origin());
            let checked = checked.and_then(|current| check(kept, current.as_ref()));
            checked.err().map(|why| (kept.clone(), why))
        });
        kept.collect()
    }

    /// Forgets a head, so that the log may be continued from before it.
    pub(crate) fn forget(&mut self, origin: &Origin) {
        self.known().remove(origin);
        self.kept.remove(origin);
    }

    /// The head of a log that lay in the folder when the process began.
    pub(crate) fn read_at_start(&self, origin: &Origin) -> Option<Checkpoint> {
        self.kept.get(origin).cloned()
    }

    /// Whether a log may be continued from `current`: it is not behind what this process has seen of it.
    pub(crate) fn admits(
        &self,
        origin: &Origin,
        current: Option<&Checkpoint>,
    ) -> Result<(), String> {
        self.known()
            .get(origin)
            .map_or(Ok(()), |kept| check(kept, current))
    }

    /// Keeps a head that has become durable: in memory at once, in the folder when the future is ready.
    pub(crate) fn keep(&self, head: Checkpoint) -> impl Future<Output = ()> + Send + use<> {
        let written = self.writer.as_ref().map(|writer| {
            let (done, written) = oneshot::channel();
            // The thread ends with the gate, and not before it.
            writer.send(Job::Keep(head.clone(), done)).ok();
            written
        });
        let mut known = self.known();
        let newer = known
            .get(head.origin())
            .is_none_or(|old| old.size() < head.size());
        if newer {
            known.insert(head.origin().clone(), head);
        }
        drop(known);
        async move {
            if let Some(written) = written {
                // Whether it could be written stands in the log; the database is ahead of the file then.
                written.await.ok();
            }
        }
    }

    /// Publishes heads at all anchors.
    pub(crate) fn publish(&self, heads: Vec<Checkpoint>) {
        if let Some(writer) = &self.writer {
            writer.send(Job::Publish(heads)).ok();
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<Origin, Checkpoint>> {
        lock(&self.known)
    }
}

fn check(kept: &Checkpoint, current: Option<&Checkpoint>) -> Result<(), String> {
    let known = kept.size();
    let damage = |seq, kind| Err(Damage { seq, kind }.to_string());
    match LogHead::from(kept).compare(current) {
        Comparison::Ahead { .. } | Comparison::Same => Ok(()),
        Comparison::Forked => damage(0, DamageKind::Forked { known }),
        Comparison::Gone => Err(format!("it is gone; it had {known} records")),
        Comparison::OtherLog => Err("another log stands in its place".to_owned()),
        Comparison::WentBack { kept, found } => damage(found, DamageKind::Truncated { size: kept }),
    }
}

/// Reads a signed note with the key of the log that it names.
pub(super) fn read(
    note: &[u8],
    key: &impl Fn(&Origin) -> Option<VerifierKey>,
) -> Result<Checkpoint, InvalidCheckpoint> {
    let first = note.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let origin = std::str::from_utf8(first)
        .ok()
        .and_then(|name| Origin::new(name).ok());
    let keys: Vec<_> = origin.as_ref().and_then(key).into_iter().collect();
    Checkpoint::verify(note, &keys)
}

fn serve(queue: &Receiver<Job>, folder: Option<&Path>, anchors: &[Box<dyn Anchor>]) {
    while let Ok(job) = queue.recv() {
        match job {
            Job::Keep(head, done) => {
                if let Some(folder) = folder
                    && let Err(why) = write(folder, &head)
                {
                    tracing::error!(log = %head.origin(), %why, "the head of an audit log could not be kept outside of the database");
                }
                done.send(()).ok();
            }
            Job::Publish(heads) => {
                for head in &heads {
                    for anchor in anchors {
                        if let Err(why) = anchor.publish(head.note()) {
                            tracing::error!(log = %head.origin(), %why, "the head of an audit log could not be published");
                        }
                    }
                }
            }
        }
    }
}

/// Replaces a file as a whole. Of two processes that append to one log, the larger head stays.
fn write(folder: &Path, head: &Checkpoint) -> io::Result<()> {
    let lock = File::create(folder.join("lock"))?;
    lock.lock()?;
    let path = file(folder, head.origin());
    if size_of(&path).is_some_and(|there| there >= head.size()) {
        return Ok(());
    }
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    file.write_all(head.note())?;
    file.sync_all()?;
    fs::rename(&new, &path)
}

/// The size that a file claims: the second line of a checkpoint. It is only compared, so it need not be trusted.
fn size_of(path: &Path) -> Option<u64> {
    let note = fs::read_to_string(path).ok()?;
    note.lines().nth(1)?.parse().ok()
}

/// Moves the file of a head away, whose log goes on from before it.
pub(super) fn put_away(folder: &Path, origin: &Origin) -> Result<(), HeadsError> {
    let path = file(folder, origin);
    let away = path.with_extension("given-up");
    fs::rename(&path, away).map_err(|source| HeadsError::Io { path, source })
}

/// The name of a log's file: its own name, with `_` for `/` and `:`.
pub(super) fn file(folder: &Path, origin: &Origin) -> PathBuf {
    let name = origin.as_str().replace(['/', ':'], "_");
    folder.join(format!("{name}.{EXTENSION}"))
}

const EXTENSION: &str = "checkpoint";
