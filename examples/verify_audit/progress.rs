//! How far a long work is, on a terminal.

use std::io::{self, IsTerminal as _};

#[derive(Default)]
pub(crate) struct Progress {
    shown: bool,
}

impl Progress {
    /// So many records are done, of so many if that is known.
    pub(crate) fn at(&mut self, done: u64, all: Option<u64>) {
        if done.is_multiple_of(STEP) && io::stderr().is_terminal() {
            match all {
                Some(all) => eprint!("\rverified {done} of {all} records"),
                None => eprint!("\rverified {done} records"),
            }
            self.shown = true;
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            eprintln!();
        }
    }
}

/// A shorter work is done before anybody looks.
const STEP: u64 = 1024;
