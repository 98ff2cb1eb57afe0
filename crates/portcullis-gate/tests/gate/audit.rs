//! Every admin action leaves one draft, in the transaction of its change; one that failed leaves none.

use chrono::TimeDelta;
use portcullis_gate::{Actor, AdminError, KeyRules, Lifetime, NewKey, PutCredential, Rotation};
use portcullis_store::{AuditAction as A, AuditTarget as T};

use crate::support::{Stage, clock, models, prefix, provider, providers};

#[tokio::test]
async fn each_action_leaves_one_draft_of_who_did_what_to_what_and_when() {
    let stage = Stage::new().await;
    let actor = Actor::user("u-17").unwrap();
    let admin = stage.gate.admin(actor.clone());
    let place = || PutCredential::new(stage.org, provider("anthropic"));
    let now = portcullis_gate::Clock::now(&*clock())
        .utc
        .timestamp_micros();
    let mut seen = stage.store.drafts().len();
    let mut left = |what: &str, action: A, target: T| {
        let drafts = stage.store.drafts();
        assert_eq!(drafts.len(), seen + 1, "{what}");
        let draft = &drafts[seen];
        assert_eq!(
            (draft.actor(), draft.action(), draft.target()),
            (&actor, action, target),
            "{what}"
        );
        assert_eq!(draft.at().0, now, "{what}");
        seen += 1;
    };

    let org = admin.create_organization("other").await.unwrap().id;
    left(
        "create_organization",
        A::OrganizationCreated,
        T::Organization(org),
    );
    admin.set_organization_allowlist(org, None).await.unwrap();
    left(
        "set_organization_allowlist",
        A::OrganizationAllowlistChanged,
        T::Organization(org),
    );
    let project = admin.create_project(org, "web").await.unwrap().id;
    left("create_project", A::ProjectCreated, T::Project(project));
    let new = NewKey::new(org, project, "ci", prefix("live"), Lifetime::Days30);
    let key = admin.mint(new).await.unwrap().id;
    left("mint", A::KeyMinted, T::Key(key));
    admin
        .rotate(key, Rotation::with_grace(TimeDelta::hours(1)))
        .await
        .unwrap();
    left("rotate", A::KeyRotated, T::KeySecret(key, 2));
    admin
        .set_rules(key, models(&["gpt-4o"], &[]))
        .await
        .unwrap();
    left("set_rules", A::KeyRulesChanged, T::Key(key));
    admin.disable(key).await.unwrap();
    left("disable", A::KeyDisabled, T::Key(key));
    admin.enable(key).await.unwrap();
    left("enable", A::KeyEnabled, T::Key(key));
    admin.revoke_secret(key, 1).await.unwrap();
    left("revoke_secret", A::KeySecretRevoked, T::KeySecret(key, 1));
    admin.revoke(key).await.unwrap();
    left("revoke", A::KeyRevoked, T::Key(key));
    let credential = admin.put_credential(place(), b"sk-a").await.unwrap().id;
    left(
        "put_credential",
        A::CredentialAdded,
        T::Credential(credential),
    );
    admin.put_credential(place(), b"sk-b").await.unwrap();
    left(
        "put_credential again",
        A::CredentialReplaced,
        T::Credential(credential),
    );
    admin
        .delete_credential(stage.org, credential)
        .await
        .unwrap();
    left(
        "delete_credential",
        A::CredentialDeleted,
        T::Credential(credential),
    );
    admin.suspend_organization(org).await.unwrap();
    left("suspend", A::OrganizationSuspended, T::Organization(org));
    admin.resume_organization(org).await.unwrap();
    left("resume", A::OrganizationResumed, T::Organization(org));
}

#[tokio::test]
async fn looking_leaves_no_draft() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    let before = stage.store.drafts().len();
    stage.describe(&key).await;
    stage.admin.keys(stage.org).await.unwrap();
    stage.admin.credentials(stage.org).await.unwrap();
    stage.admin.organizations().await.unwrap();
    stage.admin.projects(stage.org).await.unwrap();
    let caller = stage.authenticate(&key).await.unwrap();
    drop(
        caller
            .authorize(crate::support::gpt())
            .await
            .unwrap()
            .open()
            .await
            .unwrap(),
    );
    assert_eq!(stage.store.drafts().len(), before);
}

#[tokio::test]
async fn an_action_that_failed_leaves_no_draft() {
    let stage = Stage::with(|builder| builder.providers([provider("openai")])).await;
    let (admin, org) = (&stage.admin, stage.org);
    let key = stage.key().await;
    let in_grace = stage.key().await;
    let revoked = stage.key().await;
    stage
        .rotate(&in_grace, Rotation::with_grace(TimeDelta::hours(1)))
        .await;
    admin.revoke(revoked.id).await.unwrap();
    let other = admin.create_organization("other").await.unwrap().id;
    let theirs = admin.create_project(other, "web").await.unwrap().id;
    let before = stage.store.drafts().len();
    let rotation = Rotation::with_grace(TimeDelta::hours(1));
    let mint = |org, project, name: &str| {
        admin.mint(NewKey::new(
            org,
            project,
            name,
            prefix("live"),
            Lifetime::Never,
        ))
    };
    let bad = |list: &str| KeyRules {
        allow_models: Some(vec![list.to_owned()]),
        ..KeyRules::default()
    };
    let openai = || PutCredential::new(org, provider("openai"));
    let unknown = PutCredential::new(org, provider("mistral"));

    let failures: Vec<AdminError> = vec![
        admin.create_organization("acme").await.unwrap_err(),
        admin.create_organization("").await.unwrap_err(),
        admin.create_organization("a\nb").await.unwrap_err(),
        admin.create_project(org, "web").await.unwrap_err(),
        admin
            .create_project(org, &"x".repeat(129))
            .await
            .unwrap_err(),
        mint(org, theirs, "ci").await.unwrap_err(),
        mint(org, stage.project, "").await.unwrap_err(),
        admin.set_rules(key.id, bad("openai*")).await.unwrap_err(),
        admin
            .set_rules(key.id, providers(&["mistral"]))
            .await
            .unwrap_err(),
        admin.rotate(in_grace.id, rotation).await.unwrap_err(),
        admin.rotate(revoked.id, rotation).await.unwrap_err(),
        admin.enable(revoked.id).await.unwrap_err(),
        admin
            .revoke("000000000000".parse().unwrap())
            .await
            .unwrap_err(),
        admin.revoke_secret(key.id, 9).await.unwrap_err(),
        admin
            .put_credential(openai(), b"with a space")
            .await
            .unwrap_err(),
        admin.put_credential(openai(), b"line\n").await.unwrap_err(),
        admin.put_credential(openai(), b"").await.unwrap_err(),
        admin.put_credential(unknown, b"sk-x").await.unwrap_err(),
        admin
            .put_credential(openai().project(theirs), b"sk-x")
            .await
            .unwrap_err(),
    ];
    assert_eq!(stage.store.drafts().len(), before, "{failures:?}");
}
