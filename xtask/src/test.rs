//! `cargo xtask test`: every check, the same for a contributor and for continuous integration.

use std::process::ExitCode;

use crate::exec::{self, Exec};
use crate::prepare::{self, GO_VARIABLE, PYTHON_VARIABLE, Prepared, SOFTHSM_VARIABLE};
use crate::steps::{self, Step};
use crate::tally::Tally;
use crate::workspace::{self, Package, Workspace};
use crate::{tiers, told};

/// Runs all steps up to the first failure, which it tells with the command that repeats it. The
/// last line, in either case, is "N passed, N failed", alone.
pub(crate) fn run() -> ExitCode {
    let mut tally = Tally::default();
    let outcome = prepare::run().and_then(|prepared| {
        let workspace = Workspace::read(workspace::root())?;
        steps::run(&plan(&workspace, &prepared), &mut tally)
    });
    if outcome.is_err() {
        tally.step_failed();
    }
    let code = told(outcome);
    println!("\n{tally}");
    code
}

/// Cheap checks first; then what a user compiles (each crate alone), then the workspace as a whole.
fn plan(workspace: &Workspace, prepared: &Prepared) -> Vec<Step> {
    let test = |args: &[&str]| {
        let args = [&["test", "--locked"], args].concat();
        Exec::cargo(&args)
            .env(PYTHON_VARIABLE, exec::text(&prepared.python))
            .env(GO_VARIABLE, exec::text(&prepared.go))
            .env(SOFTHSM_VARIABLE, exec::text(&prepared.softhsm))
    };
    let mut steps = vec![
        Step::exec("format", Exec::cargo(&["fmt", "--all", "--check"])),
        Step::own("tiers", tiers::run, "cargo xtask tiers"),
        Step::exec("lints", Exec::cargo(LINTS)),
        Step::exec("fuzz targets compile", fuzz_check(workspace)),
    ];
    // Alone, because a build of the whole workspace unifies features: a crate that forgot to ask
    // for one would find it switched on by a neighbour.
    for Package {
        name, has_features, ..
    } in workspace.packages.iter().filter(|p| p.published)
    {
        // And without its tests, whose dependencies ask for features too.
        let check = Exec::cargo(&["check", "--locked", "--lib", "-p", name]);
        steps.push(Step::exec(format!("{name} as a dependency"), check));
        steps.push(Step::exec(format!("{name} alone"), test(&["-p", name])));
        if *has_features {
            let exec = test(&["-p", name, "--all-features"]);
            steps.push(Step::exec(format!("{name} alone, all features"), exec));
        }
    }
    // Once more together, with every feature: what a user of the facade compiles, and the end-to-end tests.
    let whole = test(&["--workspace", "--all-features"]);
    steps.push(Step::exec("workspace, end to end", whole));
    steps.push(Step::exec(
        "docs",
        Exec::cargo(DOCS).env("RUSTDOCFLAGS", "-D warnings"),
    ));
    steps
}

const LINTS: &[&str] = &[
    "clippy",
    "--locked",
    "--workspace",
    "--all-targets",
    "--all-features",
    "--",
    "-D",
    "warnings",
];

const DOCS: &[&str] = &[
    "doc",
    "--locked",
    "--workspace",
    "--all-features",
    "--no-deps",
];

/// On stable and without libFuzzer's C++: a check links nothing, so a library path that holds no
/// library will do. The build folder is the workspace's, where the dependencies are checked already.
fn fuzz_check(workspace: &Workspace) -> Exec {
    let target = exec::text(&workspace.target);
    let manifest = "fuzz/Cargo.toml";
    Exec::cargo(&[
        "check",
        "--locked",
        "--manifest-path",
        manifest,
        "--target-dir",
        &target,
    ])
    .env("CUSTOM_LIBFUZZER_PATH", "target/not-linked.a")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        let workspace = Workspace::read(workspace::root()).unwrap();
        let prepared = Prepared {
            python: "python".into(),
            go: "go".into(),
            softhsm: "libsofthsm2.so".into(),
        };
        plan(&workspace, &prepared)
            .iter()
            .map(|step| step.name().to_owned())
            .collect()
    }

    #[test]
    fn every_published_crate_is_tested_alone() {
        let names = names();
        let workspace = Workspace::read(workspace::root()).unwrap();
        for package in workspace
            .packages
            .iter()
            .filter(|package| package.published)
        {
            let alone = format!("{} alone", package.name);
            assert!(names.contains(&alone), "{alone} is not a step");
            let dependency = format!("{} as a dependency", package.name);
            assert!(names.contains(&dependency), "{dependency} is not a step");
            let all = format!("{alone}, all features");
            assert_eq!(names.contains(&all), package.has_features, "{all}");
        }
    }
}
