//! From whoever hands bodies over to the thread that writes them.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use portcullis_retention::{
    Chosen, Companion, DataClass, Layout, Redactor, StandardRedactor, Table,
};
use portcullis_store::OrgId;
use rusqlite::Connection;

use crate::database::{self, BodiesError, BodyRow, NewBody, TABLE};
use crate::{Sample, SampleOf};

/// Where sampled bodies go. Clones share one queue and one thread.
///
/// Give a clone to `GateBuilder::companion`: then requests are sampled, and the table is under the gate's limits.
#[derive(Clone)]
pub struct Bodies {
    shared: Arc<Shared>,
}

struct Shared {
    jobs: SyncSender<Job>,
    lost: Arc<AtomicU64>,
    redactor: Box<dyn Redactor>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

enum Job {
    Write(NewBody),
    List(OrgId, usize, mpsc::Sender<rusqlite::Result<Vec<BodyRow>>>),
    Close,
}

impl Bodies {
    /// Keeps bodies in the database of a `SqliteStore`, which has to be there; makes its own table in it.
    ///
    /// # Errors
    /// [`BodiesError`] for a file that is not there or not a store's, or when no thread can be started.
    pub fn open(database: impl AsRef<Path>) -> Result<Self, BodiesError> {
        Self::with_redactor(database, StandardRedactor::new())
    }

    /// The same with rules of redaction of one's own.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn with_redactor(
        database: impl AsRef<Path>,
        redactor: impl Redactor + 'static,
    ) -> Result<Self, BodiesError> {
        let db = database::open(database.as_ref())?;
        let (jobs, queue) = mpsc::sync_channel(CAPACITY);
        let lost = Arc::new(AtomicU64::new(0));
        let losses = Arc::clone(&lost);
        let thread = thread::Builder::new().name("portcullis-bodies".to_owned());
        let thread = thread.spawn(move || serve(db, &queue, &losses));
        let thread = thread.map_err(BodiesError::Thread)?;
        Ok(Self {
            shared: Arc::new(Shared {
                jobs,
                lost,
                redactor: Box::new(redactor),
                thread: Mutex::new(Some(thread)),
            }),
        })
    }

    /// Begins the sample of a request that was chosen.
    #[must_use]
    pub fn begin(&self, chosen: Chosen, of: SampleOf) -> Sample {
        // The proof has done its work by being there.
        let Chosen { .. } = chosen;
        Sample::new(self.clone(), of)
    }

    /// How many bodies were dropped since the start: the queue was full, or the database took none.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// An organization's bodies, the newest first, at most `limit`. It blocks until what was handed over before is written.
    ///
    /// # Errors
    /// `None` when they cannot be read: the database fails, or this was closed.
    #[must_use]
    pub fn newest(&self, org: OrgId, limit: usize) -> Option<Vec<BodyRow>> {
        let (answer, answered) = mpsc::channel();
        self.shared.jobs.send(Job::List(org, limit, answer)).ok()?;
        answered.recv().ok()?.ok()
    }

    /// Writes what waits and closes the file, for all clones. It blocks; later bodies are dropped and counted.
    pub fn close(&self) {
        // The thread may have ended before: just as closed.
        self.shared.jobs.send(Job::Close).ok();
        let mut thread = self
            .shared
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            thread.join().ok();
        }
    }

    pub(crate) fn redactor(&self) -> &dyn Redactor {
        &*self.shared.redactor
    }

    /// Hands a body over, or drops and counts it. It never waits.
    pub(crate) fn push(&self, body: NewBody) {
        if self.shared.jobs.try_send(Job::Write(body)).is_err() {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Companion for Bodies {
    fn tables(&self) -> Vec<Table> {
        let table = Table::new(TABLE, DataClass::BodySample, Layout::MonthColumn);
        vec![table.companion_of("traces")]
    }
}

impl fmt::Debug for Bodies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bodies")
            .field("lost", &self.lost())
            .finish_non_exhaustive()
    }
}

fn serve(mut db: Connection, queue: &Receiver<Job>, lost: &AtomicU64) {
    let mut batch = Vec::new();
    while let Ok(job) = queue.recv() {
        let mut next = Some(job);
        while let Some(job) = next.take() {
            match job {
                Job::Write(body) => batch.push(body),
                Job::List(org, limit, answer) => {
                    flush(&mut db, &mut batch, lost);
                    // Nobody may be waiting any more.
                    answer.send(database::list(&db, org, limit)).ok();
                }
                Job::Close => {
                    flush(&mut db, &mut batch, lost);
                    return;
                }
            }
            if batch.len() < BATCH {
                next = queue.try_recv().ok();
            }
        }
        flush(&mut db, &mut batch, lost);
    }
}

fn flush(db: &mut Connection, batch: &mut Vec<NewBody>, lost: &AtomicU64) {
    if batch.is_empty() {
        return;
    }
    let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
    let gone = database::write(db, batch).unwrap_or_else(|why| {
        tracing::warn!(%why, bodies = count, "sampled bodies could not be written and are lost");
        count
    });
    lost.fetch_add(gone, Ordering::Relaxed);
    batch.clear();
}

/// The most bodies that wait: with those of a batch, at most 24 MiB.
const CAPACITY: usize = 64;
/// How many one transaction takes.
const BATCH: usize = 32;
