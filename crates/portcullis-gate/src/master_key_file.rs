//! The file that holds the master keys: read strictly, made once, and never made because one could not be read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use getrandom::SysRng;
use portcullis_envelope::{InvalidMasterKeys, MasterKey, MasterKeys};
use zeroize::Zeroizing;

/// Reads and makes master-key files; see [`MasterKeys::parse`] for what is in one.
#[derive(Debug)]
pub struct MasterKeyFile;

impl MasterKeyFile {
    /// Reads the master keys.
    ///
    /// # Errors
    /// [`MasterKeyFileError`]: a missing or unreadable file, a file that others may read, or bad content.
    ///
    /// # Security
    /// The text is wiped once it is parsed.
    pub fn read(path: impl AsRef<Path>) -> Result<MasterKeys, MasterKeyFileError> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|source| {
            if source.kind() == io::ErrorKind::NotFound {
                MasterKeyFileError::Missing { path: path.into() }
            } else {
                MasterKeyFileError::io("read", path, source)
            }
        })?;
        refuse_open_mode(path, &file)?;
        let mut text = Zeroizing::new(String::with_capacity(CAPACITY));
        let length = file.take(CAPACITY as u64).read_to_string(&mut text);
        let length = length.map_err(|source| MasterKeyFileError::io("read", path, source))?;
        if length == CAPACITY {
            return Err(MasterKeyFileError::TooLong { path: path.into() });
        }
        MasterKeys::parse(&text).map_err(|source| MasterKeyFileError::Content {
            path: path.into(),
            source,
        })
    }

    /// Reads the master keys, or makes the first one when neither the file nor `database` exists yet. The second value
    /// says whether it was made.
    ///
    /// It is made whole or not at all: written aside with mode 0600, synced, and linked to its name, which fails when
    /// another process was faster; then the folder is synced. So the key is durable before the database exists.
    ///
    /// # Errors
    /// [`MasterKeyFileError::MissingBesideDatabase`] when there is a database but no file: a new key could open
    /// nothing in it. Otherwise as for [`read`](Self::read).
    pub fn read_or_create(
        path: impl AsRef<Path>,
        database: impl AsRef<Path>,
    ) -> Result<(MasterKeys, bool), MasterKeyFileError> {
        let (path, database) = (path.as_ref(), database.as_ref());
        match Self::read(path) {
            Ok(keys) => {
                remove_leftovers(path);
                return Ok((keys, false));
            }
            Err(MasterKeyFileError::Missing { .. }) => {}
            Err(other) => return Err(other),
        }
        if exists(database)? {
            // Another process may have made both since the look above: it makes the key first.
            return match Self::read(path) {
                Err(MasterKeyFileError::Missing { path }) => {
                    let database = database.into();
                    Err(MasterKeyFileError::MissingBesideDatabase { path, database })
                }
                other => other.map(|keys| (keys, false)),
            };
        }
        let made = create(path)?;
        // What counts is what is in the file, whoever made it.
        Ok((Self::read(path)?, made))
    }
}

/// Makes a master-key file; `false` when another process made it first.
fn create(path: &Path) -> Result<bool, MasterKeyFileError> {
    let key = MasterKey::generate(&mut SysRng).map_err(|_| MasterKeyFileError::NoRandomness)?;
    let text = MasterKeys::single(key).to_text();
    let folder = folder_of(path);
    let mark = getrandom::u64().map_err(|_| MasterKeyFileError::NoRandomness)?;
    let aside = folder.join(format!("{ASIDE}{mark:016x}{ASIDE_END}"));
    let written = write_new(&aside, text.as_bytes()).and_then(|()| fs::hard_link(&aside, path));
    let removed = fs::remove_file(&aside);
    match written {
        Ok(()) => {}
        Err(source) if source.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        // The one that was faster has removed what this one had put aside.
        Err(_) if path.exists() => return Ok(false),
        Err(source) => return Err(MasterKeyFileError::io("create", path, source)),
    }
    removed
        .and_then(|()| File::open(folder)?.sync_all())
        .map_err(|source| MasterKeyFileError::io("create", path, source))?;
    Ok(true)
}

