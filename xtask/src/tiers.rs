//! `cargo xtask tiers`: which crate may depend on which.
//!
//! 1. Every published member stands in the [`table`]; a member that does not is `publish = false`.
//! 2. A dependency or build-dependency points to a lower tier. Never sideways, never to a private
//!    package.
//! 3. A dev-dependency does so too, except that from tier 2 on it may point to its own tier: the
//!    pipeline is tested on the embedded store. Leaves do not even meet in tests.
//! 4. Private packages (examples, benches, probes, commands) may depend on anything.
//!
//! `deny.toml` holds the same fence with cargo-deny, which sees the resolved graph but has to be
//! installed; this one needs cargo only, and is part of `cargo xtask test`.

mod table;
#[cfg(test)]
mod tests;

use std::path::Path;

use table::{Tier, tier};

use crate::failure::Failure;
use crate::workspace::{self, Dependency, Kind, Package, Workspace};

/// Checks the manifests of this workspace.
///
/// # Errors
/// One line for each arrow that breaks a rule, naming both ends.
pub(crate) fn run() -> Result<(), Failure> {
    check(workspace::root())
}

fn check(folder: &Path) -> Result<(), Failure> {
    let workspace = Workspace::read(folder)?;
    let broken: Vec<String> = workspace
        .packages
        .iter()
        .flat_map(|package| breaches(package, &workspace))
        .collect();
    if broken.is_empty() {
        println!("{} manifests keep the tiers", workspace.packages.len());
        Ok(())
    } else {
        Err(Failure::new(broken.join("\n")))
    }
}

/// What one package does wrong.
fn breaches(package: &Package, workspace: &Workspace) -> Vec<String> {
    if !package.published {
        return Vec::new();
    }
    let Some(from) = tier(&package.name) else {
        let name = &package.name;
        return vec![format!(
            "{name} has no tier: add it to xtask/src/tiers/table.rs, or set `publish = false`"
        )];
    };
    let own = |dependency: &&Dependency| {
        workspace
            .packages
            .iter()
            .any(|member| member.name == dependency.name)
            || tier(&dependency.name).is_some()
    };
    let arrows = package.dependencies.iter().filter(own);
    arrows
        .filter_map(|dependency| breach(package, from, dependency))
        .collect()
}

/// What one arrow between our packages does wrong.
fn breach(package: &Package, from: Tier, to: &Dependency) -> Option<String> {
    let name = &package.name;
    // A crate may ask itself for a feature in its own tests; that is no arrow.
    if to.name == *name && to.kind == Kind::Dev {
        return None;
    }
    let table = match to.kind {
        Kind::Build => "build-dependencies",
        Kind::Dev => "dev-dependencies",
        Kind::Normal => "dependencies",
    };
    let Some(below) = tier(&to.name) else {
        return Some(format!(
            "{name} [{table}] -> {}: a published crate needs a private one",
            to.name
        ));
    };
    let sideways_in_tests = to.kind == Kind::Dev && from >= SIDEWAYS_IN_TESTS && below == from;
    if below < from || sideways_in_tests {
        return None;
    }
    Some(format!(
        "{name} (tier {from}) [{table}] -> {} (tier {below}): an arrow points to a lower tier only",
        to.name
    ))
}

/// The first tier whose crates may meet their neighbours in tests.
const SIDEWAYS_IN_TESTS: Tier = 2;
