//! This test binary once more, as another process.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Starts an ignored test of this binary, with its standard input and output in our hands.
pub(crate) fn start(test: &str, path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", test])
        .env(PATH, path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Where the parent wants the database; `None` when somebody runs the ignored tests by hand.
pub(crate) fn told_path() -> Option<PathBuf> {
    std::env::var_os(PATH).map(PathBuf::from)
}

const PATH: &str = "PORTCULLIS_TEST_PATH";
