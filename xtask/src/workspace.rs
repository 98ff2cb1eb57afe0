//! What `cargo metadata` says about the workspace, reduced to what the commands ask.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::exec::{self, Exec};
use crate::failure::Failure;

/// The folder of the root manifest.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// The packages of a workspace and its build folder.
pub(crate) struct Workspace {
    pub(crate) packages: Vec<Package>,
    pub(crate) target: PathBuf,
}

/// One member.
pub(crate) struct Package {
    pub(crate) name: String,
    /// `publish = false` is what makes a package private.
    pub(crate) published: bool,
    /// Whether it declares a feature besides `default`.
    pub(crate) has_features: bool,
    pub(crate) dependencies: Vec<Dependency>,
    /// Its Cargo.toml, and where the source of each of its targets lies.
    #[cfg(test)]
    pub(crate) manifest: PathBuf,
    #[cfg(test)]
    pub(crate) sources: Vec<PathBuf>,
}

/// One line of a dependency table.
pub(crate) struct Dependency {
    /// The package's own name, also where the manifest renames it.
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Build,
    Dev,
    Normal,
}

impl Workspace {
    /// Reads the workspace whose root manifest lies in `folder`. Resolves nothing, needs no network.
    ///
    /// # Errors
    /// cargo refuses a manifest, or its answer has another shape than documented.
    pub(crate) fn read(folder: &Path) -> Result<Self, Failure> {
        let manifest = exec::text(&folder.join("Cargo.toml"));
        let args = [
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--manifest-path",
            &manifest,
        ];
        let json = Exec::cargo(&args).output()?;
        let metadata: Value = serde_json::from_str(&json)
            .map_err(|error| Failure::new(format!("`cargo metadata` is not JSON: {error}")))?;
        workspace(&metadata).ok_or_else(|| {
            Failure::new("`cargo metadata` has not the shape of its format version 1")
        })
    }
}

fn workspace(metadata: &Value) -> Option<Workspace> {
    let packages = metadata.get("packages")?.as_array()?.iter().map(package);
    Some(Workspace {
        packages: packages.collect::<Option<_>>()?,
        target: metadata.get("target_directory")?.as_str()?.into(),
    })
}

fn package(package: &Value) -> Option<Package> {
    Some(Package {
        name: package.get("name")?.as_str()?.to_owned(),
        published: package
            .get("publish")?
            .as_array()
            .is_none_or(|to| !to.is_empty()),
        has_features: package
            .get("features")?
            .as_object()?
            .keys()
            .any(|name| name != "default"),
        dependencies: package
            .get("dependencies")?
            .as_array()?
            .iter()
            .map(dependency)
            .collect::<Option<_>>()?,
        #[cfg(test)]
        manifest: package.get("manifest_path")?.as_str()?.into(),
        #[cfg(test)]
        sources: sources(package)?,
    })
}

#[cfg(test)]
fn sources(package: &Value) -> Option<Vec<PathBuf>> {
    let targets = package.get("targets")?.as_array()?.iter();
    targets
        .map(|target| Some(target.get("src_path")?.as_str()?.into()))
        .collect()
}

fn dependency(dependency: &Value) -> Option<Dependency> {
    let kind = dependency.get("kind")?;
    let kind = if kind.is_null() {
        Kind::Normal
    } else if kind == "dev" {
        Kind::Dev
    } else if kind == "build" {
        Kind::Build
    } else {
        return None;
    };
    Some(Dependency {
        name: dependency.get("name")?.as_str()?.to_owned(),
        kind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_workspace_is_read() {
        let workspace = Workspace::read(root()).unwrap();
        let find = |name: &str| {
            workspace
                .packages
                .iter()
                .find(|package| package.name == name)
        };
        let xtask = find("xtask").unwrap();
        assert!(!xtask.published && !xtask.has_features);
        let has = |name: &str, kind| {
            xtask
                .dependencies
                .iter()
                .any(|found| found.name == name && found.kind == kind)
        };
        assert!(has("serde_json", Kind::Normal) && has("tempfile", Kind::Dev));
        let store = find("portcullis-store").unwrap();
        assert!(store.published && store.has_features);
    }

    #[test]
    fn a_kind_of_dependency_that_we_do_not_know_is_refused() {
        let unknown = serde_json::json!({ "name": "a", "kind": "later" });
        assert!(dependency(&unknown).is_none());
    }
}
