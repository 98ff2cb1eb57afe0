//! Heads that were kept elsewhere: each is compared, and what does not fit one is told with its file.

use std::path::{Path, PathBuf};

use portcullis_audit::{Checkpoint, DamageKind, LogHead, Origin, VerifierKey};

use crate::{Failure, file};

/// All that were given.
pub(crate) struct KnownHeads(Vec<KnownHead>);

/// One of them.
pub(crate) struct KnownHead {
    file: PathBuf,
    pub(crate) head: LogHead,
}

impl KnownHeads {
    /// Reads a file for each.
    pub(crate) fn read(files: Vec<PathBuf>, keys: &[VerifierKey]) -> Result<Self, Failure> {
        let heads = files.into_iter().map(|file| KnownHead::read(file, keys));
        let heads = Self(heads.collect::<Result<_, _>>()?);
        heads.agree().map(|()| heads)
    }

    /// Those of this log.
    pub(crate) fn of(&self, log: &Origin) -> impl Iterator<Item = &KnownHead> {
        self.0.iter().filter(move |known| known.head.log == *log)
    }

    /// What is said of a log that agrees with those of it.
    ///
    /// # Errors
    /// One is of another log, so nothing was compared with it.
    pub(crate) fn compared(&self, log: &Origin) -> Result<String, Failure> {
        let other = self.0.iter().find(|known| known.head.log != *log);
        if let Some(other) = other {
            return Err(other.not_compared(&format_args!(
                "it is a head of {}, and this is {log}. Verify an export of that log with it",
                other.head.log
            )));
        }
        Ok(match self.0.len() {
            0 => String::new(),
            1 => "; the head that was kept is one of its heads".to_owned(),
            count => format!("; the {count} heads that were kept are all heads of it"),
        })
    }

    /// The one which damage is about, if it is about one.
    pub(crate) fn concerned(&self, log: &Origin, damage: DamageKind) -> Option<&KnownHead> {
        let (DamageKind::Forked { known: size }
        | DamageKind::NotComparable { known: size }
        | DamageKind::Truncated { size }) = damage
        else {
            return None;
        };
        self.of(log).find(|known| known.head.size.get() == size)
    }

    /// Two heads of one size are the same one, or its log has two pasts.
    fn agree(&self) -> Result<(), Failure> {
        for (at, one) in self.0.iter().enumerate() {
            let size = one.head.size;
            let mut rest = self.0.iter().skip(at + 1);
            let differs = |other: &&KnownHead| {
                other.head.log == one.head.log
                    && other.head.size == size
                    && other.head.root != one.head.root
            };
            if let Some(other) = rest.find(differs) {
                return Err(Failure::Tampered(format!(
                    "{} and {}: both are signed as the head of {} at size {}, and they differ: the log was forked",
                    one.file.display(),
                    other.file.display(),
                    one.head.log,
                    size.get()
                )));
            }
        }
        Ok(())
    }
}

impl KnownHead {
    fn read(file: PathBuf, keys: &[VerifierKey]) -> Result<Self, Failure> {
        let head = Checkpoint::verify(&file::whole(&file)?, keys);
        // A head that was kept is what all else is measured by: a wrong one says nothing about the log.
        let head = head.map_err(|why| Failure::unverified(&file, &why))?;
        let head = LogHead::from(&head);
        Ok(Self { file, head })
    }

    /// What was verified does not fit this head.
    pub(crate) fn tampered(&self, path: &Path, why: &dyn ToString) -> Failure {
        let (why, file, size) = (why.to_string(), self.file.display(), self.head.size.get());
        Failure::tampered(
            path,
            &format!("{why} (against {file}, the head at size {size})"),
        )
    }

    /// It could not be compared with this head.
    pub(crate) fn not_compared(&self, why: &dyn ToString) -> Failure {
        Failure::unverified(&self.file, why)
    }

    /// What damage says, told with this head: damage, or that there is nothing to compare with.
    pub(crate) fn damaged(&self, path: &Path, kind: DamageKind, why: &dyn ToString) -> Failure {
        if matches!(kind, DamageKind::NotComparable { .. }) {
            self.not_compared(&format!("{}: {}", path.display(), why.to_string()))
        } else {
            self.tampered(path, why)
        }
    }
}
