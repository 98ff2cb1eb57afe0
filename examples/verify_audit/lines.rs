//! JSON lines.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;

use portcullis_audit::{JsonLinesVerifier, LogHead, VerifierKey};

use crate::progress::Progress;
use crate::{Failure, Sound};

pub(crate) fn verify(
    path: &Path,
    keys: &[VerifierKey],
    known: Option<LogHead>,
) -> Result<Sound, Failure> {
    let unreadable = |why: io::Error| Failure::unverified(path, &why);
    let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
    let mut verifier = JsonLinesVerifier::new(keys);
    if let Some(known) = known {
        verifier = verifier.known(known);
    }
    let mut progress = Progress::default();
    let mut line = Vec::new();
    for done in 0.. {
        line.clear();
        // A longer line is none of the format, and read as far as that shows.
        let read = file.by_ref().take(LONGEST).read_until(b'\n', &mut line);
        if read.map_err(unreadable)? == 0 {
            break;
        }
        let pushed = verifier.push(&line);
        pushed.map_err(|why| Failure::tampered(path, &why))?;
        progress.at(done, None);
    }
    let verified = verifier.finish();
    let verified = verified.map_err(|why| Failure::tampered(path, &why))?;
    let (first, size) = (verified.first, verified.head.size());
    let before = match first {
        0 => String::new(),
        first => format!("; the {first} before them are not in this file"),
    };
    Ok(Sound {
        sentence: format!(
            "{}: {} records, up to the head at size {size}, are as they were signed{before}",
            verified.log,
            size - first
        ),
        incomplete: first > 0,
    })
}

/// Longer than any line: an entry of 60,000 bytes, and openings.
const LONGEST: u64 = 1 << 20;
