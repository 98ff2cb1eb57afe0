//! The proof of one record: `c2sp.org/tlog-proof@v1`.

use std::path::{Path, PathBuf};

use portcullis_audit::{Comparison, ProofFile, VerifierKey};

use crate::known::KnownHeads;
use crate::{Failure, Sound, file};

pub(crate) const MAGIC: &[u8] = b"c2sp.org/tlog-proof@v1\n";

pub(crate) fn verify(
    path: &Path,
    record: Option<PathBuf>,
    keys: &[VerifierKey],
    known: &KnownHeads,
) -> Result<Sound, Failure> {
    let record = record.unwrap_or_else(|| path.with_extension("json"));
    let entry = file::whole(&record)?;
    let proof = ProofFile::verify(&file::whole(path)?, &entry, keys);
    let proof = proof.map_err(|why| Failure::tampered(path, &why))?;
    let head = proof.checkpoint();
    let mut not_compared = None;
    for known in known.of(head.origin()) {
        match known.head.compare(Some(head)) {
            Comparison::Same => {}
            Comparison::Forked => {
                let why = "its head is not the one that was kept: the log was forked";
                return Err(known.tampered(path, &why));
            }
            Comparison::Ahead { kept, found } | Comparison::WentBack { kept, found } => {
                let why = format!(
                    "{} leads to the head at size {found}, and this one has size {kept}: a proof of one record cannot compare them. \
                     Ask for a proof at that size, or verify an export",
                    path.display()
                );
                not_compared.get_or_insert(known.not_compared(&why));
            }
            Comparison::Gone | Comparison::OtherLog => {
                not_compared.get_or_insert(known.not_compared(&"it is a head of another log"));
            }
        }
    }
    let compared = not_compared.map_or_else(|| known.compared(head.origin()), Err)?;
    Ok(Sound {
        sentence: format!(
            "{} is record {} of {}, under the head at size {}{compared}",
            record.display(),
            proof.index(),
            head.origin(),
            head.size()
        ),
        incomplete: false,
    })
}
