//! What the README shows is what there is.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::{Home, workspace};

#[test]
fn the_route_in_the_readme_is_the_example() {
    let example = read("examples/protect_a_route.rs");
    let shown = between(&example, "// README: begin\n", "// README: end\n");
    let readme = read("README.md");
    let block = between(&readme, "```rust\n", "```\n");
    assert_eq!(block, shown);
    let lines = shown.lines().filter(|line| !line.trim().is_empty());
    assert!(
        lines.count() <= 40,
        "it is about twenty lines, and a signature"
    );
}

#[test]
fn the_commands_in_the_readme_do_what_it_says() {
    let readme = read("README.md");
    let home = Home::new();
    let gateway = home.serve();
    // It names no folder: the one that a first start makes.
    symlink(home.data(), home.default_data()).unwrap();
    let key = gateway.first_key();
    let mut ran = 0;
    for line in readme.lines() {
        let Some(rest) = line.strip_prefix(COMMAND) else {
            continue;
        };
        let (command, comment) = rest.split_once('#').unwrap_or((rest, ""));
        let done = home.run_line(&command.replace(" ID ", &format!(" {} ", key.id())));
        if comment.contains("refused") {
            let done = done.failed();
            assert!(done.stderr.starts_with("error: "), "{done}");
        } else {
            done.succeeded();
        }
        ran += 1;
    }
    assert!(ran >= 6, "the README has lost its commands");
    assert_eq!(gateway.ask(key).outcome().1, "key_revoked");
    let listed = home.run(&["credentials", "list"]).succeeded().stdout;
    assert!(listed.contains("openai"), "{listed}");
}

#[test]
fn the_commands_that_a_start_prints_work_on_its_folder() {
    let home = Home::new();
    let mut printed = Vec::new();
    for upstream in [&[][..], &["--upstream", "http://127.0.0.1:9"]] {
        let gateway = home.serve_with(upstream);
        let said = gateway.process().stderr.text();
        let lines = said
            .lines()
            .filter_map(|line| line.trim().strip_prefix(COMMAND));
        for line in lines {
            // The one that serves is asked for its help: its folder is in use.
            let line = match line.contains("--upstream") {
                true => format!("{line} --help"),
                false => line.to_owned(),
            };
            home.run_line(&line).succeeded();
            printed.push(line);
        }
        gateway.stop().succeeded();
    }
    for command in [
        "credentials put openai",
        "keys revoke",
        "keys list",
        "keys mint",
    ] {
        assert!(
            printed.iter().any(|line| line.contains(command)),
            "{printed:?}"
        );
    }
    let listed = home.run(&["keys", "list"]).succeeded().stdout;
    assert!(
        listed.contains("revoked") && listed.contains("my-key"),
        "{listed}"
    );
}

#[test]
fn each_command_explains_itself() {
    let home = Home::new();
    let help = home.run(&["--help"]).succeeded().stdout;
    for option in [
        "--data",
        "--log",
        "--listen",
        "--upstream",
        "keys",
        "credentials",
        "doctor",
    ] {
        assert!(help.contains(option), "{option} is not in {help}");
    }
    for command in [
        "keys mint",
        "keys rotate",
        "keys revoke",
        "keys show",
        "credentials put",
    ] {
        let mut args: Vec<&str> = command.split(' ').collect();
        args.push("--help");
        let help = home.run(&args).succeeded().stdout;
        assert!(help.contains(&format!("gateway {command}")), "{help}");
    }
    assert!(!home.data().exists());
}

fn read(path: &str) -> String {
    fs::read_to_string(workspace().join(path)).unwrap()
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap();
    rest.split_once(after).unwrap().0
}

const COMMAND: &str = "cargo run --example gateway -- ";
