//! Missing, disabled, expired, unreadable: four things to the operator, one answer to the tenant.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use portcullis_gate::{AdminError, Clock as _, CredentialView, Dialect, PutCredential, Refusal};
use portcullis_store::{
    AuditAction, AuditDraft, AuditTarget, Blob, Change, ChangeSet, ControlStore as _, UnixMicros,
};
use zeroize::Zeroizing;

use crate::support::passing::TURNS;
use crate::support::{CREDENTIAL, Key, Stage, code, gpt, operator, provider, unsealed};

async fn open(stage: &Stage, key: &Key) -> Result<(), Refusal> {
    let caller = stage.authenticate(key).await.unwrap();
    let permit = caller.authorize(gpt()).await?;
    permit.open().await.map(|_| ())
}

async fn credential(stage: &Stage) -> CredentialView {
    stage.admin.credentials(stage.org).await.unwrap().remove(0)
}

fn place(stage: &Stage) -> PutCredential {
    PutCredential::new(stage.org, provider("openai"))
}

#[tokio::test]
async fn four_troubles_are_four_sentences_in_the_log_and_one_answer_to_the_byte() {
    let mut refusals = Vec::new();
    for trouble in ["missing", "disabled", "expired", "unreadable"] {
        let stage = Stage::new().await;
        let (key, id) = (stage.key().await, credential(&stage).await.id);
        match trouble {
            "missing" => stage.admin.delete_credential(stage.org, id).await.unwrap(),
            "disabled" => stage.admin.disable_credential(stage.org, id).await.unwrap(),
            "expired" => {
                let now = Some(stage.clock.now().utc);
                let set = stage.admin.set_credential_expiry(stage.org, id, now);
                set.await.unwrap();
            }
            _ => {
                let mut row = stage
                    .store
                    .credential_by_id(stage.org, id)
                    .await
                    .unwrap()
                    .unwrap();
                let last = row.sealed.0.len() - 1;
                row.sealed.0[last] ^= 1;
                let target = AuditTarget::Credential(id);
                let action = AuditAction::CredentialReplaced;
                let draft = AuditDraft::new(UnixMicros(0), operator(), action, target);
                let set = ChangeSet::new(stage.org, draft).change(Change::PutCredential(row));
                let _done = stage.store.commit(set.urgent(), unsealed()).await.unwrap();
                stage.confirm().await;
            }
        }
        refusals.push(open(&stage, &key).await.unwrap_err());
    }
    let answers: BTreeSet<(String, String)> = refusals
        .iter()
        .map(|refusal| {
            let response = refusal.to_response(Dialect::OpenAi);
            assert_eq!(response.status().as_u16(), 424);
            (
                format!("{:?}", response.headers()),
                format!("{:?}", response.body()),
            )
        })
        .collect();
    assert_eq!(answers.len(), 1, "{answers:?}");
    let told: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    for (told, says) in told.iter().zip([
        "no credential is stored",
        "is disabled",
        "expired at 2026-11-22",
        "does not open",
    ]) {
        assert!(told.contains(says), "{told}");
    }
}

