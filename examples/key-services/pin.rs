//! Where a PIN comes from: a file that only its owner reads, or the environment. Never the command line.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::Failure;

/// The first line of a file of mode 600.
pub(crate) fn from_file(path: &Path) -> Result<SecretString, Failure> {
    let unreadable = |why: std::io::Error| {
        format!(
            "pin-file={}: {why}; name a file that holds the PIN, of mode 600",
            path.display()
        )
    };
    let mut file = File::open(path).map_err(unreadable)?;
    // Of what was opened, so that nobody exchanges it in between.
    #[cfg(unix)]
    {
        let metadata = file.metadata().map_err(unreadable)?;
        let mode = std::os::unix::fs::MetadataExt::mode(&metadata) & 0o777;
        if mode & 0o077 != 0 {
            return Err(format!(
                "pin-file={} has mode {mode:03o}: others may read it. Run: chmod 600 {0}",
                path.display()
            )
            .into());
        }
    }
    let mut text = Zeroizing::new(String::with_capacity(ROOM));
    file.by_ref()
        .take(ROOM as u64)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    match text.lines().next() {
        Some(line) if !line.is_empty() && text.len() < ROOM => Ok(line.into()),
        Some(_) | None => Err(format!(
            "pin-file={} holds no PIN in its first line; write it there",
            path.display()
        )
        .into()),
    }
}

/// The environment's.
#[expect(
    clippy::disallowed_methods,
    reason = "part of a program, which may read its environment; libraries take values"
)]
pub(crate) fn from_environment() -> Result<SecretString, Failure> {
    let pin = std::env::var(VARIABLE).map_err(|_| {
        format!(
            "--key-service pkcs11:.. needs the PIN of the token: name a file of mode 600 with pin-file=.., or set {VARIABLE}"
        )
    })?;
    Ok(pin.into())
}

const VARIABLE: &str = "PORTCULLIS_PKCS11_PIN";
/// More than any PIN, and allocated at once: a string that grows leaves copies.
const ROOM: usize = 1024;
