//! The example of the README is the one that is compiled in the crate's documentation.

use std::fs;
use std::path::Path;

fn read(path: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(ToOwned::to_owned).collect()
}

/// The lines from the first that begins the program to the fence that ends the block.
fn program(lines: impl Iterator<Item = String>) -> Vec<String> {
    let from_start = lines.skip_while(|line| line != "#[tokio::main]");
    from_start.take_while(|line| line != "```").collect()
}

#[test]
fn the_readmes_example_is_the_compiled_one() {
    let documented = read("src/lib.rs")
        .into_iter()
        .filter_map(|line| line.strip_prefix("//!").map(ToOwned::to_owned))
        .map(|line| line.strip_prefix(' ').unwrap_or(&line).to_owned())
        .filter(|line| !line.starts_with("# "));
    let documented = program(documented);
    assert!(documented.len() > 20, "{documented:#?}");
    assert_eq!(program(read("README.md").into_iter()), documented);
}
