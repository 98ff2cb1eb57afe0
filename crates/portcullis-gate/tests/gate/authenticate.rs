//! Whose key is it: what a caller is, and the one answer to everybody who has not shown a secret.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use portcullis_gate::{Dialect, Lifetime, MintedKey, Presented, Refusal};

use crate::support::key_text::{prefix_of, sealed, with_other_id, with_other_secret, with_prefix};
use crate::support::{Stage, authenticate, code, prefix};

#[tokio::test]
async fn a_key_says_whose_it_is_and_its_row_says_the_environment() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    let caller = stage.authenticate(&key).await.unwrap();
    assert_eq!((caller.org(), caller.project()), (stage.org, stage.project));
    assert_eq!((caller.key(), caller.secret_version()), (key.id, 1));
    assert_eq!(caller.environment(), "live");
    assert!(!caller.is_revoked() && caller.allows_model("gpt-4o"));
}

#[tokio::test]
async fn a_key_is_taken_from_each_header_that_clients_use() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    let bearer = format!("Bearer {}", key.text);
    for (name, value) in [
        ("authorization", bearer.as_str()),
        ("x-api-key", &key.text),
        ("api-key", &key.text),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        let presented = Presented::take(&mut headers).unwrap();
        assert!(headers.is_empty());
        let caller = stage
            .gate
            .authenticate(presented, portcullis_gate::Client::unknown())
            .await;
        assert_eq!(caller.unwrap().key(), key.id, "{name}");
    }
}

#[tokio::test]
async fn before_the_secret_every_refusal_is_the_same_answer() {
    let stage = Stage::new().await;
    let (key, revoked, disabled) = (stage.key().await, stage.key().await, stage.key().await);
    let expired = stage.mint_for(Lifetime::Days1, |new| new).await;
    stage.admin.revoke(revoked.id).await.unwrap();
    stage.admin.disable(disabled.id).await.unwrap();
    stage.pass(Duration::from_secs(2 * 86_400)).await;

    let mut refusals = strangers_headers();
    for text in [
        "x",
        "",
        &"x".repeat(5000),
        &key.text.replace("mr_live_", "mr_test_"),
        &with_other_id(&key.text),
        &with_other_secret(&key.text),
        &with_prefix(&key.text, "mr_test_"),
        &with_other_secret(&revoked.text),
        &with_other_secret(&disabled.text),
        &with_other_secret(&expired.text),
        &with_prefix(&revoked.text, "mr_test_"),
    ] {
        refusals.push(authenticate(&stage.gate, text).await.unwrap_err());
    }
    stage.admin.suspend_organization(stage.org).await.unwrap();
    let suspended = authenticate(&stage.gate, &with_other_secret(&key.text)).await;
    refusals.push(suspended.unwrap_err());

    for dialect in [Dialect::OpenAi, Dialect::Anthropic] {
        let first = answer(&refusals[0], dialect);
        assert_eq!(first.0, StatusCode::UNAUTHORIZED);
        assert!(
            first
                .1
                .contains(&("www-authenticate".to_owned(), "Bearer".to_owned()))
        );
        for refusal in &refusals {
            assert!(refusal.is_before_secret(), "{refusal:?}");
            assert_eq!(answer(refusal, dialect), first, "{refusal:?}");
            assert_eq!(refusal.to_event(dialect), refusals[0].to_event(dialect));
        }
    }
}

#[tokio::test]
async fn the_operator_sees_the_causes_apart() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    let refused = async |text: &str| authenticate(&stage.gate, text).await.unwrap_err();
    assert!(matches!(refused("x").await, Refusal::MalformedKey(_)));
    let unknown = refused(&with_other_id(&key.text)).await;
    assert!(matches!(unknown, Refusal::UnknownKey(id) if id != key.id));
    let wrong = refused(&with_other_secret(&key.text)).await;
    assert!(matches!(wrong, Refusal::WrongSecret(id) if id == key.id));
    let prefix = refused(&with_prefix(&key.text, "mr_test_")).await;
    assert!(matches!(prefix, Refusal::WrongPrefix(id) if id == key.id));
}

#[tokio::test]
async fn a_test_key_rewritten_to_live_is_a_stranger() {
    let stage = Stage::with(|builder| builder.environments(["live"])).await;
    let test = stage.admin.mint(portcullis_gate::NewKey::new(
        stage.org,
        stage.project,
        "test",
        prefix("test"),
        Lifetime::Never,
    ));
    let text = test.await.unwrap().key.expose_once(str::to_owned);
    assert_eq!(
        code(authenticate(&stage.gate, &text).await),
        "environment_not_allowed"
    );
    let rewritten = with_prefix(&text, "mr_live_");
    let refusal = authenticate(&stage.gate, &rewritten).await.unwrap_err();
    assert!(matches!(refusal, Refusal::WrongPrefix(_)), "{refusal:?}");
    assert!(refusal.is_before_secret());
}

