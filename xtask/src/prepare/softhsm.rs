//! SoftHSM: a PKCS#11 module that the tests of `portcullis-kms-pkcs11` load.

use std::fs;
use std::path::{Path, PathBuf};

use crate::exec::{self, Exec};
use crate::failure::Failure;
use crate::workspace::{self, Workspace};

/// The module: the system's, or Debian's package unpacked beside the build, which needs no password and
/// installs nothing.
///
/// # Errors
/// There is none, and the package cannot be had.
pub(super) fn module() -> Result<PathBuf, Failure> {
    let folder = Workspace::read(workspace::root())?.target.join("softhsm");
    if let Some(found) = find(&folder) {
        return Ok(found);
    }
    fs::create_dir_all(&folder)
        .map_err(|error| Failure::new(format!("cannot make {}: {error}", folder.display())))?;
    // The lists of packages are empty on a fresh system; only root may fill them.
    if !unpack(&folder) && exec::is_root() && Exec::new("apt-get", &["update", "-q"]).succeeds() {
        unpack(&folder);
    }
    find(&folder).ok_or_else(|| {
        Failure::new("SoftHSM is missing: install the Debian package libsofthsm2, or softhsm2")
    })
}

/// Downloads the package as whoever this is, and unpacks it.
fn unpack(folder: &Path) -> bool {
    let script = "apt-get download -q libsofthsm2 && dpkg -x libsofthsm2_*.deb .";
    Exec::new("sh", &["-c", script]).folder(folder).succeeds()
}

fn find(folder: &Path) -> Option<PathBuf> {
    let machines = fs::read_dir(folder.join("usr/lib")).into_iter().flatten();
    let unpacked = machines.flatten().map(|machine| machine.path().join(FILE));
    let installed = INSTALLED.into_iter().map(|lib| Path::new(lib).join(FILE));
    unpacked.chain(installed).find(|path| path.is_file())
}

const FILE: &str = "softhsm/libsofthsm2.so";

/// Where distributions put it.
const INSTALLED: [&str; 4] = [
    "/usr/lib",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/local/lib",
];
