//! One tenant's credentials are no other tenant's, also against who can write the tables.

use portcullis_gate::{AdminError, Dispatch, EnvironmentName, Lifetime, NewKey, OrgId, ProjectId};
use portcullis_store::{
    AuditAction, AuditDraft, AuditTarget, Change, ChangeSet, ControlStore as _, CredentialId,
    CredentialRow, CredentialSlot, StoreErrorKind, UnixMicros,
};

use crate::support::{CREDENTIAL, Key, Stage, code, gpt, operator, prefix, provider, unsealed};

/// Two organizations; the first one has the credential of the stage.
struct Two {
    stage: Stage,
    theirs: OrgId,
    their_project: ProjectId,
    their_key: Key,
}

impl Two {
    async fn new() -> Self {
        let stage = Stage::new().await;
        let theirs = stage.admin.create_organization("other").await.unwrap().id;
        let their_project = stage.admin.create_project(theirs, "web").await.unwrap().id;
        let new = NewKey::new(theirs, their_project, "ci", prefix("live"), Lifetime::Never);
        let their_key = Key::of(stage.admin.mint(new).await.unwrap());
        Self {
            stage,
            theirs,
            their_project,
            their_key,
        }
    }

    /// The row of the stored credential.
    async fn row(&self) -> CredentialRow {
        let view = &self.stage.admin.credentials(self.stage.org).await.unwrap()[0];
        let row = self
            .stage
            .store
            .credential_by_id(self.stage.org, view.id)
            .await;
        row.unwrap().unwrap()
    }

    /// Writes a row as somebody does who can write the tables, and lets the gate take it over.
    async fn plant(&self, row: CredentialRow) {
        let draft = AuditDraft::new(
            UnixMicros(0),
            operator(),
            AuditAction::CredentialAdded,
            AuditTarget::Credential(row.id),
        );
        let set = ChangeSet::new(row.slot.org, draft).change(Change::PutCredential(row));
        let _committed = self
            .stage
            .store
            .commit(set.urgent(), unsealed())
            .await
            .unwrap();
        self.stage.confirm().await;
    }
}

fn fresh_id() -> CredentialId {
    CredentialId::generate(UnixMicros(1), &mut getrandom::SysRng).unwrap()
}

/// What opening gives: the code of the refusal, or that it opened.
async fn opened(stage: &Stage, key: &Key, dispatch: Dispatch<'_>) -> &'static str {
    let caller = stage.authenticate(key).await.unwrap();
    let permit = caller.authorize(dispatch).await.unwrap();
    let answer = permit.open().await;
    if let Err(refusal) = &answer {
        let told = format!("{refusal} {refusal:?} {}", refusal.message());
        assert!(!told.contains(str::from_utf8(CREDENTIAL).unwrap()));
        assert_eq!(refusal.status().as_u16(), 424);
    }
    code(answer)
}

#[tokio::test]
async fn a_record_copied_to_another_organization_does_not_open() {
    let two = Two::new().await;
    let row = two.row().await;
    let slot = CredentialSlot {
        org: two.theirs,
        ..row.slot.clone()
    };
    two.plant(CredentialRow {
        id: fresh_id(),
        slot,
        ..row
    })
    .await;
    assert_eq!(
        opened(&two.stage, &two.their_key, gpt()).await,
        "missing_provider_credential"
    );
    let ours = two.stage.key().await;
    assert_eq!(opened(&two.stage, &ours, gpt()).await, "(allowed)");
}

#[tokio::test]
async fn a_record_copied_within_its_organization_does_not_open_anywhere_else() {
    let two = Two::new().await;
    let row = two.row().await;
    let key = two.stage.key().await;
    let at = || row.slot.clone();
    let live: EnvironmentName = "live".parse().unwrap();
    for (slot, dispatch) in [
        (
            CredentialSlot {
                provider: provider("anthropic"),
                ..at()
            },
            Dispatch::new("anthropic", "m"),
        ),
        (
            CredentialSlot {
                name: "batch".parse().unwrap(),
                ..at()
            },
            gpt().with_credential_name("batch"),
        ),
        (
            CredentialSlot {
                environment: Some(live),
                ..at()
            },
            gpt(),
        ),
        (
            CredentialSlot {
                project: Some(two.stage.project),
                ..at()
            },
            gpt(),
        ),
    ] {
        two.plant(CredentialRow {
            id: fresh_id(),
            slot: slot.clone(),
            ..row.clone()
        })
        .await;
        assert_eq!(
            opened(&two.stage, &key, dispatch).await,
            "missing_provider_credential",
            "{slot:?}"
        );
    }
}

#[tokio::test]
async fn a_record_of_another_generation_and_bytes_that_are_no_record_do_not_open() {
    let two = Two::new().await;
    let row = two.row().await;
    let key = two.stage.key().await;
    two.plant(CredentialRow {
        generation: 2,
        ..row.clone()
    })
    .await;
    assert_eq!(
        opened(&two.stage, &key, gpt()).await,
        "missing_provider_credential"
    );
    let sealed = CREDENTIAL.into();
    two.plant(CredentialRow {
        generation: 3,
        sealed,
        ..row
    })
    .await;
    assert_eq!(
        opened(&two.stage, &key, gpt()).await,
        "missing_provider_credential"
    );
}

#[tokio::test]
async fn one_organization_is_never_given_the_credential_of_another() {
    let two = Two::new().await;
    let caller = two.stage.authenticate(&two.their_key).await.unwrap();
    assert_eq!(
        code(caller.authorize(gpt()).await),
        "missing_provider_credential"
    );
}

#[tokio::test]
async fn an_admin_of_one_organization_does_not_reach_the_credentials_of_another() {
    let two = Two::new().await;
    let id = two.row().await.id;
    let refused = two
        .stage
        .admin
        .delete_credential(two.theirs, id)
        .await
        .unwrap_err();
    assert!(
        matches!(refused, AdminError::NoCredential(missing) if missing == id),
        "{refused:?}"
    );
    assert!(
        two.stage
            .admin
            .credentials(two.theirs)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        two.stage
            .admin
            .keys(two.stage.org)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(two.row().await.id, id);
    // Nor does its project stand in for one of the other's.
    let place = portcullis_gate::PutCredential::new(two.stage.org, provider("openai"));
    let refused = two
        .stage
        .admin
        .put_credential(place.project(two.their_project), b"sk-x")
        .await;
    assert!(matches!(refused, Err(AdminError::NoProject)), "{refused:?}");
}

#[tokio::test]
async fn a_change_set_of_one_organization_carries_no_row_of_another() {
    let two = Two::new().await;
    let row = two.row().await;
    let target = AuditTarget::Credential(row.id);
    let draft = AuditDraft::new(
        UnixMicros(0),
        operator(),
        AuditAction::CredentialAdded,
        target,
    );
    let set = ChangeSet::new(two.theirs, draft).change(Change::PutCredential(row));
    let refused = two.stage.store.commit(set, unsealed()).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::CrossTenant);
}
