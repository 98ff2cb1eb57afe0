//! `target/go`: Debian's Go compiler and its copy of `golang.org/x/mod`, unpacked and not installed.
//!
//! One way for root and for everybody else: `apt-get download` needs no rights, and `dpkg -x` unpacks anywhere.

use std::fs;
use std::path::{Path, PathBuf};

use crate::exec::{self, Exec};
use crate::failure::Failure;
use crate::workspace::{self, Workspace};

/// Makes the folder; a second call finds it there.
///
/// # Errors
/// The machine has no `apt-get` or `dpkg`, or its package lists lack Go.
pub(super) fn folder() -> Result<PathBuf, Failure> {
    let folder = Workspace::read(workspace::root())?.target.join("go");
    // Written last: a run that was cut short starts afresh. It names what was unpacked.
    let stamp = folder.join("packages.txt");
    let wanted = PACKAGES.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|unpacked| unpacked == wanted) {
        return Ok(folder);
    }
    if !exec::is_installed("apt-get") || !exec::is_installed("dpkg") {
        return Err(missing("this machine has no apt-get and dpkg"));
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| cannot("remove", &folder, &error))?;
    }
    let downloads = folder.join("downloads");
    fs::create_dir_all(&downloads).map_err(|error| cannot("make", &downloads, &error))?;
    download(&downloads)?;
    for package in files(&downloads)? {
        let args = ["-x", &exec::text(&package), &exec::text(&folder)];
        Exec::new("dpkg", &args).run()?;
    }
    fs::remove_dir_all(&downloads).map_err(|error| cannot("remove", &downloads, &error))?;
    fs::write(&stamp, wanted).map_err(|error| cannot("write", &stamp, &error))?;
    Ok(folder)
}

/// The packages, and those of Go that they depend on: the compiler's name has its version in it.
fn download(folder: &Path) -> Result<(), Failure> {
    let names = || -> Result<Vec<String>, Failure> {
        let args = [DEPENDS, PACKAGES].concat();
        let listed = Exec::new("apt-cache", &args).output()?;
        let names = listed.lines().filter(|line| line.starts_with("golang"));
        Ok(names.map(str::to_owned).collect())
    };
    let fetch = || -> Result<(), Failure> {
        let names = names()?;
        let mut args = vec!["-q", "download"];
        args.extend(names.iter().map(String::as_str));
        Exec::new("apt-get", &args).folder(folder).run()
    };
    // Lists that were never read, or are older than the archive, are read once more where that is allowed.
    if fetch().is_ok() {
        return Ok(());
    }
    let updated = exec::is_root() && Exec::new("apt-get", &["update", "-q"]).run().is_ok();
    if updated && fetch().is_ok() {
        return Ok(());
    }
    Err(missing(
        "apt-get cannot download it; `apt-get update` may help",
    ))
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = fs::read_dir(folder).map_err(|error| cannot("read", folder, &error))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    paths
        .collect::<Result<_, _>>()
        .map_err(|error| cannot("read", folder, &error))
}

fn missing(why: &str) -> Failure {
    let packages = PACKAGES.join(" and ");
    Failure::new(format!(
        "Go is missing, which verifies the audit log: the Debian packages {packages} are needed; {why}"
    ))
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot {what} {}: {error}", path.display()))
}

const PACKAGES: &[&str] = &["golang-go", "golang-golang-x-mod-dev"];

const DEPENDS: &[&str] = &[
    "depends",
    "--recurse",
    "--no-recommends",
    "--no-suggests",
    "--no-conflicts",
    "--no-breaks",
    "--no-replaces",
    "--no-enhances",
];
