//! Two secrets under one id, for as long as the grace period says and no longer.

use std::time::Duration;

use chrono::TimeDelta;
use portcullis_gate::{AdminError, Lifetime, LifetimeError, Rotation};

use crate::support::{Stage, code, gpt};

const HOUR: TimeDelta = TimeDelta::hours(1);

#[tokio::test]
async fn both_secrets_are_valid_during_the_grace_period_and_the_new_one_after_it() {
    let stage = Stage::new().await;
    let old = stage.key().await;
    let new = stage.rotate(&old, Rotation::with_grace(HOUR)).await;
    assert_eq!((new.id, new.version), (old.id, 2));
    assert_ne!(new.text, old.text);
    stage.pass(Duration::from_millis(3_599_999)).await;
    for (key, version) in [(&old, 1), (&new, 2)] {
        let caller = stage.authenticate(key).await.unwrap();
        assert_eq!(caller.secret_version(), version);
        assert_eq!(code(caller.authorize(gpt()).await), "(allowed)");
    }
    stage.pass(Duration::from_millis(1)).await;
    assert_eq!(code(stage.authenticate(&old).await), "key_expired");
    assert_eq!(code(stage.authenticate(&new).await), "(allowed)");
}

#[tokio::test]
async fn an_old_secret_is_a_strangers_once_two_newer_ones_exist() {
    let stage = Stage::new().await;
    let first = stage.key().await;
    let second = stage.rotate(&first, Rotation::with_grace(HOUR)).await;
    stage.pass(Duration::from_secs(3600)).await;
    let third = stage.rotate(&second, Rotation::with_grace(HOUR)).await;
    assert!(
        stage
            .authenticate(&first)
            .await
            .unwrap_err()
            .is_before_secret()
    );
    assert_eq!(code(stage.authenticate(&second).await), "(allowed)");
    assert_eq!(code(stage.authenticate(&third).await), "(allowed)");
}

#[tokio::test]
async fn a_grace_period_never_extends_an_expiry() {
    let stage = Stage::new().await;
    let old = stage.mint_for(Lifetime::Days1, |new| new).await;
    stage
        .rotate(&old, Rotation::with_grace(TimeDelta::days(30)))
        .await;
    let view = stage.describe(&old).await;
    let first = view
        .secrets
        .iter()
        .find(|secret| secret.version == 1)
        .unwrap();
    assert_eq!(first.expires_at, old.expires_at);
    stage.pass(Duration::from_secs(86_400)).await;
    assert_eq!(code(stage.authenticate(&old).await), "key_expired");
}

#[tokio::test]
async fn a_rotation_during_the_grace_period_of_another_is_refused() {
    let stage = Stage::new().await;
    let first = stage.key().await;
    let second = stage.rotate(&first, Rotation::with_grace(HOUR)).await;
    let refused = stage
        .admin
        .rotate(second.id, Rotation::with_grace(HOUR))
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, AdminError::RotationInProgress { key, version: 1, .. } if *key == first.id),
        "{refused:?}"
    );
    assert!(
        refused.to_string().contains("2026-11-22T13:00:00"),
        "{refused}"
    );
    // As the message says: revoke the old secret, or wait.
    stage.admin.revoke_secret(first.id, 1).await.unwrap();
    stage.rotate(&second, Rotation::with_grace(HOUR)).await;
}

#[tokio::test]
async fn the_new_secret_lives_as_long_as_the_old_one_did_unless_said_otherwise() {
    let stage = Stage::new().await;
    let old = stage.mint_for(Lifetime::Days30, |new| new).await;
    stage.pass(Duration::from_secs(20 * 86_400)).await;
    let new = stage.rotate(&old, Rotation::with_grace(HOUR)).await;
    assert_eq!(
        new.expires_at.unwrap() - old.expires_at.unwrap(),
        TimeDelta::days(20)
    );
    stage.pass(Duration::from_secs(3600)).await;
    let asked = Rotation::with_grace(HOUR).lifetime(Lifetime::Days1);
    let shorter = stage.rotate(&new, asked).await;
    assert!(shorter.expires_at < new.expires_at);
}

#[tokio::test]
async fn a_grace_period_outside_its_range_is_refused() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    for grace in [
        TimeDelta::seconds(-1),
        TimeDelta::days(3651),
        TimeDelta::MAX,
    ] {
        let refused = stage
            .admin
            .rotate(key.id, Rotation::with_grace(grace))
            .await
            .unwrap_err();
        assert!(matches!(refused, AdminError::Grace), "{refused:?}");
    }
}

#[tokio::test]
async fn a_revoked_key_is_not_rotated_and_not_enabled() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    stage.admin.revoke(key.id).await.unwrap();
    let rotated = stage
        .admin
        .rotate(key.id, Rotation::with_grace(HOUR))
        .await
        .unwrap_err();
    let enabled = stage.admin.enable(key.id).await.unwrap_err();
    for refused in [rotated, enabled] {
        assert!(
            matches!(refused, AdminError::Revoked(id) if id == key.id),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn the_longest_lifetime_is_refused_beyond_and_so_is_never() {
    let month = "30d".parse().unwrap();
    let stage = Stage::with(|builder| builder.max_lifetime(month)).await;
    let mint = async |lifetime| {
        let new = portcullis_gate::NewKey::new(
            stage.org,
            stage.project,
            "ci",
            crate::support::prefix("live"),
            lifetime,
        );
        stage.admin.mint(new).await
    };
    let key = crate::support::Key::of(mint(Lifetime::Days30).await.unwrap());
    let longer = mint(Lifetime::Days60).await.unwrap_err();
    assert!(
        matches!(longer, AdminError::Lifetime(LifetimeError::TooLong { .. })),
        "{longer:?}"
    );
    let never = mint(Lifetime::Never).await.unwrap_err();
    assert!(
        matches!(
            never,
            AdminError::Lifetime(LifetimeError::NeverNotAllowed { .. })
        ),
        "{never:?}"
    );
    let asked = Rotation::with_grace(HOUR).lifetime(Lifetime::Never);
    let rotated = stage.admin.rotate(key.id, asked).await.unwrap_err();
    assert!(matches!(rotated, AdminError::Lifetime(_)), "{rotated:?}");
}

#[tokio::test(start_paused = true)]
async fn the_last_use_of_each_secret_is_shown_once_it_was_written() {
    let mut stage = Stage::new().await;
    stage.spawn_upkeep();
    let old = stage.key().await;
    let new = stage.rotate(&old, Rotation::with_grace(HOUR)).await;
    let used = async || {
        let mut secrets = stage.describe(&old).await.secrets;
        secrets.sort_by_key(|secret| secret.version);
        secrets
            .into_iter()
            .map(|secret| secret.last_used_at)
            .collect::<Vec<_>>()
    };
    assert_eq!(used().await, [None, None]);
    let first: chrono::DateTime<chrono::Utc> = "2026-11-22T12:00:00Z".parse().unwrap();
    stage.authenticate(&old).await.unwrap();
    stage.clock.advance(Duration::from_millis(600));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(used().await, [Some(first), None]);
    stage.authenticate(&new).await.unwrap();
    stage.clock.advance(Duration::from_millis(600));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(
        used().await,
        [Some(first), Some(first + TimeDelta::milliseconds(600))]
    );
}
