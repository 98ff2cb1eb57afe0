//! The proof of one record: `c2sp.org/tlog-proof@v1`.

use std::path::{Path, PathBuf};

use portcullis_audit::{Comparison, LogHead, ProofFile, VerifierKey};

use crate::{Failure, Sound, file};

pub(crate) const MAGIC: &[u8] = b"c2sp.org/tlog-proof@v1\n";

pub(crate) fn verify(
    path: &Path,
    record: Option<PathBuf>,
    keys: &[VerifierKey],
    known: Option<LogHead>,
) -> Result<Sound, Failure> {
    let record = record.unwrap_or_else(|| path.with_extension("json"));
    let entry = file::whole(&record)?;
    let proof = ProofFile::verify(&file::whole(path)?, &entry, keys);
    let proof = proof.map_err(|why| Failure::tampered(path, &why))?;
    let head = proof.checkpoint();
    if let Some(known) = known {
        match known.compare(Some(head)) {
            Comparison::Same => {}
            Comparison::Forked => {
                return Err(Failure::tampered(
                    path,
                    &"its head is not the one that was kept: the log was forked",
                ));
            }
            Comparison::Ahead { kept, found } | Comparison::WentBack { kept, found } => {
                let why = format!(
                    "it leads to the head at size {found}, and the one that was kept has size {kept}: a proof of one record cannot \
                     compare them. Ask for a proof at that size, or verify an export"
                );
                return Err(Failure::unverified(path, &why));
            }
            Comparison::Gone | Comparison::OtherLog => {
                return Err(Failure::unverified(
                    path,
                    &"the head that was kept is of another log",
                ));
            }
        }
    }
    Ok(Sound {
        sentence: format!(
            "{} is record {} of {}, under the head at size {}",
            record.display(),
            proof.index(),
            head.origin(),
            head.size()
        ),
        incomplete: false,
    })
}
