//! A flood of invalid credentials is answered with 429, and never shuts anybody out.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use portcullis_gate::{Client, Dialect, FloodPolicy, Refusal};

use crate::support::key_text::{with_other_id, with_other_secret};
use crate::support::{Key, Stage, present};

fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

async fn stage(addresses: usize) -> Stage {
    let policy = FloodPolicy {
        per_minute: number(6),
        burst: number(3),
        addresses,
    };
    Stage::with(|builder| builder.flood(policy)).await
}

fn from(ip: &str) -> Client {
    Client::from_peer(SocketAddr::new(ip.parse().unwrap(), 4711))
}

impl Stage {
    async fn try_from(&self, client: Client, text: &str) -> Result<(), Refusal> {
        self.gate
            .authenticate(present(text), client)
            .await
            .map(drop)
    }

    async fn told(&self, client: Client, text: &str) -> &'static str {
        crate::support::code(self.try_from(client, text).await)
    }

    /// How many invalid credentials are answered as such before there are too many, at most `most`.
    async fn allowance(&self, client: Client, text: &str, most: usize) -> usize {
        for count in 0..most {
            match self.told(client, text).await {
                "invalid_api_key" => {}
                "too_many_attempts" => return count,
                other => panic!("{other}"),
            }
        }
        most
    }

    async fn floods(&self, key: &Key, client: Client) {
        self.allowance(client, &with_other_secret(&key.text), 100)
            .await;
    }
}

#[tokio::test]
async fn past_the_allowance_an_address_is_told_to_wait() {
    let stage = stage(100).await;
    let key = stage.key().await;
    let wrong = with_other_secret(&key.text);
    let unknown = with_other_id(&key.text);
    // Whatever is wrong with it.
    let flood = from("192.0.2.7");
    for text in [wrong.as_str(), &unknown, "hunter2"] {
        assert_eq!(stage.told(flood, text).await, "invalid_api_key");
    }
    for text in [wrong.as_str(), &unknown, "hunter2"] {
        let refusal = stage.try_from(flood, text).await.unwrap_err();
        let response = refusal.to_response(Dialect::OpenAi);
        assert_eq!(
            (refusal.code(), response.status().as_u16()),
            ("too_many_attempts", 429)
        );
        assert_eq!(response.headers()["retry-after"], "10");
        assert!(!response.headers().contains_key("www-authenticate"));
    }
    stage.pass(Duration::from_millis(9_999)).await;
    assert_eq!(stage.told(flood, &wrong).await, "too_many_attempts");
    stage.pass(Duration::from_millis(1)).await;
    assert_eq!(stage.told(flood, &wrong).await, "invalid_api_key");
    assert_eq!(stage.told(flood, &wrong).await, "too_many_attempts");
}

#[tokio::test]
async fn a_valid_key_passes_from_an_address_that_floods() {
    let stage = stage(100).await;
    let key = stage.key().await;
    let flood = from("192.0.2.7");
    stage.floods(&key, flood).await;
    for _ in 0..20 {
        assert_eq!(stage.told(flood, &key.text).await, "(allowed)");
    }
    assert_eq!(stage.told(flood, "hunter2").await, "too_many_attempts");
}

#[tokio::test]
async fn another_address_has_an_allowance_of_its_own() {
    let stage = stage(100).await;
    let key = stage.key().await;
    stage.floods(&key, from("192.0.2.7")).await;
    assert_eq!(stage.allowance(from("192.0.2.8"), "hunter2", 100).await, 3);
    assert_eq!(
        stage
            .allowance(from("::ffff:192.0.2.7"), "hunter2", 100)
            .await,
        0,
        "the same"
    );
}

#[tokio::test]
async fn the_addresses_of_one_ipv6_network_of_64_bits_share_an_allowance() {
    let stage = stage(100).await;
    for (ip, left) in [
        ("2001:db8:1:2::1", 3),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", 0),
        ("2001:db8:1:3::1", 3),
    ] {
        assert_eq!(
            stage.allowance(from(ip), "hunter2", 100).await,
            left,
            "{ip}"
        );
    }
}

#[tokio::test]
async fn addresses_that_there_is_no_room_for_share_one_allowance_ten_times_as_large() {
    let stage = stage(2).await;
    let key = stage.key().await;
    for ip in ["192.0.2.1", "192.0.2.2"] {
        assert_eq!(stage.told(from(ip), "hunter2").await, "invalid_api_key");
    }
    let mut answered = 0;
    for last in 3..=200 {
        let ip = format!("192.0.2.{last}");
        answered += usize::from(stage.told(from(&ip), "hunter2").await == "invalid_api_key");
        // And a valid key is not concerned.
        assert_eq!(stage.told(from(&ip), &key.text).await, "(allowed)");
    }
    assert_eq!(answered, 30);
}

#[tokio::test]
async fn clients_without_an_address_share_the_common_allowance() {
    let stage = stage(100).await;
    assert_eq!(stage.allowance(Client::unknown(), "hunter2", 100).await, 30);
    assert_eq!(stage.allowance(from("192.0.2.7"), "hunter2", 100).await, 3);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_has_been_quiet_makes_room_for_another() {
    let mut stage = stage(2).await;
    stage.spawn_upkeep();
    assert_eq!(stage.allowance(from("192.0.2.1"), "hunter2", 100).await, 3);
    assert_eq!(
        stage.told(from("192.0.2.2"), "hunter2").await,
        "invalid_api_key"
    );
    let crowded = stage.allowance(from("192.0.2.3"), "hunter2", 100).await;
    assert_eq!(crowded, 30, "there is no room for a third");
    for _ in 0..6 {
        stage.clock.advance(Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(stage.allowance(from("192.0.2.3"), "hunter2", 100).await, 3);
}

#[tokio::test]
async fn nobody_locks_a_key_by_guessing_at_its_id() {
    let stage = stage(100).await;
    let key = stage.key().await;
    for last in 0..200 {
        let stranger = from(&format!("198.51.100.{last}"));
        stage.floods(&key, stranger).await;
    }
    for ip in ["192.0.2.7", "198.51.100.1"] {
        assert_eq!(stage.told(from(ip), &key.text).await, "(allowed)");
    }
}

#[tokio::test]
async fn who_has_shown_the_secret_is_not_counted() {
    let stage = stage(100).await;
    let [revoked, disabled, elsewhere] = [stage.key().await, stage.key().await, stage.key().await];
    let brief = portcullis_gate::Lifetime::custom(chrono::TimeDelta::seconds(1)).unwrap();
    let expired = stage.mint_for(brief, |new| new).await;
    stage.admin.revoke(revoked.id).await.unwrap();
    stage.admin.disable(disabled.id).await.unwrap();
    let nowhere = portcullis_gate::KeyRules {
        allow_ips: Some(Vec::new()),
        ..Default::default()
    };
    stage.admin.set_rules(elsewhere.id, nowhere).await.unwrap();
    stage.pass(Duration::from_secs(1)).await;
    let client = from("192.0.2.7");
    for _ in 0..20 {
        for (key, expected) in [
            (&revoked, "key_revoked"),
            (&disabled, "key_disabled"),
            (&elsewhere, "ip_not_allowed"),
            (&expired, "key_expired"),
        ] {
            assert_eq!(stage.told(client, &key.text).await, expected);
        }
    }
    assert_eq!(stage.allowance(client, "hunter2", 100).await, 3);
}
