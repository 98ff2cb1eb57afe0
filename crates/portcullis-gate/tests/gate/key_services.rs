//! Keys that organizations bring: what each failure of a key service means, and that no key is of use elsewhere.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use portcullis_envelope::testkit::{Fault, FaultyKeyService};
use portcullis_gate::{
    AdminError, CachePolicy, Dialect, KeyServicePolicy, KeySource, KeyState, OrgId, Refusal,
};
use portcullis_store::{
    AuditAction, AuditDraft, AuditTarget, Change, ChangeSet, ControlStore as _, UnixMicros,
};

use crate::support::{CREDENTIAL, Key, Stage, code, gpt, operator, unsealed};

const REFERENCE: &str = "test:ours";
/// A little more than a key is kept.
const LIFETIME: Duration = Duration::from_secs(301);

/// A stage with a key, whose organization's key is wrapped by a service that the test holds.
async fn byok(policy: KeyServicePolicy) -> (Arc<FaultyKeyService>, Stage, Key) {
    let service = Arc::new(FaultyKeyService::new(REFERENCE));
    let wrapper = Arc::clone(&service);
    let stage = Stage::with(|builder| builder.key_service(wrapper).key_services(policy)).await;
    rotate(&stage, stage.org, REFERENCE).await;
    let key = stage.key().await;
    (service, stage, key)
}

async fn rotate(stage: &Stage, org: OrgId, to: &str) {
    let (from, batch) = (KeySource::Service(to.to_owned()), NonZeroUsize::MIN);
    let rotated = stage
        .admin
        .rotate_organization_key(org, &from, batch, |_| {});
    assert!(rotated.await.unwrap().unreadable.is_empty());
}

