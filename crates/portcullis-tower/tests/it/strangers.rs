//! Whoever has not shown a key's secret gets one answer.

use std::time::Duration;

use portcullis_gate::{KeyPrefix, KeyRules, Lifetime};
use portcullis_key::{MintedKey, PublicId};

use crate::support::{Client, Key, Provider, World, get, prefix};

/// A key's text with another secret: the id is right, and so is the checksum.
fn with_wrong_secret(key: &Key, prefix: &KeyPrefix) -> String {
    let id = PublicId::try_from(*key.id.as_bytes()).unwrap();
    let minted = MintedKey::mint_with_id(prefix, id, &mut getrandom::SysRng).unwrap();
    minted.expose_once(str::to_owned)
}

/// A key's text under another prefix, with the checksum made fresh: the secret is right.
fn under_prefix(key: &str, prefix: &KeyPrefix) -> String {
    let (start, rest) = key.split_at(crate::support::prefix().as_str().len());
    assert_eq!(start, crate::support::prefix().as_str());
    let (id_and_secret, checksum_of_key) = rest.split_at(rest.len() - 6);
    assert_eq!(
        checksum(&format!("{start}{id_and_secret}")),
        checksum_of_key,
        "this test makes checksums as keys do"
    );
    let text = format!("{}{id_and_secret}", prefix.as_str());
    format!("{text}{}", checksum(&text))
}

/// CRC-32/ISO-HDLC in six digits of base62.
fn checksum(text: &str) -> String {
    let mut crc = !0_u32;
    for byte in text.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    let mut rest = !crc;
    let mut digits = [0; 6];
    for digit in digits.iter_mut().rev() {
        let symbols = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        *digit = symbols[usize::try_from(rest % 62).unwrap()];
        rest /= 62;
    }
    String::from_utf8(digits.to_vec()).unwrap()
}

#[tokio::test]
async fn strangers_get_one_answer_byte_for_byte() {
    let world = World::new().await;
    let provider = Provider::silent();
    let server = provider.behind(&world.gate).await;
    let admin = world.admin();
    let active = world.key().await;
    let (revoked, disabled) = (world.key().await, world.key().await);
    admin.revoke(revoked.id).await.unwrap();
    admin.disable(disabled.id).await.unwrap();
    let lifetime = "5s".parse::<Lifetime>().unwrap();
    let expired = world.mint(lifetime, KeyRules::default()).await;
    world.clock.advance(Duration::from_secs(5));
    let test = KeyPrefix::new("mr", "test").unwrap();
    let bearer = |key: &str| format!("authorization: Bearer {key}\r\n");
    let nobodys = MintedKey::mint(&prefix(), &mut getrandom::SysRng).unwrap();

    let mut truncated = active.text.clone();
    truncated.pop();
    let strangers = [
        ("missing", String::new()),
        ("empty", bearer("")),
        ("another scheme", "authorization: Basic YTpi\r\n".to_owned()),
        ("malformed", bearer("sk-something")),
        ("truncated", bearer(&truncated)),
        (
            "differing",
            format!("{}x-api-key: other\r\n", bearer(&active.text)),
        ),
        ("not text", "x-api-key: k\u{e9}y\r\n".to_owned()),
        ("unknown", bearer(&nobodys.expose_once(str::to_owned))),
        (
            "wrong secret",
            bearer(&with_wrong_secret(&active, &prefix())),
        ),
        (
            "wrong prefix and secret",
            bearer(&with_wrong_secret(&active, &test)),
        ),
        (
            "edited environment",
            bearer(&under_prefix(&active.text, &test)),
        ),
        (
            "revoked, wrong secret",
            bearer(&with_wrong_secret(&revoked, &prefix())),
        ),
        (
            "disabled, wrong secret",
            bearer(&with_wrong_secret(&disabled, &prefix())),
        ),
        (
            "expired, wrong secret",
            bearer(&with_wrong_secret(&expired, &prefix())),
        ),
    ];
    let mut first = None;
    for (who, headers) in strangers {
        let request = get("/v1/models", &headers);
        let answer = Client::send(server, request).await.rest().await;
        assert_eq!(
            (answer.status(), answer.code()),
            (401, "invalid_api_key"),
            "{who}"
        );
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{who}");
        let first = first.get_or_insert_with(|| answer.without_date());
        assert_eq!(answer.without_date(), *first, "{who}");
    }

    // The same keys with their secret: the holder is told why.
    for (key, code) in [
        (&revoked, "key_revoked"),
        (&disabled, "key_disabled"),
        (&expired, "key_expired"),
    ] {
        let request = get("/v1/models", &bearer(&key.text));
        let answer = Client::send(server, request).await.rest().await;
        assert_eq!((answer.status(), answer.code()), (401, code));
        assert_ne!(Some(answer.without_date()), first);
    }
    assert!(provider.received().is_empty());
}

#[tokio::test]
async fn after_the_secret_an_organizations_suspension_is_told() {
    let world = World::new().await;
    let server = Provider::silent().behind(&world.gate).await;
    let key = world.key().await;
    world.admin().suspend_organization(world.org).await.unwrap();
    for (text, told) in [
        (key.text.clone(), (403, "organization_suspended")),
        (with_wrong_secret(&key, &prefix()), (401, "invalid_api_key")),
    ] {
        let request = get("/v1/models", &format!("x-api-key: {text}\r\n"));
        let answer = Client::send(server, request).await.rest().await;
        assert_eq!((answer.status(), answer.code()), told);
    }
}
