//! Stopping, killing and starting again.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::{Exchange, Gateway, Home, Key, Provider, Request, Running, all_bytes_of};

#[test]
fn kill_9_in_the_middle_of_minting_leaves_no_half_key() {
    let home = Home::new();
    let gateway = home.serve();
    let one_mint = Instant::now();
    home.mint(&[]);
    let one_mint = one_mint.elapsed();

    // Killed at each moment of its life in turn, and the last ones a little later.
    let mut shown = Vec::new();
    for round in 0..24_u32 {
        let minting = Running::start(home.command(&["keys", "mint", "--name", "killed"]));
        std::thread::sleep(one_mint * round / 20);
        let killed = minting.kill();
        if let Some(key) = killed.stdout.strip_suffix('\n') {
            shown.push(Key::new(key.to_owned()));
        }
    }
    for key in &shown {
        assert_eq!(gateway.ask(key).status, 200, "a key that was shown is lost");
    }
    let first = gateway.first_key().clone();
    gateway.kill();

    let gateway = home.serve();
    assert!(!gateway.made_a_key());
    assert_eq!(gateway.ask(&first).status, 200);
    let ids = listed(&home);
    assert!(ids.len() >= shown.len() + 2);
    for id in &ids {
        let show = home.run(&["keys", "show", id]).succeeded().stdout;
        assert_eq!(show.matches("secret 1").count(), 1, "{show}");
        assert_eq!(show.matches("\nsecret ").count(), 1, "{show}");
    }
    for key in &shown {
        assert!(ids.contains(&key.id().to_owned()));
    }
    let doctor = home.run(&["doctor"]).succeeded().stdout;
    assert!(!doctor.contains("FAIL"), "{doctor}");
    assert!(
        doctor.contains(&format!("{} keys are whole", ids.len())),
        "{doctor}"
    );
    println!("{} of 24 mints were shown before the kill", shown.len());
}

#[test]
fn a_second_start_finds_what_the_first_one_left() {
    let provider = Provider::start();
    let home = Home::new();
    let gateway = home.serve_before(&provider);
    home.put_credential("openai", "sk-kept");
    let (first, revoked) = (gateway.first_key().clone(), home.mint(&[]));
    let rotated = home.mint(&["--model", Provider::PLAIN]);
    let renewed = home.rotate(&rotated, "24h");
    home.revoke(&revoked);
    let before = listed(&home);
    gateway.stop().succeeded();
    // Nothing is left beside the two files that a backup needs, and the heads of the audit logs, which it must not hold.
    let files = all_bytes_of(&home.data()).into_iter();
    let names: Vec<String> = files
        .filter(|(path, _)| !path.contains("/heads/"))
        .map(|(path, _)| path.rsplit('/').next().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["master.key", "portcullis.db"]);

    let gateway = home.serve_before(&provider);
    assert!(!gateway.made_a_key());
    assert_eq!(listed(&home), before);
    for key in [&first, &rotated, &renewed] {
        let request = Request::chat(Provider::PLAIN, false).bearer(key);
        assert_eq!(request.send(gateway.address()).status, 200);
    }
    let bearer = provider.seen()[0]
        .header("authorization")
        .map(str::to_owned);
    assert_eq!(bearer.as_deref(), Some("Bearer sk-kept"));
    let refused = Request::chat("other", false).bearer(&renewed);
    assert_eq!(refused.send(gateway.address()).outcome().0, 403);
    assert_eq!(gateway.ask(&revoked).outcome().1, "key_revoked");
}

