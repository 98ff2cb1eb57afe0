//! JSON lines.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;

use portcullis_audit::{DamagedExport, ExportDamage, JsonLinesVerifier, Origin, VerifierKey};

use crate::known::KnownHeads;
use crate::progress::Progress;
use crate::{Failure, Sound};

pub(crate) fn verify(
    path: &Path,
    keys: &[VerifierKey],
    known: &KnownHeads,
) -> Result<Sound, Failure> {
    let unreadable = |why: io::Error| Failure::unverified(path, &why);
    let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
    let mut verifier = JsonLinesVerifier::new(keys);
    let mut progress = Progress::default();
    let mut line = Vec::new();
    for done in 0.. {
        line.clear();
        // A longer line is none of the format, and read as far as that shows.
        let read = file.by_ref().take(LONGEST).read_until(b'\n', &mut line);
        if read.map_err(unreadable)? == 0 {
            break;
        }
        verifier
            .push(&line)
            .map_err(|why| damaged(path, known, verifier.log(), why))?;
        if done == 0 {
            // Which of them are due here, the first line says.
            let log = verifier.log().cloned();
            let due = log.iter().flat_map(|log| known.of(log));
            let due = due.map(|known| known.head.clone());
            verifier = due.fold(verifier, JsonLinesVerifier::known);
        }
        progress.at(done, None);
    }
    let log = verifier.log().cloned();
    let verified = verifier.finish();
    let verified = verified.map_err(|why| damaged(path, known, log.as_ref(), why))?;
    let compared = known.compared(&verified.log)?;
    let (first, size) = (verified.first, verified.head.size());
    let before = match first {
        0 => String::new(),
        first => format!("; the {first} before them are not in this file"),
    };
    Ok(Sound {
        sentence: format!(
            "{}: {} records, up to the head at size {size}, are as they were signed{before}{compared}",
            verified.log,
            size - first
        ),
        incomplete: first > 0,
    })
}

fn damaged(path: &Path, known: &KnownHeads, log: Option<&Origin>, why: DamagedExport) -> Failure {
    if let (ExportDamage::Records(damage), Some(log)) = (why.kind, log)
        && let Some(known) = known.concerned(log, damage.kind)
    {
        return known.damaged(path, damage.kind, &why);
    }
    Failure::tampered(path, &why)
}

/// Longer than any line: an entry of 60,000 bytes, and openings.
const LONGEST: u64 = 1 << 20;
