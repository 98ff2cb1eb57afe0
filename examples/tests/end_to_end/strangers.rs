//! Whoever has not shown a key's secret gets one answer, byte for byte.

use std::time::Duration;

use crate::support::{Home, Key, Request};

#[test]
fn strangers_cannot_tell_what_is_wrong_with_a_key() {
    let home = Home::new();
    let gateway = home.serve();
    let (active, revoked, disabled) = (home.mint(&[]), home.mint(&[]), home.mint(&[]));
    let expired = home.mint(&["--lifetime", "1s"]);
    home.revoke(&revoked);
    home.run(&["keys", "disable", disabled.id()]).succeeded();
    std::thread::sleep(Duration::from_secs(1));

    // A secret of another key under each id, and under an id that nobody has.
    let strange = home.mint(&[]);
    let wrong = |key: &Key| edit(&strange, key.id());
    let unknown = edit(&strange, "000000000000");
    let chat = Request::chat("builtin-chat", false);
    let bearer = |key: &Key| chat.clone().bearer(key);
    let cases = [
        ("missing", chat.clone()),
        ("empty", chat.clone().header("Authorization", "")),
        (
            "no scheme",
            chat.clone().header("Authorization", active.text()),
        ),
        (
            "other scheme",
            chat.clone().header("Authorization", "Basic dTpw"),
        ),
        (
            "malformed",
            chat.clone().header("Authorization", "Bearer sk-1"),
        ),
        (
            "two differing",
            bearer(&active).header("X-Api-Key", strange.text()),
        ),
        ("wrong checksum", bearer(&wrong_checksum(&active))),
        ("unknown id", bearer(&unknown)),
        ("wrong secret", bearer(&wrong(&active))),
        ("wrong secret, revoked", bearer(&wrong(&revoked))),
        ("wrong secret, disabled", bearer(&wrong(&disabled))),
        ("wrong secret, expired", bearer(&wrong(&expired))),
        (
            "another path",
            Request::get("/v1/files/secret").bearer(&unknown),
        ),
        ("another method", Request::post("/healthz/x", "{}")),
    ];

    let mut answers = cases.into_iter().map(|(case, request)| {
        let mut answer = request.send(gateway.address());
        assert_eq!(
            answer.outcome(),
            (401, "invalid_api_key".to_owned()),
            "{case}"
        );
        answer.headers.retain(|(name, _)| name != "date");
        (case, answer)
    });
    let (_, first) = answers.next().unwrap();
    assert_eq!(first.header("www-authenticate"), Some("Bearer"));
    for (case, answer) in answers {
        assert_eq!(answer.headers, first.headers, "{case}");
        assert_eq!(answer.body, first.body, "{case}");
    }

    // Who has the secret is told more, so the cases above were not refused for another reason.
    let code = |key: &Key| bearer(key).send(gateway.address()).outcome().1;
    assert_eq!(code(&active), "ok");
    assert_eq!(code(&revoked), "key_revoked");
    assert_eq!(code(&disabled), "key_disabled");
    assert_eq!(code(&expired), "key_expired");
}

#[test]
fn only_the_health_route_is_open() {
    let home = Home::new();
    let gateway = home.serve();
    let health = Request::get("/healthz").send(gateway.address());
    assert_eq!((health.status, health.text()), (200, "ok\n".to_owned()));
    for path in [
        "/",
        "/healthz/",
        "/HEALTHZ",
        "/healthz/../v1/models",
        "//healthz",
        "/v1/models",
    ] {
        let answer = Request::get(path).send(gateway.address());
        assert_eq!(answer.status, 401, "{path}");
    }
}

/// The key with another id and a checksum that fits.
fn edit(key: &Key, id: &str) -> Key {
    Key::with_checksum(&key.without_checksum().replace(key.id(), id))
}

fn wrong_checksum(key: &Key) -> Key {
    let text = key.text();
    let (rest, last) = text.split_at(text.len() - 1);
    Key::new(format!("{rest}{}", if last == "0" { "1" } else { "0" }))
}
