use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use portcullis_store::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::error::{Answer, unavailable};

/// A thread with a connection of its own, which runs one job after the other.
///
/// A job that was handed over runs to its end whether or not anyone still waits for its answer, so dropping a
/// future never tears a transaction. The thread ends when its last sender is gone.
pub(crate) struct Worker {
    jobs: Sender<Job>,
}

impl Worker {
    /// Starts the thread.
    pub(crate) fn start(name: &str, connection: Connection) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel();
        let thread = thread::Builder::new().name(name.to_owned());
        thread
            .spawn(move || serve(connection, &queue))
            .map_err(|error| unavailable("no thread could be started for SQLite").because(error))?;
        Ok(Self { jobs })
    }

    /// Runs `work` on the thread and waits for its answer.
    ///
    /// # Panics
    /// With the panic of `work`: it may run code of the caller's, and the thread goes on for all others.
    pub(crate) async fn call<T, Work>(&self, work: Work) -> Answer<T>
    where
        T: Send + 'static,
        Work: FnOnce(&mut Connection) -> Answer<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = Job::Run(Box::new(move |connection| {
            // Unwinding out of `work` drops its transaction, which rolls it back: the connection is as before.
            let done = catch_unwind(AssertUnwindSafe(|| work(connection)));
            // Nobody may be waiting any more; the work is done all the same.
            answer.send(done).ok();
        }));
        self.jobs.send(job).map_err(|_| closed())?;
        match answered.await.map_err(|_| closed())? {
            Ok(answer) => answer,
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Ends the thread after the jobs before, and returns when its connection is closed.
    pub(crate) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.jobs.send(Job::Close(done)).is_ok() {
            // An error says that the thread had ended before: just as closed.
            closed.await.ok();
        }
    }
}

enum Job {
    Run(Box<dyn FnOnce(&mut Connection) + Send>),
    Close(oneshot::Sender<()>),
}

fn serve(mut connection: Connection, queue: &Receiver<Job>) {
    while let Ok(job) = queue.recv() {
        match job {
            Job::Run(work) => work(&mut connection),
            Job::Close(done) => {
                drop(connection);
                done.send(()).ok();
                return;
            }
        }
    }
}

fn closed() -> StoreError {
    unavailable("the SQLite store is closed: open it again")
}
