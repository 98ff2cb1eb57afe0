//! From where a key may be used, through the command line and over real connections.

use crate::support::{Exchange, Gateway, Home, Key, Request};

fn models(gateway: &Gateway, key: &Key) -> (u16, String) {
    models_with(gateway, key, &[])
}

fn models_with(gateway: &Gateway, key: &Key, headers: &[(&str, &str)]) -> (u16, String) {
    let request = Request::get("/v1/models").bearer(key);
    let add = |request: Request, (name, value): &(&str, &str)| request.header(name, value);
    let request = headers.iter().fold(request, add);
    request.send(gateway.address()).outcome()
}

fn refused() -> (u16, String) {
    (403, "ip_not_allowed".to_owned())
}

#[test]
fn a_key_is_bound_to_addresses_and_freed_while_the_gateway_serves() {
    let home = Home::new();
    let gateway = home.serve();
    let elsewhere = home.mint(&["--allow-ip", "203.0.113.0/24", "--allow-ip", "2001:db8::1"]);
    let here = home.mint(&["--allow-ip", "127.0.0.0/8"]);
    assert_eq!(models(&gateway, &elsewhere), refused());
    assert_eq!(models(&gateway, &here).0, 200);

    let shown = home.run(&["keys", "show", elsewhere.id()]).succeeded();
    assert!(shown.stdout.contains("203.0.113.0/24, 2001:db8::1"));
    let set = ["keys", "set", elsewhere.id(), "--allow-ip", "127.0.0.1"];
    home.run(&set).succeeded();
    assert_eq!(
        models(&gateway, &elsewhere).0,
        200,
        "in force when the command returned"
    );
    home.run(&["keys", "set", here.id(), "--allow-ip", "203.0.113.1"])
        .succeeded();
    assert_eq!(models(&gateway, &here), refused());
    home.run(&["keys", "set", here.id(), "--any-ip"])
        .succeeded();
    assert_eq!(models(&gateway, &here).0, 200);
}

#[test]
fn the_organizations_list_holds_for_all_its_keys() {
    let home = Home::new();
    let gateway = home.serve();
    let key = gateway.first_key();
    home.run(&["organization", "set", "--allow-ip", "203.0.113.0/24"])
        .succeeded();
    assert_eq!(models(&gateway, key), refused());
    let tried = home
        .run(&["keys", "try-ip", key.id(), "203.0.113.9", "127.0.0.1"])
        .succeeded();
    assert!(
        tried.stdout.contains("the organization admits it"),
        "{}",
        tried.stdout
    );
    assert!(
        tried.stdout.contains("the organization REFUSES it"),
        "{}",
        tried.stdout
    );
    home.run(&["organization", "set", "--any-ip"]).succeeded();
    assert_eq!(models(&gateway, key).0, 200);
}

#[test]
fn behind_a_trusted_proxy_the_header_counts_and_without_one_it_does_not() {
    let home = Home::new();
    let proxied = [
        "--trusted-proxy",
        "127.0.0.1",
        "--client-header",
        "x-forwarded-for",
    ];
    let gateway = home.serve_with(&proxied);
    let key = home.mint(&["--allow-ip", "203.0.113.7"]);
    let from = |said: &str| models_with(&gateway, &key, &[("X-Forwarded-For", said)]);
    assert_eq!(from("203.0.113.7").0, 200);
    assert_eq!(from("198.51.100.1, 203.0.113.7").0, 200);
    assert_eq!(from("203.0.113.7, 198.51.100.1"), refused());
    assert_eq!(from("203.0.113.7, unknown"), refused());
    assert_eq!(models(&gateway, &key), refused(), "no header");
    gateway.stop();

    let gateway = home.serve();
    let said = models_with(&gateway, &key, &[("X-Forwarded-For", "203.0.113.7")]);
    assert_eq!(said, refused(), "nobody is trusted");
}

#[test]
fn a_proxy_protocol_header_tells_the_client_and_is_required_of_the_proxy() {
    let home = Home::new();
    let gateway = home.serve_with(&["--trusted-proxy", "127.0.0.1", "--proxy-protocol"]);
    let key = home.mint(&["--allow-ip", "203.0.113.7"]);
    let ask = |start: &[u8]| {
        let mut exchange = Exchange::connect(gateway.address());
        exchange.write(start);
        exchange.write(Request::get("/v1/models").bearer(&key).head().as_bytes());
        exchange.answer().outcome()
    };
    assert_eq!(
        ask(b"PROXY TCP4 203.0.113.7 127.0.0.1 5000 8080\r\n").0,
        200
    );
    assert_eq!(
        ask(b"PROXY TCP4 203.0.113.8 127.0.0.1 5000 8080\r\n"),
        refused()
    );
    assert_eq!(ask(b"PROXY UNKNOWN\r\n"), refused());
    let v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x07\x7f\0\0\x01\x13\x88\x1f\x90";
    assert_eq!(ask(v2).0, 200);
}

#[test]
fn a_source_that_contradicts_itself_refuses_to_start() {
    for (args, said) in [
        (vec!["--trusted-proxy", "10.0.0.0/8"], "--client-header"),
        (
            vec![
                "--trusted-proxy",
                "10.0.0.5/8",
                "--client-header",
                "forwarded",
            ],
            "did you mean 10.0.0.0/8",
        ),
        (
            vec![
                "--trusted-proxy",
                "10.0.0.1",
                "--client-header",
                "forwarded",
                "--trusted-hops",
                "0",
            ],
            "trusted hops",
        ),
        (
            vec![
                "--trusted-proxy",
                "10.0.0.1",
                "--client-header",
                "x_real_ip",
            ],
            "x_real_ip",
        ),
    ] {
        let home = Home::new();
        let finished = home.run(&args).failed();
        assert!(
            finished.stderr.contains(said),
            "{args:?}: {}",
            finished.stderr
        );
        assert!(!home.data().exists(), "nothing was made");
    }
}

#[test]
fn what_is_likely_to_be_a_mistake_is_said_and_bad_lists_are_refused_whole() {
    let home = Home::new();
    let gateway = home.serve();
    let bad = [
        "keys",
        "mint",
        "--allow-ip",
        "10.0.0.5/8",
        "--allow-ip",
        "010.0.0.1",
    ];
    let finished = home.run(&bad).failed();
    assert!(
        finished.stderr.contains("did you mean 10.0.0.0/8"),
        "{}",
        finished.stderr
    );
    assert!(finished.stderr.contains("010.0.0.1"), "{}", finished.stderr);
    let wide = home
        .run(&["keys", "mint", "--allow-ip", "0.0.0.0/0"])
        .succeeded();
    assert!(wide.stderr.contains("warning:"), "{}", wide.stderr);
    gateway.stop();
}
