//! A folder's files, to be compared and searched.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Each path below a folder with its mode and, if it is a file, its bytes.
pub(crate) type Snapshot = BTreeMap<PathBuf, (u32, Option<Vec<u8>>)>;

/// What is in a folder. Of one that does not exist: nothing.
pub(crate) fn snapshot(folder: &Path) -> Snapshot {
    let mut found = BTreeMap::new();
    if !folder.exists() {
        return found;
    }
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    found.insert(folder.to_owned(), (mode(folder), None));
    if folder.is_dir() {
        for entry in fs::read_dir(folder).unwrap() {
            found.append(&mut snapshot(&entry.unwrap().path()));
        }
    } else {
        let bytes = fs::read(folder).unwrap();
        found.insert(folder.to_owned(), (mode(folder), Some(bytes)));
    }
    found
}

/// What is not as it was, by name.
pub(crate) fn changes(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let mut changes = Vec::new();
    for (path, was) in before {
        match after.get(path) {
            None => changes.push(format!("{} is gone", path.display())),
            Some(is) if is != was => changes.push(format!("{} has changed", path.display())),
            Some(_) => {}
        }
    }
    let new = after.keys().filter(|path| !before.contains_key(*path));
    changes.extend(new.map(|path| format!("{} is new", path.display())));
    changes
}

/// The files below a folder with their bytes, by name.
pub(crate) fn all_bytes_of(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let files = snapshot(folder).into_iter();
    files
        .filter_map(|(path, (_, bytes))| Some((path.display().to_string(), bytes?)))
        .collect()
}
