//! Secrets are in no file and in no output but where they are meant to be.

use std::fs;

use crate::support::{Finished, Home, Key, Provider, Request, Sdk, all_bytes_of};

#[test]
fn no_file_and_no_log_holds_a_secret_after_a_whole_life() {
    let provider = Provider::start();
    let home = Home::new();
    let args = ["--upstream", &provider.url(), "--log", "trace"];
    let gateway = home.serve_with(&args);
    let first = gateway.first_key().clone();
    let mut outputs = vec![
        put(&home, "sk-replaced-0123456789abcdefghij"),
        put(&home, CREDENTIAL),
    ];

    let mut keys = vec![first.clone()];
    for args in [
        vec!["keys", "mint"],
        vec!["keys", "rotate", first.id(), "--grace", "1h"],
    ] {
        let mut minted = home
            .run(&[&args[..], &["--log", "trace"]].concat())
            .succeeded();
        keys.push(Key::new(minted.stdout.trim_end().to_owned()));
        // The one place where it is meant to be: alone on standard output.
        minted.stdout.clear();
        outputs.push(minted);
    }
    let mut sdk = Sdk::start(gateway.address());
    for key in &keys {
        for model in [Provider::PLAIN, Provider::UNAUTHORIZED] {
            let _good_or_refused = sdk.call(key, "chat", model);
        }
        sdk.call(key, "models", "");
        let wrong = format!("{}x", key.text());
        sdk.call_with(Some(&wrong), "chat", Provider::PLAIN);
        let stream = Request::chat(Provider::STREAM, true).bearer(key);
        let stream = stream.open(gateway.address());
        stream.intake.wait_for("word ");
        let broken = Request::post("/v1/chat/completions", "{").bearer(key);
        assert_eq!(broken.send(gateway.address()).status, 400);
    }
    for args in [
        vec!["keys", "list"],
        vec!["keys", "show", first.id()],
        vec!["credentials", "list"],
        vec!["doctor"],
        vec!["keys", "disable", keys[1].id()],
        vec!["keys", "revoke", first.id(), "--secret", "1"],
        vec!["keys", "revoke", first.id()],
        // A key where an id belongs is a mistake, and must not be repeated.
        vec!["keys", "show", keys[1].text()],
        vec!["keys", "revoke", keys[1].text()],
    ] {
        outputs.push(home.run(&[&args[..], &["--log", "trace"]].concat()));
    }
    let wal = home.data().join("portcullis.db-wal");
    assert!(fs::metadata(&wal).unwrap().len() > 0, "looked at too late");
    let while_serving = all_bytes_of(&home.data());
    let mut serving = gateway.stop().succeeded();
    assert!(serving.stderr.contains("TRACE"), "nothing was traced");
    assert!(serving.stderr.contains("call settled"));
    // What the first start prints to be pasted holds the key: for curl and for Python, between these lines.
    let pasted = serving.stderr.matches(first.secret()).count();
    assert_eq!(pasted, 2, "the first key is in the log");
    let (before, rest) = serving.stderr.split_once("A first key was made").unwrap();
    let (_, after) = rest.split_once("Revoke it while this runs").unwrap();
    serving.stderr = format!("{before}{after}");
    serving.stdout.clear();
    outputs.push(serving);

    let master = fs::read_to_string(home.data().join("master.key")).unwrap();
    let master = master.trim().rsplit(':').next().unwrap().to_owned();
    assert!(master.len() >= 43, "not the key's text");
    let mut secrets: Vec<&str> = keys.iter().map(Key::secret).collect();
    secrets.extend([CREDENTIAL, "sk-replaced-0123456789abcdefghij"]);

    let printed = outputs
        .iter()
        .map(|output| (output.command.clone(), text_of(output)));
    let files = while_serving.into_iter().chain(all_bytes_of(&home.data()));
    let files = files.filter(|(name, _)| !name.ends_with("master.key"));
    for (place, bytes) in printed.chain(files) {
        for secret in secrets.iter().chain([&master.as_str()]) {
            let text = secret.as_bytes();
            let found = bytes.windows(text.len()).any(|window| window == text);
            assert!(!found, "{place} holds a secret, {}..", &secret[..4]);
        }
    }
    for secret in [CREDENTIAL, &master] {
        assert!(!provider.seen().is_empty());
        let to_clients = sdk.everything();
        assert!(!to_clients.contains(secret), "a client was told a secret");
    }
}

fn put(home: &Home, secret: &str) -> Finished {
    let args = ["credentials", "put", "openai", "--log", "trace"];
    home.run_with_input(&args, secret.as_bytes()).succeeded()
}

fn text_of(output: &Finished) -> Vec<u8> {
    format!("{}{}", output.stdout, output.stderr).into_bytes()
}

const CREDENTIAL: &str = "sk-proj-0123456789abcdefghijklmnop";

#[test]
fn a_credential_on_the_command_line_is_refused_and_not_repeated() {
    let home = Home::new();
    home.serve().stop().succeeded();
    let secret = "sk-pasted-where-it-does-not-belong";
    for args in [
        &["credentials", "put", "openai", secret][..],
        &["credentials", "put", secret],
        &["credentials", secret],
        &["credentials", "put", "openai", "--name", secret, secret],
        &["keys", "show", secret],
    ] {
        let finished = home.run(args).failed();
        let said = format!("{}{}", finished.stdout, finished.stderr);
        assert!(!said.contains(secret), "{said}");
        assert!(said.starts_with("error: "), "{said}");
    }
}
