//! Bodies: none anywhere in a build without the crate that keeps them, sampled ones in a build with it.

mod of_a_client;

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::support::{Gateway, Home, PATIENCE, Request, Sdk, all_bytes_of, build, workspace};

/// What a client writes wherever it can, and nobody may keep.
const MARKER: &str = "MARKER-7f3a9c";

#[test]
fn the_gateway_without_the_crate_of_bodies_leaves_no_byte_of_one_anywhere() {
    let home = Home::new();
    let gateway = home.serve_with(&["--log", "trace"]);
    // A setting changes nothing.
    home.run(&["retention", "set", "--instance", "sampling=100%"])
        .succeeded();
    let mut sdk = Sdk::start(gateway.address());
    let key = gateway.first_key().clone();
    let chat = sdk.call(&key, "chat", "builtin-chat");
    assert_eq!(chat["content"], "You said: hello there", "{chat}");
    sdk.call(&key, "embeddings", "builtin-embedding");
    refuse_and_answer(&home, &gateway);
    wait_for_requests(&home, "builtin-chat", 2);
    let while_serving = all_bytes_of(&home.data());
    let tables = tables(&home);
    assert!(
        !tables.iter().any(|name| name.contains("bod")),
        "{tables:?}"
    );
    let causes = ["model_not_allowed", "invalid_body", "unsupported_endpoint"];
    let usage = wait_for_usage(&home, |usage| {
        causes.iter().all(|cause| usage.contains(cause))
    });
    let listed: Vec<String> = models(&home);
    assert!(listed.contains(&"(not listed)".to_owned()), "{listed:?}");
    let said = gateway.stop().succeeded();
    assert!(said.stderr.contains("call settled"), "nothing was traced");
    let printed = format!("{}{}", said.stdout, said.stderr).into_bytes();
    let files = while_serving.into_iter().chain(all_bytes_of(&home.data()));
    for (place, bytes) in files.chain([
        ("output".to_owned(), printed),
        ("usage".to_owned(), usage.into()),
    ]) {
        for marker in [MARKER, "You said"] {
            let found = bytes
                .windows(marker.len())
                .any(|it| it == marker.as_bytes());
            assert!(!found, "{place} holds {marker}");
        }
    }
}

#[test]
fn the_gateway_with_it_keeps_sampled_bodies_redacted_and_metadata_of_all() {
    let home = Home::of(sampling_gateway());
    let gateway = home.serve();
    assert_names_itself(&home, &gateway);
    home.run(&["retention", "set", "sampling=0%"]).succeeded();
    refuse_and_answer(&home, &gateway);
    home.run(&["retention", "set", "sampling=100%"]).succeeded();
    refuse_and_answer(&home, &gateway);
    wait_for_requests(&home, "builtin-chat", 2);
    let deadline = Instant::now() + PATIENCE;
    while bodies(&home).len() < 2 {
        assert!(Instant::now() < deadline, "no body was stored");
        std::thread::sleep(Duration::from_millis(20));
    }
    let found = bodies(&home);
    let sides: Vec<&str> = found.iter().map(|(side, ..)| side.as_str()).collect();
    assert_eq!(
        sides,
        ["request", "response"],
        "of the second alone: {found:?}"
    );
    for (_, content, redactions) in &found {
        assert!(content.contains(MARKER), "{content}");
        assert!(
            content.contains("[redacted:email]") && !content.contains("ada@example.com"),
            "{content}"
        );
        assert!(redactions.contains("\"email\":"), "{redactions}");
    }
    let doctor = home.run(&["doctor"]).succeeded().stdout;
    assert!(doctor.contains("tables_registered"), "{doctor}");

    let purged = home.run(&["purge", "project"]).succeeded();
    assert!(
        purged.stderr.contains("body_samples") && purged.stderr.contains("2 rows removed"),
        "{}",
        purged.stderr
    );
    assert!(bodies(&home).is_empty());
    let receipt: serde_json::Value = serde_json::from_str(&purged.stdout).unwrap();
    assert_eq!(receipt["kind"], "portcullis-purge-receipt-v1");
    gateway.stop().succeeded();

    // The same data under the build that knows no bodies: found, named, and nothing is planned around it.
    let without = Home::new();
    std::fs::rename(home.data(), without.data()).unwrap();
    let plan = without.run(&["retention", "plan"]);
    assert!(
        plan.stderr.contains("`body_samples`") && plan.stderr.contains("register it"),
        "{}",
        plan.stderr
    );
    let doctor = without.run(&["doctor"]);
    assert!(
        doctor.stdout.contains("FAIL table_not_registered"),
        "{}",
        doctor.stdout
    );
}

