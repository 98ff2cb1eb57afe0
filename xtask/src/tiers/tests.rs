//! The fence is tested on a copy of the real manifests, which each test then breaks.

use std::fs;

use tempfile::TempDir;

use super::*;

#[test]
fn the_tree_keeps_the_tiers() {
    run().unwrap();
    check(copy().path()).unwrap();
}

#[test]
fn a_leaf_may_not_depend_on_a_leaf() {
    let failure = after_adding("portcullis-key", "dependencies", "portcullis-scope");
    assert_eq!(
        failure,
        "portcullis-key (tier 0) [dependencies] -> portcullis-scope (tier 0): \
         an arrow points to a lower tier only"
    );
}

#[test]
fn a_leaf_may_not_depend_on_a_leaf_in_its_tests() {
    let failure = after_adding("portcullis-scope", "dev-dependencies", "portcullis-key");
    assert!(
        failure.starts_with(
            "portcullis-scope (tier 0) [dev-dependencies] -> portcullis-key (tier 0): "
        )
    );
}

#[test]
fn a_leaf_may_not_depend_on_a_leaf_while_it_builds() {
    let failure = after_adding("portcullis-scope", "build-dependencies", "portcullis-key");
    assert!(failure.starts_with(
        "portcullis-scope (tier 0) [build-dependencies] -> portcullis-key (tier 0): "
    ));
}

#[test]
fn an_arrow_may_not_point_up() {
    let failure = after_adding("portcullis-store", "dependencies", "portcullis-tower");
    assert!(
        failure.contains("portcullis-store (tier 1)")
            && failure.contains("portcullis-tower (tier 3)")
    );
}

#[test]
fn the_store_and_the_pipeline_may_meet_in_tests_only() {
    let arrow = ("portcullis-sqlite", "portcullis-gate");
    let failure = after_adding(arrow.0, "dependencies", arrow.1);
    assert!(
        failure.contains("portcullis-sqlite (tier 2)")
            && failure.contains("portcullis-gate (tier 2)")
    );
    let folder = copy();
    add(
        folder.path(),
        "portcullis-sqlite",
        "dev-dependencies",
        "portcullis-gate",
    );
    check(folder.path()).unwrap();
}

#[test]
fn a_rename_does_not_hide_an_arrow() {
    let folder = copy();
    let line = "hidden = { package = \"portcullis-scope\", path = \"../portcullis-scope\" }";
    insert(folder.path(), "portcullis-key", "dependencies", line);
    let failure = check(folder.path()).unwrap_err().to_string();
    assert!(
        failure.contains("portcullis-key (tier 0) [dependencies] -> portcullis-scope"),
        "{failure}"
    );
}

#[test]
fn a_published_crate_may_not_depend_on_a_private_one() {
    let folder = copy();
    let line = "portcullis-probes = { path = \"../portcullis-probes\" }";
    insert(
        folder.path(),
        "portcullis-dialect",
        "dev-dependencies",
        line,
    );
    let failure = check(folder.path()).unwrap_err().to_string();
    assert_eq!(
        failure,
        "portcullis-dialect [dev-dependencies] -> portcullis-probes: \
         a published crate needs a private one"
    );
}

#[test]
fn a_published_crate_without_a_tier_is_refused() {
    let folder = copy();
    let manifest = folder.path().join("crates/portcullis-probes/Cargo.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("publish = false\n", "")).unwrap();
    let failure = check(folder.path()).unwrap_err().to_string();
    assert!(
        failure.starts_with("portcullis-probes has no tier: "),
        "{failure}"
    );
}

#[test]
fn the_fence_of_cargo_deny_knows_every_published_crate() {
    let deny = fs::read_to_string(workspace::root().join("deny.toml")).unwrap();
    for package in Workspace::read(workspace::root()).unwrap().packages {
        let fenced = deny.contains(&format!("{{ crate = \"{}\", wrappers = [", package.name));
        assert_eq!(fenced, package.published, "{} in deny.toml", package.name);
    }
}

/// What the fence says once one crate of a copy depends on another.
fn after_adding(package: &str, table: &str, dependency: &str) -> String {
    let folder = copy();
    add(folder.path(), package, table, dependency);
    check(folder.path()).unwrap_err().to_string()
}

fn add(root: &Path, package: &str, table: &str, dependency: &str) {
    insert(
        root,
        package,
        table,
        &format!("{dependency}.workspace = true"),
    );
}

/// Puts one line under a table of a crate's manifest; the table is made if it is not there.
fn insert(root: &Path, package: &str, table: &str, line: &str) {
    let manifest = root.join(format!("crates/{package}/Cargo.toml"));
    let text = fs::read_to_string(&manifest).unwrap();
    let header = format!("[{table}]\n");
    let text = match text.split_once(&format!("\n{header}")) {
        Some((before, after)) => format!("{before}\n{header}{line}\n{after}"),
        None => format!("{text}\n{header}{line}\n"),
    };
    fs::write(&manifest, text).unwrap();
}

/// The manifests of this workspace, each with empty sources where cargo wants to see a target.
fn copy() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = workspace::root();
    copy_file(root, folder.path(), &root.join("Cargo.toml"));
    for package in Workspace::read(root).unwrap().packages {
        copy_file(root, folder.path(), &package.manifest);
        for source in package.sources {
            let source = folder.path().join(source.strip_prefix(root).unwrap());
            fs::create_dir_all(source.parent().unwrap()).unwrap();
            fs::write(source, "").unwrap();
        }
    }
    folder
}

fn copy_file(root: &Path, folder: &Path, file: &Path) {
    let to = folder.join(file.strip_prefix(root).unwrap());
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(file, to).unwrap();
}