/// Removes what a start that was killed while it made the file left aside: it may be a second copy of the key. A start
/// that is at it this moment loses nothing, because the file is there already.
fn remove_leftovers(path: &Path) {
    let Ok(entries) = fs::read_dir(folder_of(path)) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(ASIDE) && name.ends_with(ASIDE_END) {
            fs::remove_file(entry.path()).ok();
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    let folder = path.parent();
    folder
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn exists(path: &Path) -> Result<bool, MasterKeyFileError> {
    path.try_exists()
        .map_err(|source| MasterKeyFileError::io("look for", path, source))
}

/// A master key that group or others can read is not a secret.
#[cfg(unix)]
fn refuse_open_mode(path: &Path, file: &File) -> Result<(), MasterKeyFileError> {
    use std::os::unix::fs::MetadataExt;
    let metadata = file
        .metadata()
        .map_err(|source| MasterKeyFileError::io("read", path, source))?;
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(MasterKeyFileError::OpenToOthers {
        path: path.into(),
        mode,
    })
}

#[cfg(not(unix))]
fn refuse_open_mode(_: &Path, _: &File) -> Result<(), MasterKeyFileError> {
    Ok(())
}

/// Why the master keys cannot be had. A new key is never made for any of these.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MasterKeyFileError {
    /// There is no such file.
    #[error("the master-key file {} does not exist. Restore it from your backup", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// There is a database, but not the key it was made with.
    #[error(
        "the database {} exists but the master-key file {} does not. Restore the file from your backup: a new key \
         could open none of the stored credentials, so none is made",
        database.display(), path.display()
    )]
    MissingBesideDatabase {
        /// The missing file.
        path: PathBuf,
        /// The database that needs it.
        database: PathBuf,
    },
    /// Group or others may read the file.
    #[error("the master-key file {} has mode {mode:03o}: others may read it. Run: chmod 600 {0}", path.display())]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is larger than any list of keys.
    #[error("the file {} is too long for a master-key file (64 KiB at most)", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// The file's content is not a list of master keys.
    #[error("the master-key file {}: {source}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, without showing it.
        source: InvalidMasterKeys,
    },
    /// The file system said no.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes; no master key was made")]
    NoRandomness,
}

impl MasterKeyFileError {
    fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            action,
            path: path.into(),
            source,
        }
    }
}

const ASIDE: &str = ".master-key.";
const ASIDE_END: &str = ".tmp";

/// More than any list of keys needs; also the capacity of the buffer, so that it never grows and leaves a copy.
const CAPACITY: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_start_makes_a_key_and_the_second_finds_it() {
        let folder = tempfile::tempdir().unwrap();
        let (path, database) = (folder.path().join("master.key"), folder.path().join("db"));
        let (made, is_new) = MasterKeyFile::read_or_create(&path, &database).unwrap();
        assert!(is_new);
        let (found, is_new) = MasterKeyFile::read_or_create(&path, &database).unwrap();
        assert!(!is_new);
        assert_eq!(
            made.check_value(1).unwrap().0,
            found.check_value(1).unwrap().0
        );
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing is left aside"
        );
    }

    #[test]
    fn what_a_killed_start_left_aside_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, database) = (folder.path().join("master.key"), folder.path().join("db"));
        MasterKeyFile::read_or_create(&path, &database).unwrap();
        fs::copy(
            &path,
            folder.path().join(".master-key.0123456789abcdef.tmp"),
        )
        .unwrap();
        fs::write(folder.path().join("other.tmp"), b"x").unwrap();
        MasterKeyFile::read_or_create(&path, &database).unwrap();
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["master.key", "other.tmp"]);
    }

    #[test]
    fn no_key_is_made_beside_a_database() {
        let folder = tempfile::tempdir().unwrap();
        let (path, database) = (folder.path().join("master.key"), folder.path().join("db"));
        fs::write(&database, b"x").unwrap();
        let error = MasterKeyFile::read_or_create(&path, &database).unwrap_err();
        assert!(
            matches!(error, MasterKeyFileError::MissingBesideDatabase { .. }),
            "{error}"
        );
        assert!(!path.exists());
    }

    #[test]
    fn no_key_is_made_because_one_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let (path, database) = (folder.path().join("master.key"), folder.path().join("db"));
        write_new(&path, b"1:not a key\n").unwrap();
        let error = MasterKeyFile::read_or_create(&path, &database).unwrap_err();
        assert!(
            matches!(error, MasterKeyFileError::Content { .. }),
            "{error}"
        );
        assert_eq!(fs::read(&path).unwrap(), b"1:not a key\n");
        assert!(!error.to_string().contains("not a key"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_refused_with_the_cure() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        MasterKeyFile::read_or_create(&path, folder.path().join("db")).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = MasterKeyFile::read(&path).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn many_first_starts_at_once_agree_on_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let (path, database) = (folder.path().join("master.key"), folder.path().join("db"));
        let start = || MasterKeyFile::read_or_create(&path, &database).unwrap();
        let results: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        let values: std::collections::HashSet<_> = results
            .iter()
            .map(|(keys, _)| keys.check_value(1).unwrap().0)
            .collect();
        assert_eq!(values.len(), 1);
        assert_eq!(results.iter().filter(|(_, made)| *made).count(), 1);
    }
}
