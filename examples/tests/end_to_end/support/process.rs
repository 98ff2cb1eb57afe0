//! Child processes that do not outlive their test.

use std::io::Write;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::{Intake, PATIENCE};

/// A child process, killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    command: String,
    pub(crate) stdout: Intake,
    pub(crate) stderr: Intake,
}

/// How a child process ended.
pub(crate) struct Finished {
    pub(crate) command: String,
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// When it had ended, to the millisecond.
    pub(crate) at: Instant,
}

impl Running {
    /// Starts it. Its standard input stays open for [`write`](Self::write).
    pub(crate) fn start(mut command: Command) -> Self {
        let line = format!("{command:?}");
        let spawned = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = spawned.unwrap_or_else(|why| panic!("cannot start {line}: {why}"));
        let stdout = Intake::of(child.stdout.take().unwrap());
        let stderr = Intake::of(child.stderr.take().unwrap());
        Self {
            child,
            command: line,
            stdout,
            stderr,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes to its standard input.
    pub(crate) fn write(&mut self, text: &[u8]) {
        let input = self.child.stdin.as_mut().unwrap();
        // One that ended without reading is told by how it ended.
        if input.write_all(text).and_then(|()| input.flush()).is_err() {
            self.close_input();
        }
    }

    pub(crate) fn close_input(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Ends it at once, as a power cut would: SIGKILL.
    pub(crate) fn kill(mut self) -> Finished {
        // One that has ended by itself cannot be killed; how it ended is in the status.
        let _killed_or_over = self.child.kill();
        self.finish()
    }

    /// Asks it to end: SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Tells it that its configuration has changed: SIGHUP.
    pub(crate) fn hang_up(&self) {
        self.signal("-HUP");
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([name, &self.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Finished {
        self.close_input();
        let deadline = Instant::now() + PATIENCE;
        let (status, at) = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break (status, Instant::now());
            }
            let (out, err) = (self.stdout.text(), self.stderr.text());
            assert!(
                Instant::now() < deadline,
                "{} did not end:\n{out}\n{err}",
                self.command
            );
            std::thread::sleep(Duration::from_millis(1));
        };
        self.stdout.wait_for_end();
        self.stderr.wait_for_end();
        Finished {
            command: self.command.clone(),
            status,
            stdout: self.stdout.text(),
            stderr: self.stderr.text(),
            at,
        }
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already: both fail then, and nothing is left to do.
        let _killed_or_over = self.child.kill();
        let _reaped_or_over = self.child.wait();
    }
}

impl Finished {
    /// The same, which has to have succeeded.
    pub(crate) fn succeeded(self) -> Self {
        assert!(self.status.success(), "{self}");
        self
    }

    /// The same, which has to have failed by its own decision: neither killed nor panicked.
    pub(crate) fn failed(self) -> Self {
        assert!(matches!(self.status.code(), Some(1 | 2)), "{self}");
        self
    }
}

impl std::fmt::Display for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            command,
            status,
            stdout,
            stderr,
            at: _,
        } = self;
        write!(
            f,
            "{command}: {status}\n-- stdout --\n{stdout}\n-- stderr --\n{stderr}"
        )
    }
}