#[tokio::test]
async fn a_prefix_that_differs_by_one_byte_is_refused() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    let genuine = prefix_of(&key.text).as_bytes().to_vec();
    let mut tried = 0;
    for position in 0..genuine.len() {
        for byte in (b'0'..=b'9').chain(b'a'..=b'z').chain([b'_', b'M', b'L']) {
            let mut other = genuine.clone();
            other[position] = byte;
            if other == genuine {
                continue;
            }
            let text = with_prefix(&key.text, str::from_utf8(&other).unwrap());
            let refusal = authenticate(&stage.gate, &text).await.unwrap_err();
            assert!(refusal.is_before_secret(), "{text}: {refusal:?}");
            tried += 1;
        }
    }
    for other in ["mr_live", "mr__live_", "mmr_live_", "mr_livee_", "r_live_"] {
        let text = with_prefix(&key.text, other);
        assert!(authenticate(&stage.gate, &text).await.is_err(), "{other}");
        tried += 1;
    }
    assert!(tried > 250);
    assert!(
        authenticate(&stage.gate, &with_prefix(&key.text, "mr_live_"))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn no_text_makes_the_gate_panic() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    for cut in 0..key.text.len() {
        let (head, tail) = key.text.split_at(cut);
        for text in [head.to_owned(), tail.to_owned(), sealed(head), sealed(tail)] {
            // `sealed` of all but the checksum is the key again.
            let is_key = text == key.text;
            assert_eq!(
                authenticate(&stage.gate, &text).await.is_ok(),
                is_key,
                "{cut}"
            );
        }
    }
    let opaque = HeaderValue::from_bytes(&[0xff; 80]).unwrap();
    let presented = Presented::from_value(opaque);
    assert!(
        stage
            .gate
            .authenticate(presented, portcullis_gate::Client::unknown())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn the_holder_of_the_secret_is_told_why() {
    let stage = Stage::new().await;
    let (revoked, disabled, good) = (stage.key().await, stage.key().await, stage.key().await);
    let expired = stage.mint_for(Lifetime::Days1, |new| new).await;
    stage.admin.revoke(revoked.id).await.unwrap();
    stage.admin.disable(disabled.id).await.unwrap();
    stage.pass(Duration::from_secs(86_400)).await;
    for (key, expected) in [
        (&revoked, "key_revoked"),
        (&disabled, "key_disabled"),
        (&expired, "key_expired"),
    ] {
        let refusal = stage.authenticate(key).await.unwrap_err();
        assert_eq!(
            (refusal.code(), refusal.status()),
            (expected, StatusCode::UNAUTHORIZED)
        );
        let response = refusal.to_response(Dialect::OpenAi);
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        assert!(!refusal.is_before_secret());
    }
    stage.admin.suspend_organization(stage.org).await.unwrap();
    let refusal = stage.authenticate(&good).await.unwrap_err();
    assert_eq!(
        (refusal.code(), refusal.status()),
        ("organization_suspended", StatusCode::FORBIDDEN)
    );
}

#[tokio::test]
async fn a_key_of_an_environment_that_is_not_served_is_refused() {
    let stage = Stage::with(|builder| builder.environments(["test"])).await;
    let refusal = stage.authenticate(&stage.key().await).await.unwrap_err();
    assert_eq!(refusal.code(), "environment_not_allowed");
    assert_eq!(refusal.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_gate_that_serves_no_environment_serves_no_key() {
    let stage = Stage::with(|builder| builder.environments::<String>([])).await;
    assert_eq!(
        code(stage.authenticate(&stage.key().await).await),
        "environment_not_allowed"
    );
}

/// What the headers alone can do wrong.
fn strangers_headers() -> Vec<Refusal> {
    let cases: [&[(&str, &str)]; 5] = [
        &[],
        &[("authorization", "Basic bXI6bXI=")],
        &[("authorization", "Bearer")],
        &[("authorization", "Bearer a"), ("x-api-key", "b")],
        &[("authorization", "Bearer a"), ("authorization", "Bearer b")],
    ];
    let take = |lines: &&[(&'static str, &'static str)]| {
        let mut headers = HeaderMap::new();
        for (name, value) in *lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        Presented::take(&mut headers).unwrap_err()
    };
    cases.iter().map(take).collect()
}

/// Everything that a client sees.
fn answer(refusal: &Refusal, dialect: Dialect) -> (StatusCode, Vec<(String, String)>, Bytes) {
    let (parts, body) = refusal.to_response(dialect).into_parts();
    let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)));
    (parts.status, headers.collect(), body)
}

/// The minted key of the leaf is the one that the gate hands out.
#[test]
fn debug_of_a_minted_key_shows_no_secret() {
    let key = MintedKey::mint(&prefix("live"), &mut getrandom::SysRng).unwrap();
    let shown = format!("{key:?}");
    let text = key.expose_once(str::to_owned);
    assert!(!shown.contains(crate::support::key_text::secret_of(&text)));
}
