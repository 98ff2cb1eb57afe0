//! Anchors that come along: a file, and standard output.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::policy::Anchor;

/// Appends each head to a file, one signed note after another with an empty line behind it. It helps where whoever writes the
/// database cannot rewrite the file: on another machine, or append-only by the file system.
#[derive(Clone, Debug)]
pub struct FileAnchor {
    path: PathBuf,
}

impl FileAnchor {
    /// Appends to this file, and makes it if it is not there.
    ///
    /// # Errors
    /// It cannot be opened so.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        appending(&path)?;
        Ok(Self { path })
    }
}

impl Anchor for FileAnchor {
    fn publish(&self, note: &[u8]) -> Result<(), String> {
        let write = || {
            // Opened each time: a file that was rotated away is no anchor any more.
            let mut file = appending(&self.path)?;
            file.write_all(&framed(note))?;
            file.sync_data()
        };
        write().map_err(|why| format!("{}: {why}", self.path.display()))
    }
}

/// Writes each head to standard output, one signed note after another with an empty line behind it: for a log collector that
/// takes what a service prints.
#[derive(Clone, Copy, Debug, Default)]
pub struct StdoutAnchor;

impl Anchor for StdoutAnchor {
    fn publish(&self, note: &[u8]) -> Result<(), String> {
        let mut out = io::stdout().lock();
        let written = out.write_all(&framed(note)).and_then(|()| out.flush());
        written.map_err(|why| format!("standard output: {why}"))
    }
}

/// In one piece, so that two processes do not mix theirs.
fn framed(note: &[u8]) -> Vec<u8> {
    [note, b"\n"].concat()
}

fn appending(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_every_head_that_was_published_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heads.log");
        for note in ["a\n1\n\n\u{2014} one\n", "a\n2\n\n\u{2014} two\n"] {
            FileAnchor::open(&path)
                .unwrap()
                .publish(note.as_bytes())
                .unwrap();
        }
        let text = std::fs::read(&path).unwrap();
        let notes: Vec<_> = portcullis_audit::notes(&text).collect();
        assert_eq!(
            notes,
            [
                "a\n1\n\n\u{2014} one\n".as_bytes(),
                "a\n2\n\n\u{2014} two\n".as_bytes()
            ]
        );
    }

    #[test]
    fn what_cannot_be_written_is_said() {
        let folder = tempfile::tempdir().unwrap();
        assert!(FileAnchor::open(folder.path()).is_err(), "a folder");
        let inside = folder.path().join("inside");
        std::fs::create_dir(&inside).unwrap();
        let anchor = FileAnchor::open(inside.join("heads.log")).unwrap();
        std::fs::remove_dir_all(&inside).unwrap();
        let why = anchor.publish(b"a\n").unwrap_err();
        assert!(why.contains("heads.log"), "{why}");
    }
}
