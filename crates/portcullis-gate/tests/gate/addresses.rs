//! From where a key may be used: its own list and its organization's, asked in the one function that every path uses.

use std::net::SocketAddr;

use http::{HeaderMap, HeaderValue};
use portcullis_gate::{
    AddressSource, AdminError, Caller, Client, Dialect, KeyRules, ListHeader, ProxyHeader, Refusal,
};
use portcullis_store::ControlStore as _;

use crate::support::{Key, Stage, code, gpt, models, present};

/// Rules that allow these addresses only.
fn from(allow: &[&str]) -> KeyRules {
    KeyRules {
        allow_ips: Some(allow.iter().map(ToString::to_string).collect()),
        ..KeyRules::default()
    }
}

fn peer(ip: &str) -> Client {
    Client::from_peer(SocketAddr::new(ip.parse().unwrap(), 4711))
}

async fn call(stage: &Stage, key: &Key, client: Client) -> Result<Caller, Refusal> {
    stage.gate.authenticate(present(&key.text), client).await
}

#[tokio::test]
async fn a_key_with_a_list_works_from_the_list_only() {
    let stage = Stage::new().await;
    let key = stage
        .mint(|new| new.rules(from(&["192.0.2.0/24", "2001:db8::7"])))
        .await;
    for ip in ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::7"] {
        assert!(call(&stage, &key, peer(ip)).await.is_ok(), "{ip}");
    }
    for ip in [
        "192.0.3.1",
        "2001:db8::8",
        "::ffff:192.0.3.1",
        "::192.0.2.1",
    ] {
        assert_eq!(
            code(call(&stage, &key, peer(ip)).await),
            "ip_not_allowed",
            "{ip}"
        );
    }
    let unknown = call(&stage, &key, Client::unknown()).await;
    assert_eq!(
        code(unknown),
        "ip_not_allowed",
        "no address is no permission"
    );
}

#[tokio::test]
async fn the_organizations_list_must_admit_an_address_too() {
    let stage = Stage::new().await;
    let open = stage.key().await;
    let narrow = stage
        .mint(|new| new.rules(from(&["192.0.2.0/24", "198.51.100.1"])))
        .await;
    let set = |list: Option<Vec<String>>| stage.admin.set_organization_allowlist(stage.org, list);
    set(Some(vec!["192.0.2.0/25".to_owned()])).await.unwrap();
    assert!(call(&stage, &open, peer("192.0.2.1")).await.is_ok());
    assert!(call(&stage, &narrow, peer("192.0.2.1")).await.is_ok());
    for (key, ip) in [
        (&open, "192.0.2.200"),
        (&narrow, "192.0.2.200"),
        (&narrow, "198.51.100.1"),
    ] {
        assert_eq!(code(call(&stage, key, peer(ip)).await), "ip_not_allowed");
    }
    set(Some(Vec::new())).await.unwrap();
    assert_eq!(
        code(call(&stage, &open, peer("192.0.2.1")).await),
        "ip_not_allowed",
        "an empty list admits nobody"
    );
    set(None).await.unwrap();
    assert!(call(&stage, &open, peer("198.51.100.9")).await.is_ok());
}

#[tokio::test]
async fn a_refused_address_leaves_no_last_use() {
    let mut stage = Stage::new().await;
    let key = stage.mint(|new| new.rules(from(&["192.0.2.1"]))).await;
    let _upkeep = stage.spawn_upkeep();
    assert!(call(&stage, &key, peer("192.0.2.2")).await.is_err());
    stage.gate.close().await.unwrap();
    let row = stage.store.key(key.id).await.unwrap().unwrap();
    assert_eq!(row.secrets[0].last_used_at, None);
}

#[tokio::test]
async fn a_list_that_changes_between_the_steps_decides_the_next_one() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    let caller = call(&stage, &key, peer("192.0.2.1")).await.unwrap();
    let permit = caller.authorize(gpt().without_credential()).await.unwrap();
    stage
        .admin
        .set_rules(key.id, from(&["192.0.2.2"]))
        .await
        .unwrap();
    assert_eq!(
        code(caller.authorize(gpt()).await),
        "ip_not_allowed",
        "between authenticate and authorize"
    );
    assert_eq!(
        code(permit.open_without_credential().await),
        "ip_not_allowed",
        "between authorize and open"
    );
}

