//! What the tests need besides cargo: a Python with what we compare with, Go with its transparency log, SoftHSM, and valgrind.

mod go;
mod softhsm;

use std::fs;
use std::path::PathBuf;

use crate::exec::{self, Exec};
use crate::failure::Failure;
use crate::workspace::{self, Workspace};

/// What is ready for the tests.
pub(crate) struct Prepared {
    /// The venv's Python, handed to the tests as [`PYTHON_VARIABLE`].
    pub(crate) python: PathBuf,
    /// Where Go was unpacked, handed to the tests as [`GO_VARIABLE`].
    pub(crate) go: PathBuf,
    /// SoftHSM's module, handed to the tests as [`SOFTHSM_VARIABLE`].
    pub(crate) softhsm: PathBuf,
}

/// The variable in which the end-to-end tests look for a Python that can `import openai`, and those of AWS KMS for one
/// that can `import moto`.
pub(crate) const PYTHON_VARIABLE: &str = "PORTCULLIS_PYTHON";

/// The variable in which the tests of the audit log look for Debian's Go packages.
pub(crate) const GO_VARIABLE: &str = "PORTCULLIS_GO";

/// The variable in which the tests of PKCS#11 look for `libsofthsm2.so`.
pub(crate) const SOFTHSM_VARIABLE: &str = "PORTCULLIS_SOFTHSM";

/// Makes what is missing; a second call finds everything there and does nothing.
///
/// # Errors
/// Something is missing that only the user can install, or a registry does not answer.
pub(crate) fn run() -> Result<Prepared, Failure> {
    let python = venv()?;
    println!("python with the client and moto: {}", python.display());
    let go = go::folder()?;
    println!("Go with its transparency log: {}", go.display());
    let softhsm = softhsm::module()?;
    println!("SoftHSM: {}", softhsm.display());
    valgrind()?;
    println!("valgrind: installed");
    Ok(Prepared {
        python,
        go,
        softhsm,
    })
}

/// `target/python`, with the pinned packages of `requirements.txt`.
fn venv() -> Result<PathBuf, Failure> {
    let folder = Workspace::read(workspace::root())?.target.join("python");
    let python = folder.join("bin/python");
    // A copy of the list lies in the venv once it is complete: another list, or a run that was cut
    // short, starts afresh; so does a venv whose Python was replaced by an upgrade of the system.
    let stamp = folder.join("requirements.txt");
    let complete = fs::read_to_string(&stamp).is_ok_and(|installed| installed == REQUIREMENTS);
    if complete
        && Exec::new(
            exec::text(&python),
            &["-c", "import moto, ocsf_json_schema, openai, pymerkle"],
        )
        .succeeds()
    {
        return Ok(python);
    }
    if !exec::is_installed("python3") {
        return Err(Failure::new(
            "python3 is missing: install the Debian package python3",
        ));
    }
    let make = Exec::new("python3", &["-m", "venv", "--clear", &exec::text(&folder)]);
    make.run().map_err(|_failure| {
        Failure::new("python3 cannot make a venv: install the Debian package python3-venv")
    })?;
    let list = exec::text(&workspace::root().join("xtask/requirements.txt"));
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
        &list,
    ];
    Exec::new(exec::text(&python), &pip).run()?;
    fs::write(&stamp, REQUIREMENTS)
        .map_err(|error| Failure::new(format!("cannot write {}: {error}", stamp.display())))?;
    Ok(python)
}

/// Present, or installed where that needs no password.
fn valgrind() -> Result<(), Failure> {
    if exec::is_installed("valgrind") {
        return Ok(());
    }
    if exec::is_root() && exec::is_installed("apt-get") {
        Exec::new("apt-get", &["update", "-q"]).run()?;
        Exec::new(
            "apt-get",
            &["install", "-q", "-y", "--no-install-recommends", "valgrind"],
        )
        .env("DEBIAN_FRONTEND", "noninteractive")
        .run()?;
    }
    if exec::is_installed("valgrind") {
        Ok(())
    } else {
        Err(Failure::new(
            "valgrind is missing: install the Debian package valgrind",
        ))
    }
}

const REQUIREMENTS: &str = include_str!("../requirements.txt");
