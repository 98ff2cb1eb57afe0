//! The order of `spec/decisions.md`: of several things that are wrong at once, the first decides.

use std::time::Duration;

use portcullis_gate::{Dispatch, KeyId, KeyRules, Lifetime};

use crate::support::key_text::with_other_secret;
use crate::support::{Stage, authenticate, gpt};

/// Every subset of `faults`, in their order; `first` is what has to decide.
fn subsets<F: Copy>(faults: &[F]) -> impl Iterator<Item = Vec<F>> {
    (1_u32..1 << faults.len()).map(|mask| {
        let chosen = faults.iter().enumerate();
        let chosen = chosen.filter(|(place, _)| mask & (1 << place) != 0);
        chosen.map(|(_, fault)| *fault).collect()
    })
}

/// Part A, in its order.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Authenticating {
    Malformed,
    Stale,
    WrongSecret,
    Revoked,
    Disabled,
    Expired,
    Suspended,
    Address,
    Environment,
}

impl Authenticating {
    fn code(self) -> &'static str {
        match self {
            Self::Malformed | Self::WrongSecret => "invalid_api_key",
            Self::Stale => "gate_unavailable",
            Self::Revoked => "key_revoked",
            Self::Disabled => "key_disabled",
            Self::Expired => "key_expired",
            Self::Suspended => "organization_suspended",
            Self::Address => "ip_not_allowed",
            Self::Environment => "environment_not_allowed",
        }
    }
}

#[tokio::test]
async fn authenticate_is_decided_by_the_first_of_several_faults() {
    use Authenticating as A;
    let all = [
        A::Malformed,
        A::Stale,
        A::WrongSecret,
        A::Revoked,
        A::Disabled,
        A::Expired,
        A::Suspended,
        A::Address,
        A::Environment,
    ];
    for faults in subsets(&all) {
        let has = |fault| faults.contains(&fault);
        let served = if has(A::Environment) { "test" } else { "live" };
        let stage = Stage::with(|builder| builder.environments([served])).await;
        let lifetime = if has(A::Expired) {
            Lifetime::Days1
        } else {
            Lifetime::Days7
        };
        let rules = KeyRules {
            allow_ips: has(A::Address).then(Vec::new),
            ..KeyRules::default()
        };
        let key = stage.mint_for(lifetime, |new| new.rules(rules)).await;
        if has(A::Disabled) {
            stage.admin.disable(key.id).await.unwrap();
        }
        if has(A::Revoked) {
            stage.admin.revoke(key.id).await.unwrap();
        }
        if has(A::Suspended) {
            stage.admin.suspend_organization(stage.org).await.unwrap();
        }
        stage.pass(Duration::from_secs(86_400)).await;
        if has(A::Stale) {
            stage.clock.advance(Duration::from_secs(1));
        }
        let mut text = key.text;
        if has(A::WrongSecret) {
            text = with_other_secret(&text);
        }
        if has(A::Malformed) {
            text.push('x');
        }
        let refusal = authenticate(&stage.gate, &text).await.unwrap_err();
        assert_eq!(refusal.code(), faults[0].code(), "{faults:?}: {refusal:?}");
    }
}

/// Part B, in its order.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Authorizing {
    Stale,
    Revoked,
    Disabled,
    Expired,
    Suspended,
    Provider,
    Model,
    Credential,
}

impl Authorizing {
    fn code(self) -> &'static str {
        match self {
            Self::Stale => "gate_unavailable",
            Self::Revoked => "key_revoked",
            Self::Disabled => "key_disabled",
            Self::Expired => "key_expired",
            Self::Suspended => "organization_suspended",
            Self::Provider => "provider_not_allowed",
            Self::Model => "model_not_allowed",
            Self::Credential => "missing_provider_credential",
        }
    }
}

#[tokio::test]
async fn authorize_is_decided_by_the_first_of_several_faults() {
    use Authorizing as B;
    let all = [
        B::Stale,
        B::Revoked,
        B::Disabled,
        B::Expired,
        B::Suspended,
        B::Provider,
        B::Model,
        B::Credential,
    ];
    for faults in subsets(&all) {
        let has = |fault| faults.contains(&fault);
        let stage = Stage::new().await;
        let rules = KeyRules {
            providers: has(B::Provider).then(|| vec!["anthropic".to_owned()]),
            allow_models: has(B::Model).then(|| vec!["gpt-3.5".to_owned()]),
            ..KeyRules::default()
        };
        let lifetime = if has(B::Expired) {
            Lifetime::Days1
        } else {
            Lifetime::Days7
        };
        let key = stage.mint_for(lifetime, |new| new.rules(rules)).await;
        let caller = stage.authenticate(&key).await.unwrap();
        stage.clock.advance(Duration::from_secs(86_400));
        stand_in_the_way(&stage, key.id, &faults).await;
        let refusal = caller.authorize(gpt()).await.unwrap_err();
        assert_eq!(refusal.code(), faults[0].code(), "{faults:?}: {refusal:?}");
    }
}

#[tokio::test]
async fn open_is_decided_by_the_standing_before_the_credential() {
    use Authorizing as B;
    for faults in subsets(&[
        B::Stale,
        B::Revoked,
        B::Disabled,
        B::Expired,
        B::Suspended,
        B::Credential,
    ]) {
        let has = |fault| faults.contains(&fault);
        let stage = Stage::new().await;
        let seconds = if has(B::Expired) { 30 } else { 3600 };
        let lifetime = Lifetime::custom(chrono::TimeDelta::seconds(seconds)).unwrap();
        let key = stage.mint_for(lifetime, |new| new).await;
        let caller = stage.authenticate(&key).await.unwrap();
        let permit = caller.authorize(gpt()).await.unwrap();
        stage.clock.advance(Duration::from_secs(30));
        stand_in_the_way(&stage, key.id, &faults).await;
        let refusal = permit.open().await.unwrap_err();
        assert_eq!(refusal.code(), faults[0].code(), "{faults:?}: {refusal:?}");
    }
}

#[tokio::test]
async fn a_body_is_read_before_the_rules_are_asked() {
    let stage = Stage::new().await;
    let caller = stage.authenticate(&stage.key().await).await.unwrap();
    stage.admin.suspend_organization(stage.org).await.unwrap();
    let twice = br#"{"model":"gpt-4o","model":"o3"}"#;
    let refusal = Dispatch::from_openai("openai", twice).unwrap_err();
    assert_eq!(refusal.code(), "invalid_body");
    let once = Dispatch::from_openai("openai", br#"{"model":"gpt-4o"}"#).unwrap();
    let refusal = caller.authorize(once).await.unwrap_err();
    assert_eq!(refusal.code(), "organization_suspended");
}

/// Puts faults behind a caller's back, with the rules confirmed as of now unless they are to be stale.
async fn stand_in_the_way(stage: &Stage, key: KeyId, faults: &[Authorizing]) {
    let (admin, has) = (&stage.admin, |fault| faults.contains(&fault));
    if has(Authorizing::Credential) {
        let stored = admin.credentials(stage.org).await.unwrap();
        let deleted = admin.delete_credential(stage.org, stored[0].id);
        deleted.await.unwrap();
    }
    if has(Authorizing::Disabled) {
        admin.disable(key).await.unwrap();
    }
    if has(Authorizing::Revoked) {
        admin.revoke(key).await.unwrap();
    }
    if has(Authorizing::Suspended) {
        admin.suspend_organization(stage.org).await.unwrap();
    }
    stage.confirm().await;
    if has(Authorizing::Stale) {
        stage.clock.advance(Duration::from_secs(1));
    }
}
