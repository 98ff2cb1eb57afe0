//! Nothing that was true before is taken for true now: each decision reads the clock and the rules again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use portcullis_gate::{
    Clock, Lifetime, ManualClock, PutCredential, Reading, Refusal, Rotation, Unavailable,
};

use crate::support::spend::{prices, up_to};
use crate::support::{Stage, code, gpt, models, provider, providers};

#[tokio::test]
async fn rules_edited_after_authenticate_hold_for_authorize() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    let caller = stage.authenticate(&key).await.unwrap();
    stage
        .admin
        .set_rules(key.id, models(&["o3"], &[]))
        .await
        .unwrap();
    assert_eq!(code(caller.authorize(gpt()).await), "model_not_allowed");
    assert!(!caller.allows_model("gpt-4o"));
    stage.admin.set_rules(key.id, providers(&[])).await.unwrap();
    assert_eq!(code(caller.authorize(gpt()).await), "provider_not_allowed");
    stage
        .admin
        .set_rules(key.id, providers(&["openai"]))
        .await
        .unwrap();
    assert_eq!(code(caller.authorize(gpt()).await), "(allowed)");
    assert!(!caller.is_revoked(), "a change of rules ends nothing");
}

#[tokio::test]
async fn what_ends_a_key_after_authorize_holds_for_open() {
    for (name, expected) in [
        ("revoke", "key_revoked"),
        ("revoke_secret", "key_revoked"),
        ("disable", "key_disabled"),
        ("suspend", "organization_suspended"),
    ] {
        let stage = Stage::new().await;
        let key = stage.key().await;
        let caller = stage.authenticate(&key).await.unwrap();
        let permit = caller.authorize(gpt()).await.unwrap();
        let without = caller.authorize(gpt()).await.unwrap();
        match name {
            "revoke" => stage.admin.revoke(key.id).await.unwrap(),
            "revoke_secret" => stage.admin.revoke_secret(key.id, 1).await.unwrap(),
            "disable" => stage.admin.disable(key.id).await.unwrap(),
            _ => stage.admin.suspend_organization(stage.org).await.unwrap(),
        }
        assert_eq!(code(permit.open().await), expected);
        assert_eq!(code(without.open_without_credential().await), expected);
        assert_eq!(code(caller.authorize(gpt()).await), expected);
    }
}

#[tokio::test]
async fn an_expiry_that_is_reached_in_between_holds() {
    let stage = Stage::new().await;
    let lifetime = Lifetime::custom(TimeDelta::seconds(30)).unwrap();
    let key = stage.mint_for(lifetime, |new| new).await;
    let caller = stage.authenticate(&key).await.unwrap();
    stage.pass(Duration::from_millis(29_999)).await;
    let permit = caller.authorize(gpt()).await.unwrap();
    // Neither the upkeep nor a change of the key is needed for it.
    stage.clock.advance(Duration::from_millis(1));
    assert_eq!(code(permit.open().await), "key_expired");
    assert_eq!(code(caller.authorize(gpt()).await), "key_expired");
    assert_eq!(code(stage.authenticate(&key).await), "key_expired");
}

#[tokio::test]
async fn a_permit_is_good_for_a_minute() {
    let stage = Stage::new().await;
    let caller = stage.authenticate(&stage.key().await).await.unwrap();
    let permits = [(); 3].map(|()| caller.authorize(gpt()));
    let [first, second, third] = permits;
    let (first, second, third) = (
        first.await.unwrap(),
        second.await.unwrap(),
        third.await.unwrap(),
    );
    stage.pass(Duration::from_secs(60)).await;
    assert!(first.open().await.is_ok());
    stage.pass(Duration::from_millis(1)).await;
    let refusal = second.open().await.unwrap_err();
    assert!(
        matches!(refusal, Refusal::Unavailable(Unavailable::PermitExpired)),
        "{refusal:?}"
    );
    assert_eq!(
        code(third.open_without_credential().await),
        "gate_unavailable"
    );
    assert_eq!(code(caller.authorize(gpt()).await), "(allowed)");
}

#[tokio::test]
async fn a_permit_is_not_kept_by_setting_the_clock_back() {
    let stage = Stage::new().await;
    let caller = stage.authenticate(&stage.key().await).await.unwrap();
    let permit = caller.authorize(gpt()).await.unwrap();
    stage.clock.set_utc("2026-11-22T11:00:00Z".parse().unwrap());
    stage.pass(Duration::from_secs(1)).await;
    assert_eq!(code(permit.open().await), "gate_unavailable");
}

#[tokio::test]
async fn a_secret_that_was_rotated_out_opens_nothing() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    let caller = stage.authenticate(&key).await.unwrap();
    let permit = caller.authorize(gpt()).await.unwrap();
    let no_grace = Rotation::with_grace(TimeDelta::zero());
    let second = stage.rotate(&key, no_grace).await;
    assert_eq!(code(permit.open().await), "key_expired");
    assert!(caller.is_revoked());
    // Twice: the first secret is none of the two newest any more.
    stage.rotate(&second, no_grace).await;
    assert_eq!(code(caller.authorize(gpt()).await), "key_revoked");
}

#[tokio::test]
async fn the_credential_that_is_opened_is_the_one_stored_now() {
    let stage = Stage::new().await;
    let caller = stage.authenticate(&stage.key().await).await.unwrap();
    let permit = caller.authorize(gpt()).await.unwrap();
    let place = PutCredential::new(stage.org, provider("openai"));
    stage.admin.put_credential(place, b"sk-new").await.unwrap();
    let (_call, credential) = permit.open().await.unwrap();
    assert_eq!(credential.expose(), b"sk-new");
}

#[tokio::test]
async fn a_credential_that_was_deleted_is_missing_also_for_a_permit() {
    let stage = Stage::new().await;
    let caller = stage.authenticate(&stage.key().await).await.unwrap();
    let permit = caller.authorize(gpt()).await.unwrap();
    let stored = stage.admin.credentials(stage.org).await.unwrap();
    stage
        .admin
        .delete_credential(stage.org, stored[0].id)
        .await
        .unwrap();
    let refusal = permit.open().await.unwrap_err();
    assert_eq!(
        (refusal.code(), refusal.status().as_u16()),
        ("missing_provider_credential", 424)
    );
}

#[tokio::test]
async fn a_gate_that_went_stale_in_between_opens_nothing() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    let caller = stage.authenticate(&key).await.unwrap();
    let permit = caller.authorize(gpt()).await.unwrap();
    stage.clock.advance(Duration::from_secs(1));
    assert_eq!(code(permit.open().await), "gate_unavailable");
    assert_eq!(code(caller.authorize(gpt()).await), "gate_unavailable");
}

/// A clock that counts how often it is read.
struct Counted(ManualClock, AtomicU32);

impl Clock for Counted {
    fn now(&self) -> Reading {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.now()
    }
}

#[tokio::test]
async fn one_decision_reads_the_clock_once_with_its_hold() {
    let now = "2026-11-22T12:00:00Z".parse().unwrap();
    let clock = Arc::new(Counted(ManualClock::new(now), AtomicU32::new(0)));
    let counted = Arc::clone(&clock);
    // No upkeep reads it.
    let stage = Stage::with(|builder| builder.prices(prices()).clock(counted)).await;
    let (_, caller) = stage.capped(&["tokens/minute=100", "requests/day=9"]).await;
    let before = clock.1.load(Ordering::Relaxed);
    let permit = caller.authorize(up_to(10)).await.unwrap();
    assert_eq!(clock.1.load(Ordering::Relaxed) - before, 1);
    drop(permit);
}