#[tokio::test]
async fn a_credential_expires_at_its_moment_also_between_a_permit_and_its_call() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    let at = stage.clock.now().utc + TimeDelta::seconds(10);
    stage
        .admin
        .put_credential(place(&stage).expires_at(at), CREDENTIAL)
        .await
        .unwrap();
    assert_eq!(credential(&stage).await.expires_at, Some(at));
    open(&stage, &key).await.unwrap();
    let caller = stage.authenticate(&key).await.unwrap();
    let permit = caller.authorize(gpt()).await.unwrap();
    stage.pass(Duration::from_secs(10)).await;
    assert_eq!(code(permit.open().await), "missing_provider_credential");
    assert_eq!(
        code(open(&stage, &key).await),
        "missing_provider_credential"
    );
    stage
        .admin
        .put_credential(place(&stage), CREDENTIAL)
        .await
        .unwrap();
    assert_eq!(credential(&stage).await.expires_at, None);
    open(&stage, &key).await.unwrap();
    let passed = place(&stage).expires_at(stage.clock.now().utc);
    let refused = stage
        .admin
        .put_credential(passed, CREDENTIAL)
        .await
        .unwrap_err();
    assert!(
        matches!(refused, AdminError::ExpiryPassed { .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn a_disabled_credential_stays_disabled_when_it_is_overwritten_and_works_when_it_is_enabled()
{
    let stage = Stage::new().await;
    let (key, id) = (stage.key().await, credential(&stage).await.id);
    let caller = stage.authenticate(&key).await.unwrap();
    let permit = caller.authorize(gpt()).await.unwrap();
    stage.admin.disable_credential(stage.org, id).await.unwrap();
    assert!(credential(&stage).await.disabled_at.is_some());
    assert_eq!(code(permit.open().await), "missing_provider_credential");
    stage
        .admin
        .put_credential(place(&stage), CREDENTIAL)
        .await
        .unwrap();
    assert_eq!(
        code(open(&stage, &key).await),
        "missing_provider_credential"
    );
    stage.admin.enable_credential(stage.org, id).await.unwrap();
    open(&stage, &key).await.unwrap();
    let none = portcullis_gate::CredentialId::from_bytes([9; 16]).unwrap();
    for refused in [
        stage.admin.disable_credential(stage.org, none).await,
        stage.admin.enable_credential(stage.org, none).await,
        stage
            .admin
            .set_credential_expiry(stage.org, none, None)
            .await,
    ] {
        assert!(matches!(refused.unwrap_err(), AdminError::NoCredential(id) if id == none));
    }
}

#[tokio::test]
async fn an_overwrite_names_the_generation_that_it_has_seen() {
    let stage = Stage::new().await;
    let put = async |over| {
        let place = place(&stage).over_generation(over);
        stage
            .admin
            .put_credential(place, CREDENTIAL)
            .await
            .map(|view| view.generation)
    };
    assert_eq!(put(1).await.unwrap(), 2);
    for over in [0, 1, 3] {
        let refused = put(over).await.unwrap_err();
        assert!(
            matches!(refused, AdminError::OtherGeneration { given, found: 2 } if given == over),
            "{refused}"
        );
    }
    assert_eq!(put(2).await.unwrap(), 3);
    let other = place(&stage).name("other".parse().unwrap());
    let refused = stage
        .admin
        .put_credential(other.clone().over_generation(1), CREDENTIAL)
        .await;
    assert!(matches!(
        refused.unwrap_err(),
        AdminError::OtherGeneration { found: 0, .. }
    ));
    let first = stage
        .admin
        .put_credential(other.over_generation(0), CREDENTIAL)
        .await;
    assert_eq!(first.unwrap().generation, 1);
    assert_eq!(stage.admin.credentials(stage.org).await.unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn when_a_credential_was_last_opened_is_written_without_moving_anything_else() {
    let mut stage = Stage::new().await;
    stage.spawn_upkeep();
    tokio::time::sleep(TURNS).await;
    let key = stage.key().await;
    let before = credential(&stage).await;
    assert_eq!(before.last_opened_at, None);
    for _ in 0..3 {
        let at = stage.clock.now().utc;
        open(&stage, &key).await.unwrap();
        stage.written().await;
        let now = credential(&stage).await;
        assert_eq!(now.last_opened_at, Some(at));
        assert_eq!((now.generation, now.updated_at), (1, before.updated_at));
    }
}

#[tokio::test]
async fn a_plaintext_is_taken_over_on_record_and_a_sealed_record_is_not() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    let import = async |text: &[u8]| {
        let plaintext = Zeroizing::new(text.to_vec());
        stage
            .admin
            .import_credential(place(&stage), plaintext)
            .await
    };
    let view = import(b"sk-0123456789abcdefghijABCDEFGHIJ0123456789")
        .await
        .unwrap();
    assert_eq!(
        (view.mask.as_str(), view.generation),
        ("sk-••••••••6789", 2)
    );
    open(&stage, &key).await.unwrap();
    let drafts = stage.store.drafts();
    let last = drafts.last().unwrap();
    assert_eq!(last.action(), AuditAction::CredentialImported);
    let refused = import(b"pcs1:1:UENTUg").await.unwrap_err();
    assert!(matches!(refused, AdminError::Import(_)), "{refused}");
}

#[tokio::test]
async fn what_is_no_record_is_never_taken_for_a_credential() {
    let stage = Stage::new().await;
    let (key, id) = (stage.key().await, credential(&stage).await.id);
    for text in [CREDENTIAL, b"", b"pcs1:1:", &[0; 200]] {
        let mut row = stage
            .store
            .credential_by_id(stage.org, id)
            .await
            .unwrap()
            .unwrap();
        row.sealed = Blob(text.to_vec());
        let target = AuditTarget::Credential(id);
        let draft = AuditDraft::new(
            UnixMicros(0),
            operator(),
            AuditAction::CredentialReplaced,
            target,
        );
        let set = ChangeSet::new(stage.org, draft).change(Change::PutCredential(row));
        let _done = stage.store.commit(set.urgent(), unsealed()).await.unwrap();
        stage.confirm().await;
        assert_eq!(
            code(open(&stage, &key).await),
            "missing_provider_credential"
        );
    }
}