async fn open(stage: &Stage, key: &Key) -> Result<(), Refusal> {
    let caller = stage.authenticate(key).await.unwrap();
    let permit = caller.authorize(gpt()).await?;
    let (_call, credential) = permit.open().await?;
    assert_eq!(credential.expose(), CREDENTIAL);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn each_failure_of_a_key_service_is_told_to_the_operator_and_two_answers_to_the_tenant() {
    let again = ("credential_unreadable", 503);
    let broken = ("missing_provider_credential", 424);
    let wait = Duration::from_secs(7);
    for (fault, (expected, status), retry_after, says) in [
        (Fault::Down, again, Some(1), "cannot be reached"),
        (Fault::Throttled(None), again, Some(1), "is throttling"),
        (
            Fault::Throttled(Some(wait)),
            again,
            Some(7),
            "is throttling",
        ),
        (Fault::Slow, again, Some(1), "did not answer within 5s"),
        (Fault::Denied, broken, None, "denies the use of the key"),
        (
            Fault::Disabled,
            broken,
            None,
            "the wrapping key is disabled",
        ),
        (Fault::NotFound, broken, None, "does not exist"),
        (
            Fault::WrongBytes,
            broken,
            None,
            "other bytes than were wrapped",
        ),
        (
            Fault::ShortBytes,
            broken,
            None,
            "other bytes than were wrapped",
        ),
    ] {
        let (service, stage, key) = byok(KeyServicePolicy::default()).await;
        open(&stage, &key).await.unwrap();
        stage.pass(LIFETIME).await;
        service.fail(fault);
        let refusal = open(&stage, &key).await.unwrap_err();
        assert_eq!(
            (refusal.code(), refusal.status().as_u16()),
            (expected, status),
            "{fault:?}"
        );
        assert_eq!(
            refusal.retry_after().map(|wait| wait.as_secs()),
            retry_after,
            "{fault:?}"
        );
        let told = refusal.to_string();
        assert!(told.contains(says) && told.contains(REFERENCE), "{told}");
        let body = refusal.to_response(Dialect::OpenAi).into_body();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(!body.contains(REFERENCE) && !body.contains(says), "{body}");
        service.release();
        // A failure is remembered for a second, or for as long as the service asked.
        stage.pass(Duration::from_secs(8)).await;
        open(&stage, &key).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_late_reaches_nobody() {
    let (service, stage, key) = byok(KeyServicePolicy::default()).await;
    stage.pass(LIFETIME).await;
    service.fail(Fault::Slow);
    let asked = service.requests();
    let refusal = open(&stage, &key).await.unwrap_err();
    assert_eq!(refusal.code(), "credential_unreadable");
    assert!(refusal.to_string().contains("within 5s"), "{refusal}");
    // The right answer, after the limit: neither this call nor the next one has it.
    service.release();
    tokio::task::yield_now().await;
    assert_eq!(code(open(&stage, &key).await), "credential_unreadable");
    assert_eq!(service.requests(), asked + 1, "nobody asked in between");
    // Such a failure is remembered for the limit and a second more.
    stage.pass(Duration::from_secs(6)).await;
    open(&stage, &key).await.unwrap();
    assert_eq!(
        service.requests(),
        asked + 2,
        "what came late was not kept: the service is asked again"
    );
}

#[tokio::test]
async fn a_kept_key_outlives_an_outage_until_its_time_is_up_and_no_longer() {
    let (service, stage, key) = byok(KeyServicePolicy::default()).await;
    open(&stage, &key).await.unwrap();
    let asked = service.requests();
    service.fail(Fault::Down);
    for _ in 0..4 {
        stage.pass(Duration::from_secs(60)).await;
        open(&stage, &key).await.unwrap();
    }
    assert_eq!(service.requests(), asked, "it was not asked");
    stage.pass(Duration::from_secs(61)).await;
    assert_eq!(code(open(&stage, &key).await), "credential_unreadable");
    let failed = service.requests();
    assert_eq!(code(open(&stage, &key).await), "credential_unreadable");
    assert_eq!(
        service.requests(),
        failed,
        "a service that is down is not asked by every request"
    );
}

#[tokio::test]
async fn a_key_past_its_time_is_used_only_where_that_was_switched_on_and_while_nobody_says_no() {
    let stale = Duration::from_secs(100);
    let cache = CachePolicy::default().dangerous_stale_while_unreachable(stale);
    let policy = KeyServicePolicy::default().cache(cache.unwrap());
    for (fault, later, expected) in [
        (Fault::Down, 0, "(allowed)"),
        (Fault::Down, 100, "credential_unreadable"),
        (Fault::Denied, 0, "missing_provider_credential"),
    ] {
        let (service, stage, key) = byok(policy).await;
        open(&stage, &key).await.unwrap();
        service.fail(fault);
        stage.pass(LIFETIME + Duration::from_secs(later)).await;
        assert_eq!(
            code(open(&stage, &key).await),
            expected,
            "{fault:?} {later}"
        );
    }
}

#[tokio::test]
async fn a_no_that_is_heard_for_one_organization_ends_the_kept_keys_of_its_service() {
    let (service, stage, key) = byok(KeyServicePolicy::default()).await;
    open(&stage, &key).await.unwrap();
    let other = stage.admin.create_organization("other").await.unwrap().id;
    rotate(&stage, other, REFERENCE).await;
    service.fail(Fault::Denied);
    // Whoever asks: here somebody who wraps a further version.
    let from = KeySource::Service(REFERENCE.to_owned());
    let denied = stage.admin.add_key_version(other, &from).await.unwrap_err();
    assert!(
        matches!(
            denied,
            AdminError::OrganizationKey {
                is_temporary: false,
                ..
            }
        ),
        "{denied}"
    );
    open(&stage, &key).await.unwrap();
    stage.pass(LIFETIME).await;
    assert_eq!(
        code(open(&stage, &key).await),
        "missing_provider_credential"
    );
}

#[tokio::test]
async fn what_an_admin_withdraws_is_gone_at_once() {
    let (service, stage, key) = byok(KeyServicePolicy::default()).await;
    open(&stage, &key).await.unwrap();
    let asked = service.requests();
    assert!(
        stage
            .admin
            .shred_organization(stage.org)
            .await
            .unwrap()
            .is_scrubbed
    );
    let refusal = open(&stage, &key).await.unwrap_err();
    assert_eq!(refusal.code(), "missing_provider_credential");
    assert!(refusal.to_string().contains("destroyed"), "{refusal}");
    assert_eq!(service.requests(), asked, "no key is there to be asked for");

    let row = stage.store.organization(stage.org).await.unwrap().unwrap();
    assert!(row.salt.as_slice().is_empty());
    assert!(row.keys.iter().all(|key| key.wrapped.is_none()));
    let place = crate::support::provider("openai");
    let place = portcullis_gate::PutCredential::new(stage.org, place);
    let refused = stage.admin.put_credential(place, CREDENTIAL).await;
    assert!(refused.unwrap_err().to_string().contains("shredded"));
    let again = stage.admin.shred_organization(stage.org).await.unwrap();
    assert!(again.is_scrubbed, "twice changes nothing");
}

#[tokio::test]
async fn an_organization_key_and_its_records_are_of_no_use_in_another_organization_in_any_mode() {
    let nothing = Arc::new(FaultyKeyService::binding_nothing("test:binds-nothing"));
    let binding = Arc::new(FaultyKeyService::new(REFERENCE));
    for mode in [
        None,
        Some("local"),
        Some(REFERENCE),
        Some("test:binds-nothing"),
    ] {
        let (one, two) = (Arc::clone(&nothing), Arc::clone(&binding));
        let stage = Stage::with(|builder| builder.key_service(one).key_service(two)).await;
        let theirs = stage.admin.create_organization("other").await.unwrap().id;
        let project = stage.admin.create_project(theirs, "web").await.unwrap().id;
        if let Some(reference) = mode {
            rotate(&stage, stage.org, reference).await;
            rotate(&stage, theirs, reference).await;
        }
        let new = portcullis_gate::NewKey::new(
            theirs,
            project,
            "ci",
            crate::support::prefix("live"),
            portcullis_gate::Lifetime::Never,
        );
        let key = Key::of(stage.admin.mint(new).await.unwrap());
        // The record alone, then with the whole key beside it: salt, id, states and wrapped forms.
        let slot = stage
            .admin
            .credentials(stage.org)
            .await
            .unwrap()
            .remove(0)
            .id;
        let mut row = stage
            .store
            .credential_by_id(stage.org, slot)
            .await
            .unwrap()
            .unwrap();
        row.slot.org = theirs;
        row.id = portcullis_store::CredentialId::generate(UnixMicros(1), &mut getrandom::SysRng)
            .unwrap();
        plant(&stage, theirs, Change::PutCredential(row)).await;
        assert_eq!(
            code(open(&stage, &key).await),
            "missing_provider_credential",
            "{mode:?}"
        );
        if mode.is_some() {
            let ours = stage.store.organization(stage.org).await.unwrap().unwrap();
            let change = Change::SetOrganizationKeys {
                keys: ours.keys,
                min_decrypt_version: 1,
            };
            plant(&stage, theirs, change).await;
            let refusal = open(&stage, &key).await.unwrap_err();
            assert_eq!(refusal.code(), "missing_provider_credential", "{mode:?}");
        }
        let own = stage.key().await;
        open(&stage, &own).await.unwrap();
    }
}

/// Writes a row as somebody does who can write the tables, and lets the gate take it over.
async fn plant(stage: &Stage, org: OrgId, change: Change) {
    let target = AuditTarget::Organization(org);
    let draft = AuditDraft::new(
        UnixMicros(0),
        operator(),
        AuditAction::OrganizationCreated,
        target,
    );
    let set = ChangeSet::new(org, draft).change(change).urgent();
    let _committed = stage.store.commit(set, unsealed()).await.unwrap();
    stage.confirm().await;
}

#[tokio::test]
async fn a_key_moves_to_another_service_and_its_records_stay_as_they_are() {
    let first = Arc::new(FaultyKeyService::new(REFERENCE));
    let second = Arc::new(FaultyKeyService::new("test:theirs"));
    let (one, two) = (Arc::clone(&first), Arc::clone(&second));
    let stage = Stage::with(|builder| builder.key_service(one).key_service(two)).await;
    rotate(&stage, stage.org, REFERENCE).await;
    let key = stage.key().await;
    let records = async || {
        let id = stage.admin.credentials(stage.org).await.unwrap()[0].id;
        let row = stage.store.credential_by_id(stage.org, id).await;
        row.unwrap().unwrap().sealed
    };
    let before = records().await;
    let org = Some(stage.org);
    let plan = stage.admin.plan_rewrap(org, "test:theirs").await.unwrap();
    assert_eq!((plan.waiting.total(), plan.current), (1, 0));
    let mut told = Vec::new();
    let rewrap = stage
        .admin
        .rewrap_organization_keys(org, "test:theirs", |done| told.push(done));
    assert_eq!(rewrap.await.unwrap(), 1);
    assert_eq!(told, [1]);
    assert_eq!(records().await, before);
    first.fail(Fault::NotFound);
    open(&stage, &key).await.unwrap();
    assert!(second.requests() > 0);
    let plan = stage.admin.plan_rewrap(org, "test:theirs").await.unwrap();
    assert!(plan.is_complete());
    let view = stage.admin.vault_of(stage.org).await.unwrap();
    let active = view
        .versions
        .iter()
        .find(|key| key.state == KeyState::Active);
    assert_eq!(active.unwrap().service.as_deref(), Some("test:theirs"));
    let unknown = stage.admin.plan_rewrap(org, "test:none").await.unwrap_err();
    assert!(unknown.to_string().contains("test:ours"), "{unknown}");
}

#[tokio::test]
async fn a_call_waits_for_a_slow_service_once_and_is_decided_again_then() {
    let (service, stage, key) = byok(KeyServicePolicy::default()).await;
    stage.pass(LIFETIME).await;
    service.fail(Fault::Slow);
    let asked = service.requests();
    let mut waiting = Vec::new();
    for _ in 0..8 {
        let caller = stage.authenticate(&key).await.unwrap();
        let permit = caller.authorize(gpt()).await.unwrap();
        waiting.push(tokio::spawn(async move { code(permit.open().await) }));
    }
    while service.requests() == asked {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    // Revoked while they wait: the answer that comes then opens nothing.
    stage.admin.revoke(key.id).await.unwrap();
    service.release();
    for call in waiting {
        assert_eq!(call.await.unwrap(), "key_revoked");
    }
    assert_eq!(service.requests(), asked + 1, "all shared one request");
}
