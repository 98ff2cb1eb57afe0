//! What the README shows is what there is.

use std::fs;

use crate::support::{Finished, Home, Key, workspace};

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
    let key = gateway.first_key();
    let mut ran = 0;
    for line in readme.lines() {
        let Some(rest) = line.strip_prefix(COMMAND) else {
            continue;
        };
        let (command, comment) = rest.split_once('#').unwrap_or((rest, ""));
        let done = run(&home, key, command);
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

/// A line as a shell runs it: words, quotes, one redirection; `ID` is the key's.
fn run(home: &Home, key: &Key, command: &str) -> Finished {
    let (command, input) = match command.split_once('<') {
        Some((command, file)) => (command, format!("sk-from-{}\n", file.trim())),
        None => (command, String::new()),
    };
    let word = |word: &str| match word {
        "ID" => key.id().to_owned(),
        word => word.trim_matches('\'').to_owned(),
    };
    let args: Vec<String> = command.split_whitespace().map(word).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    home.run_with_input(&args, input.as_bytes())
}

fn read(path: &str) -> String {
    fs::read_to_string(workspace().join(path)).unwrap()
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap();
    rest.split_once(after).unwrap().0
}

const COMMAND: &str = "cargo run --example gateway -- ";