#[tokio::test]
async fn the_refusal_tells_the_operator_all_and_the_caller_nothing_of_the_list() {
    let stage = Stage::new().await;
    let key = stage.mint(|new| new.rules(from(&["192.0.2.0/24"]))).await;
    let refusal = call(&stage, &key, peer("203.0.113.66")).await.unwrap_err();
    let inside = refusal.to_string();
    assert!(inside.contains("203.0.113.66"), "{inside}");
    assert!(inside.contains("the connection"), "provenance: {inside}");
    let rules = "rules 1 of the key, 1 of its organization";
    assert!(inside.contains(rules), "{inside}");
    for dialect in [Dialect::OpenAi, Dialect::Anthropic] {
        let answer = refusal.to_response(dialect);
        assert_eq!(answer.status(), 403);
        let body = String::from_utf8(answer.body().to_vec()).unwrap();
        assert!(
            !body.contains("192.0.2") && !body.contains("203.0.113"),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_trusted_proxy_says_who_its_client_is_and_nobody_else_does() {
    let source =
        AddressSource::trusted_proxies(ListHeader::XForwardedFor, &["10.0.0.0/8"]).unwrap();
    let stage = Stage::with(|builder| builder.client_address(source)).await;
    let key = stage.mint(|new| new.rules(from(&["192.0.2.7"]))).await;
    let asked = async |ip: &str, lines: &[&'static str]| {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_static(line));
        }
        let client = stage.gate.locate(peer(ip), &headers);
        code(call(&stage, &key, client).await)
    };
    assert_eq!(asked("10.0.0.1", &["192.0.2.7"]).await, "(allowed)");
    assert_eq!(
        asked("10.0.0.1", &["203.0.113.1", "192.0.2.7, 10.9.9.9"]).await,
        "(allowed)"
    );
    for (ip, lines) in [
        ("10.0.0.1", vec!["192.0.2.7, 203.0.113.1"]),
        ("10.0.0.1", vec!["192.0.2.7, unknown"]),
        ("10.0.0.1", vec!["192.0.2.7, "]),
        ("10.0.0.1", vec![]),
        ("203.0.113.1", vec!["192.0.2.7"]),
    ] {
        assert_eq!(asked(ip, &lines).await, "ip_not_allowed", "{ip} {lines:?}");
    }
    // Nobody looked at the headers: a trusted proxy is not its own client.
    assert_eq!(
        code(call(&stage, &key, peer("10.0.0.1")).await),
        "ip_not_allowed"
    );
}

#[tokio::test]
async fn only_the_configured_header_is_looked_at() {
    let proxies = &["10.0.0.1"];
    let forwarded = AddressSource::trusted_proxies(ListHeader::Forwarded, proxies);
    let x_forwarded_for = AddressSource::trusted_proxies(ListHeader::XForwardedFor, proxies);
    let second = AddressSource::trusted_hops(ListHeader::XForwardedFor, 2, proxies);
    let single = AddressSource::single_header("cf-connecting-ip", proxies);
    let good = [
        ("forwarded", "for=192.0.2.7"),
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-for", "192.0.2.7, 10.0.0.9"),
        ("cf-connecting-ip", "192.0.2.7"),
    ];
    let sources = [forwarded, x_forwarded_for, second, single];
    for (source, (right, value)) in sources.into_iter().zip(good) {
        let source = source.unwrap();
        let said = format!("{source:?}");
        let stage = Stage::with(|builder| builder.client_address(source)).await;
        let key = stage.mint(|new| new.rules(from(&["192.0.2.7"]))).await;
        let asked = async |headers: &[(&'static str, &'static str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(*name, HeaderValue::from_static(value));
            }
            let client = stage.gate.locate(peer("10.0.0.1"), &map);
            code(call(&stage, &key, client).await)
        };
        assert_eq!(asked(&[(right, value)]).await, "(allowed)", "{said}");
        let others: Vec<_> = good
            .into_iter()
            .filter(|(name, _)| *name != right)
            .collect();
        assert_eq!(asked(&others).await, "ip_not_allowed", "{said}");
        let aliases = [("x_forwarded_for", "192.0.2.7"), ("x-real-ip", "192.0.2.7")];
        assert_eq!(asked(&aliases).await, "ip_not_allowed", "{said}");
    }
}

#[tokio::test]
async fn a_proxy_protocol_header_says_who_the_client_is() {
    let source = AddressSource::proxy_protocol(&["10.0.0.1"]).unwrap();
    let stage = Stage::with(|builder| builder.client_address(source)).await;
    let key = stage.mint(|new| new.rules(from(&["192.0.2.7"]))).await;
    let client = |ip, header| peer(ip).with_proxy_header(header);
    let good = ProxyHeader::Source("192.0.2.7".parse().unwrap());
    assert!(call(&stage, &key, client("10.0.0.1", good)).await.is_ok());
    for (ip, header) in [
        ("10.0.0.2", good),
        ("10.0.0.1", ProxyHeader::Local),
        ("10.0.0.1", ProxyHeader::Unknown),
    ] {
        let refused = call(&stage, &key, client(ip, header)).await;
        assert_eq!(code(refused), "ip_not_allowed", "{ip} {header:?}");
    }
    assert_eq!(
        code(call(&stage, &key, peer("10.0.0.1")).await),
        "ip_not_allowed"
    );
}

#[tokio::test]
async fn every_bad_entry_is_told_and_nothing_is_stored() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    let bad = from(&["192.0.2.1", "10.0.0.5/8", "010.0.0.0/8", "fe80::1%eth0"]);
    let error = stage.admin.set_rules(key.id, bad).await.unwrap_err();
    assert!(matches!(error, AdminError::Allowlist(_)), "{error}");
    let said = error.to_string();
    for part in ["did you mean 10.0.0.0/8", "010.0.0.0/8", "fe80::1%eth0"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let list = Some(vec!["everyone".to_owned()]);
    let error = stage
        .admin
        .set_organization_allowlist(stage.org, list)
        .await;
    assert!(matches!(error, Err(AdminError::Allowlist(_))), "{error:?}");
    assert_eq!(stage.describe(&key).await.rules, KeyRules::default());
}

#[tokio::test]
async fn changing_some_rules_keeps_the_others_as_they_were_written() {
    let stage = Stage::new().await;
    let key = stage
        .mint(|new| new.rules(models(&["gpt-4o"], &["o1"])))
        .await;
    let written = vec!["2001:DB8::/32".to_owned(), "192.0.2.1".to_owned()];
    let change = |old: KeyRules| KeyRules {
        allow_ips: Some(written.clone()),
        ..old
    };
    stage.admin.change_rules(key.id, change).await.unwrap();
    let rules = stage.describe(&key).await.rules;
    assert_eq!(rules.allow_models, Some(vec!["gpt-4o".to_owned()]));
    assert_eq!(rules.deny_models, ["o1"]);
    assert_eq!(rules.allow_ips, Some(written));
}
