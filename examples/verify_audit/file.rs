//! Reading files that somebody else made.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::Failure;

/// A file as a whole.
pub(crate) fn whole(path: &Path) -> Result<Vec<u8>, Failure> {
    if_there(path)?.ok_or_else(|| Failure::unverified(path, &"there is no such file"))
}

/// A file as a whole; `None` if it is not there.
pub(crate) fn if_there(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(why) => return Err(Failure::unverified(path, &why)),
    };
    let mut bytes = Vec::new();
    let read = file.take(LONGEST + 1).read_to_end(&mut bytes);
    let read = read.map_err(|why| Failure::unverified(path, &why))?;
    if u64::try_from(read).is_ok_and(|read| read <= LONGEST) {
        Ok(Some(bytes))
    } else {
        Err(Failure::tampered(
            path,
            &"it is longer than any file of an export",
        ))
    }
}

/// How a file begins.
pub(crate) fn start(path: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |why: io::Error| Failure::unverified(path, &why);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(64).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// The longest file: a bundle of 256 entries.
const LONGEST: u64 = 256 * (60_000 + 2);