#[test]
fn the_dependency_graph_shows_which_build_keeps_bodies() {
    let tree = |package: &str| {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let mut command = Command::new(cargo);
        command.current_dir(workspace());
        command.args([
            "tree",
            "--locked",
            "--offline",
            "--prefix",
            "none",
            "-e",
            "normal,build,dev",
            "-p",
            package,
        ]);
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    for package in [
        "portcullis-examples",
        "portcullis",
        "portcullis-gate",
        "portcullis-sqlite",
        "portcullis-tower",
    ] {
        let found = tree(package);
        assert!(found.contains("portcullis-store"), "{package}: {found}");
        assert!(!found.contains("portcullis-bodies"), "{package}: {found}");
    }
    assert!(tree("portcullis-sampling-gateway").contains("portcullis-bodies"));
}

/// One answer, and refusals at every step behind the key, each with the marker in all that a client can write.
fn refuse_and_answer(home: &Home, gateway: &Gateway) {
    let key = gateway.first_key();
    let restricted = home.mint(&["--model", "builtin-embedding"]);
    let chat = |model: &str| {
        format!(
            r#"{{"model":"{model}","user":"{MARKER}","messages":[{{"role":"user","content":"{MARKER} of ada@example.com"}}]}}"#
        )
    };
    let post = |path: &str, body: String| {
        Request::post(path, body)
            .bearer(key)
            .send(gateway.address())
    };
    assert_eq!(
        post("/v1/chat/completions", chat("builtin-chat")).status,
        200
    );
    let unknown = Request::post("/v1/chat/completions", chat(MARKER)).bearer(&restricted);
    assert_eq!(unknown.send(gateway.address()).status, 403);
    assert_eq!(
        post(&format!("/v1/{MARKER}"), chat("builtin-chat")).status,
        404
    );
    assert_eq!(
        post("/v1/chat/completions", format!("{{\"{MARKER}\":")).status,
        400
    );
}

/// Waits until `usage` counts so many answered requests of a model.
fn wait_for_requests(home: &Home, model: &str, count: u64) {
    wait_for_usage(home, |usage| {
        let line = usage.lines().find(|line| line.starts_with(model));
        let seen = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        seen.is_some_and(|seen| seen >= count)
    });
}

/// Waits until `usage` says what it should: traces are written off the path of requests.
fn wait_for_usage(home: &Home, is_there: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let usage = home.run(&["usage"]).succeeded().stdout;
        if is_there(&usage) {
            return usage;
        }
        assert!(Instant::now() < deadline, "{usage}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Side, content and redactions of all stored bodies.
fn bodies(home: &Home) -> Vec<(String, String, String)> {
    let db = open(home);
    let mut statement = db
        .prepare("SELECT side, CAST(content AS TEXT), redactions FROM body_samples ORDER BY rowid")
        .unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

/// The models of all traces.
fn models(home: &Home) -> Vec<String> {
    let db = open(home);
    let months = "SELECT name FROM trace_months";
    let table: String = db.query_row(months, [], |row| row.get(0)).unwrap();
    let mut statement = db.prepare(&format!("SELECT model FROM {table}")).unwrap();
    let models = statement.query_map([], |row| row.get(0)).unwrap();
    models.collect::<Result<_, _>>().unwrap()
}

fn tables(home: &Home) -> Vec<String> {
    let db = open(home);
    let mut statement = db
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")
        .unwrap();
    let names = statement.query_map([], |row| row.get(0)).unwrap();
    names.collect::<Result<_, _>>().unwrap()
}

fn open(home: &Home) -> Connection {
    let db = Connection::open(home.data().join("portcullis.db")).unwrap();
    db.busy_timeout(PATIENCE).unwrap();
    db
}

/// What it says of itself starts this program, and not the one whose source it shares.
fn assert_names_itself(home: &Home, gateway: &Gateway) {
    let said = gateway.process().stderr.text();
    let hint = "cargo run -p portcullis-sampling-gateway -- --data '";
    assert_eq!(said.matches(hint).count(), 3, "{said}");
    let help = home.run(&["keys", "mint", "--help"]).succeeded().stdout;
    let usage = "Usage: sampling-gateway keys mint ";
    assert!(help.contains(usage), "{help}");

    let forwarding = Home::of(sampling_gateway());
    let forwarding = forwarding.serve_with(&["--upstream", "http://127.0.0.1:9"]);
    let refused = forwarding.ask(forwarding.first_key()).text();
    let hint = "cargo run -p portcullis-sampling-gateway -- credentials put openai <";
    assert!(refused.contains(hint), "{refused}");
    for text in [said, help, refused] {
        assert!(!text.contains("--example"), "{text}");
    }
}

/// The gateway with bodies.
fn sampling_gateway() -> PathBuf {
    build(&["-p", "portcullis-sampling-gateway"]).join("sampling-gateway")
}