#[test]
fn of_two_first_starts_at_once_one_serves_and_the_other_names_it() {
    for _ in 0..5 {
        let home = Home::new();
        let mut starts = vec![home.start_serving(&[]), home.start_serving(&[])];
        let deadline = Instant::now() + Duration::from_secs(20);
        let loser = loop {
            if let Some(over) = starts.iter_mut().position(Running::has_ended) {
                break starts.remove(over).finish().failed();
            }
            assert!(Instant::now() < deadline, "both serve");
            std::thread::sleep(Duration::from_millis(5));
        };
        let winner = starts.remove(0);
        let process = format!("process {}", winner.id());
        assert!(loser.stderr.contains("already serves"), "{loser}");
        assert!(loser.stderr.contains(&process), "{loser}");
        assert_eq!(loser.stdout, "", "a key of a gateway that does not serve");

        let gateway = Gateway::is_up(winner);
        assert_eq!(gateway.ask(gateway.first_key()).status, 200);
        let made = [&gateway.process().stderr.text(), &loser.stderr];
        let made = made
            .iter()
            .filter(|said| said.contains("A new master key was made"));
        assert_eq!(made.count(), 1);
        assert_eq!(listed(&home).len(), 1);
        home.run(&["doctor"]).succeeded();
    }
}

#[test]
fn a_second_gateway_on_the_same_folder_is_refused_and_the_first_one_goes_on() {
    let home = Home::new();
    let gateway = home.serve();
    let second = home.start_serving(&[]).finish().failed();
    let address = format!("listening on {}", gateway.address());
    assert!(second.stderr.contains(&address), "{second}");
    assert_eq!(gateway.ask(gateway.first_key()).status, 200);
}

#[test]
fn after_kill_9_the_next_start_serves_once_the_lease_ran_out() {
    let home = Home::new();
    let gateway = home.serve();
    let key = gateway.first_key().clone();
    gateway.kill();
    let began = Instant::now();
    let gateway = home.serve();
    let took = began.elapsed();
    assert_eq!(gateway.ask(&key).status, 200);
    println!("serves again {took:?} after the kill");
    assert!(took < Duration::from_secs(6), "{took:?}");
}

#[test]
fn a_revocation_beside_a_gateway_that_was_killed_returns_and_holds() {
    let home = Home::new();
    let gateway = home.serve();
    let key = gateway.first_key().clone();
    gateway.kill();
    home.revoke(&key);
    let gateway = home.serve();
    assert_eq!(gateway.ask(&key).outcome(), (401, "key_revoked".to_owned()));
}

#[test]
fn sigterm_ends_it_soon_whatever_runs_and_a_successor_starts_at_once() {
    let provider = Provider::start();
    let home = Home::new();
    let gateway = home.serve_before(&provider);
    home.put_credential("openai", "sk-test");
    let key = gateway.first_key().clone();
    // A client that reads a stream, one that waits, one that is silent, one that has sent half a request.
    let stream = Request::chat(Provider::STREAM, true).bearer(&key);
    let stream = stream.open(gateway.address());
    stream.intake.wait_for("word ");
    let waiting = Request::chat(Provider::SILENT, false).bearer(&key);
    let waiting = waiting.open(gateway.address());
    provider.wait_for_requests(2);
    let idle = TcpStream::connect(gateway.address()).unwrap();
    let mut half = Exchange::connect(gateway.address());
    half.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: gateway.test\r\n");

    let began = Instant::now();
    gateway.stop().succeeded();
    let took = began.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    stream.intake.wait_for("gate_unavailable");
    assert_eq!(waiting.answer().outcome().1, "gate_unavailable");
    provider.wait_until_idle();
    drop((idle, half));

    let began = Instant::now();
    let gateway = home.serve_before(&provider);
    let starting = began.elapsed();
    assert_eq!(gateway.ask(&key).status, 200);
    println!("ended {took:?} after SIGTERM; the successor served {starting:?} later");
    assert!(
        starting < Duration::from_millis(1500),
        "it waited for a lease: {starting:?}"
    );
}

/// The ids of the keys that there are.
fn listed(home: &Home) -> Vec<String> {
    let list = home.run(&["keys", "list"]).succeeded().stdout;
    let ids = list.lines().skip(1);
    ids.map(|line| line.split(' ').next().unwrap().to_owned())
        .collect()
}
