//! Revoked means revoked: when the command returns, in another process than the one that serves.

use std::time::{Duration, Instant};

use crate::support::{Exchange, Gateway, Home, Key, Provider, Request, chat_body};

#[test]
fn the_first_request_after_the_command_returned_is_refused() {
    let home = Home::new();
    let gateway = home.serve();
    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        let key = home.mint(&[]);
        assert_eq!(gateway.ask(&key).status, 200);
        let returned = home.revoke(&key).at;
        let answer = gateway.ask(&key);
        slowest = slowest.max(returned.elapsed());
        assert_eq!(answer.outcome(), (401, "key_revoked".to_owned()));
    }
    println!(
        "refused within {slowest:?} after the command returned, request and connection included"
    );
}

#[test]
fn a_running_stream_ends_with_an_error_event_and_is_settled() {
    let provider = Provider::start();
    let home = Home::new();
    let (gateway, _) = serving(&home, &provider);
    let (mut slowest, mut in_all) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..5 {
        let key = home.mint(&[]);
        let stream = Request::chat(Provider::STREAM, true)
            .bearer(&key)
            .open(gateway.address());
        stream.intake.wait_for("word ");
        let began = Instant::now();
        let returned = home.revoke(&key).at;
        let told = stream.intake.wait_for("key_revoked");
        let ended = stream.intake.wait_for_end();
        slowest = slowest.max(ended.saturating_duration_since(returned));
        in_all = in_all.max(ended - began);

        let answer = stream.answer().text();
        let last = answer.trim_end().rsplit("\n\n").next().unwrap();
        assert!(last.starts_with("data: {\"error\":"), "{last}");
        assert!(!answer.contains("[DONE]"));
        assert!(ended >= told, "nothing follows the event");
        provider.wait_until_idle();
        settled(&gateway, &key, 1, "cut");
    }
    println!(
        "streams ended within {slowest:?} after the command returned, {in_all:?} after it was started"
    );
    assert!(slowest < Duration::from_millis(100), "{slowest:?}");
}

#[test]
fn a_request_that_waits_for_the_provider_is_cut() {
    let provider = Provider::start();
    let home = Home::new();
    let (gateway, key) = serving(&home, &provider);
    let waiting = Request::chat(Provider::SILENT, false)
        .bearer(&key)
        .open(gateway.address());
    provider.wait_for_requests(1);
    assert!(!waiting.intake.has_ended());
    let returned = home.revoke(&key).at;
    let ended = waiting.intake.wait_for_end();
    assert!(ended.saturating_duration_since(returned) < Duration::from_millis(100));
    assert_eq!(waiting.answer().outcome(), (401, "key_revoked".to_owned()));
    // The call that it waited for is given up, too.
    provider.wait_until_idle();
    settled(&gateway, &key, 1, "cut");
}

#[test]
fn a_disabled_key_and_an_expired_key_are_cut_too() {
    let provider = Provider::start();
    let home = Home::new();
    let (gateway, disabled) = serving(&home, &provider);
    let began = Instant::now();
    let expiring = home.mint(&["--lifetime", "3s"]);
    let open = |key: &Key| {
        let request = Request::chat(Provider::STREAM, true).bearer(key);
        request.open(gateway.address())
    };
    let (first, second) = (open(&disabled), open(&expiring));
    first.intake.wait_for("word ");
    second.intake.wait_for("word ");
    home.run(&["keys", "disable", disabled.id()]).succeeded();
    first.intake.wait_for("key_disabled");
    first.intake.wait_for_end();
    let told = second.intake.wait_for("key_expired");
    assert!(
        told - began >= Duration::from_secs(3),
        "cut before its time"
    );
    second.intake.wait_for_end();
    provider.wait_until_idle();
}

#[test]
fn revoking_one_secret_cuts_its_stream_and_leaves_the_other_alone() {
    let provider = Provider::start();
    let home = Home::new();
    let (gateway, old) = serving(&home, &provider);
    let new = home.rotate(&old, "24h");
    let open = |key: &Key| {
        let request = Request::chat(Provider::STREAM, true).bearer(key);
        let stream = request.open(gateway.address());
        stream.intake.wait_for("word ");
        stream
    };
    let (of_old, of_new) = (open(&old), open(&new));
    let args = ["keys", "revoke", old.id(), "--secret", "1"];
    let returned = home.run(&args).succeeded().at;
    let ended = of_old.intake.wait_for_end();
    assert!(ended.saturating_duration_since(returned) < Duration::from_millis(100));
    assert!(of_old.intake.text().contains("key_revoked"));
    assert_eq!(gateway.ask(&old).outcome().0, 401);
    settled(&gateway, &old, 1, "cut");

    // The other one goes on: more of it comes in than was there when the first one had ended.
    let before = of_new.intake.bytes().len();
    let deadline = Instant::now() + Duration::from_secs(10);
    while of_new.intake.bytes().len() < before + 1000 {
        assert!(Instant::now() < deadline, "the other stream stands still");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(!of_new.intake.has_ended());
    assert!(!of_new.intake.text().contains("error"));
    assert_eq!(gateway.ask(&new).status, 200);
    // A client that leaves is settled as one that left.
    drop(of_new);
    settled(&gateway, &new, 2, "dropped");
}

#[test]
fn a_body_that_arrives_after_the_revocation_is_refused() {
    let provider = Provider::start();
    let home = Home::new();
    let (gateway, key) = serving(&home, &provider);
    let body = chat_body(Provider::PLAIN, false);
    let (first, rest) = body.as_bytes().split_at(body.len() / 2);
    let request = Request::post("/v1/chat/completions", body.clone()).bearer(&key);

    let mut slow = Exchange::connect(gateway.address());
    slow.write(request.head().as_bytes());
    for byte in first {
        slow.write(&[*byte]);
        std::thread::sleep(Duration::from_millis(2));
    }
    home.revoke(&key);
    for byte in rest {
        slow.write(&[*byte]);
    }
    assert_eq!(slow.answer().outcome(), (401, "key_revoked".to_owned()));
    assert!(provider.seen().is_empty(), "{:?}", provider.seen());
}

/// A gateway before a provider of ours that logs what it settles, and a key.
fn serving(home: &Home, provider: &Provider) -> (Gateway, Key) {
    let args = ["--upstream", &provider.url(), "--log", "info"];
    let gateway = home.serve_with(&args);
    home.put_credential("openai", "sk-test");
    let key = gateway.first_key().clone();
    (gateway, key)
}

/// Waits until the log says that a call of this secret ended so, and sees that it says so once.
fn settled(gateway: &Gateway, key: &Key, version: u32, end: &str) {
    let log = &gateway.process().stderr;
    let secret = format!("key={} secret_version={version} ", key.id());
    let end = format!("end=\"{end}\"");
    let count = || {
        let text = log.text();
        let settlements = text.lines().filter(|line| line.contains("call settled"));
        settlements
            .filter(|line| line.contains(&secret) && line.contains(&end))
            .count()
    };
    let deadline = Instant::now() + Duration::from_secs(10);
    while count() == 0 {
        assert!(Instant::now() < deadline, "not settled:\n{}", log.text());
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(count(), 1, "{}", log.text());
}
