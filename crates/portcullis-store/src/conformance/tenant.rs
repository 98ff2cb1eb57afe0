//! Two tenants with one row of each kind, so that every rule can reach across.

use super::Fixture;
use super::check::{bytes, committed};
use crate::{
    Actor, AuditAction, AuditDraft, AuditTarget, Blob, CapRow, Change, ChangeSet, ControlStore,
    CredentialId, CredentialName, CredentialRow, CredentialSlot, InstanceSecretRow, KeyId, KeyRow,
    LimitsRow, MasterCheckRow, OrgId, OrgKeyRow, OrgKeyState, OrganizationRow, ProjectId,
    ProjectRow, RateRow, RulesRow, SecretRow, UnixMicros,
};

/// When everything here happens: 2026-09-21, with an odd microsecond.
pub(super) const AT: UnixMicros = UnixMicros(1_790_000_000_000_001);

/// A tenant of the suite, whose ids all derive from one letter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tenant {
    letter: u8,
}

pub(super) const A: Tenant = Tenant { letter: b'A' };
pub(super) const B: Tenant = Tenant { letter: b'B' };

/// The fixture's store, with both tenants in it.
pub(super) async fn settled<F: Fixture>(fixture: &F) -> F::Store {
    let store = fixture.store();
    settle(&store).await;
    store
}

/// Commits both tenants with one project, one key of two secrets and one credential each.
pub(super) async fn settle(store: &impl ControlStore) {
    for tenant in [A, B] {
        let set = tenant
            .set(Change::InsertOrganization(tenant.organization()))
            .change(Change::InsertProject(tenant.project()))
            .change(Change::InsertKey(tenant.key()))
            .change(Change::PutCredential(tenant.credential()));
        committed(store, set).await;
    }
}

impl Tenant {
    pub(super) fn org(self) -> OrgId {
        OrgId::from_bytes([self.letter; 16]).unwrap()
    }

    /// The tenant's `n`th project; the first is 0.
    pub(super) fn project_id(self, n: u8) -> ProjectId {
        ProjectId::from_bytes(self.id(b'P', n)).unwrap()
    }

    pub(super) fn key_id(self, n: u8) -> KeyId {
        format!("{}key{n:08}", char::from(self.letter))
            .parse()
            .unwrap()
    }

    pub(super) fn credential_id(self, n: u8) -> CredentialId {
        CredentialId::from_bytes(self.id(b'C', n)).unwrap()
    }

    pub(super) fn organization(self) -> OrganizationRow {
        OrganizationRow {
            id: self.org(),
            name: format!("Organization {}", char::from(self.letter)),
            salt: bytes(self.letter, 32),
            key_id: [self.letter; 8],
            keys: vec![OrgKeyRow::first_derived(1, AT)],
            min_decrypt_version: 1,
            suspended_at: None,
            allow_ips: None,
            caps: Vec::new(),
            created_at: AT,
            generation: 1,
        }
    }

    pub(super) fn project(self) -> ProjectRow {
        self.nth_project(0)
    }

    pub(super) fn nth_project(self, n: u8) -> ProjectRow {
        ProjectRow {
            id: self.project_id(n),
            org: self.org(),
            name: format!("Project {n}"),
            caps: Vec::new(),
            created_at: AT,
            generation: 1,
        }
    }

    pub(super) fn key(self) -> KeyRow {
        self.nth_key(0)
    }

    pub(super) fn nth_key(self, n: u8) -> KeyRow {
        KeyRow {
            id: self.key_id(n),
            org: self.org(),
            project: self.project_id(0),
            name: format!("Key {n}"),
            prefix: "mr_live_".to_owned(),
            environment: "live".parse().unwrap(),
            rules: RulesRow::default(),
            limits: LimitsRow::default(),
            disabled_at: None,
            revoked_at: None,
            created_at: AT,
            generation: 1,
            secrets: vec![self.secret(1), self.secret(2)],
        }
    }

    /// Limits that no key of the suite is made with.
    pub(super) fn limits(self) -> LimitsRow {
        let cap = |unit: &str, window: &str| CapRow {
            unit: unit.to_owned(),
            window: window.to_owned(),
            amount: i64::from(self.letter),
        };
        LimitsRow {
            caps: vec![cap("usd", "month Europe/Berlin"), cap("requests", "day")],
            rate: Some(RateRow {
                requests: 60,
                seconds: 30,
                burst: 10,
            }),
        }
    }

    pub(super) fn secret(self, version: u32) -> SecretRow {
        SecretRow {
            version,
            scheme: "sha256".to_owned(),
            pepper: None,
            digest: bytes(self.letter, 32),
            last4: "x2Qa".to_owned(),
            created_at: AT,
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
        }
    }

    pub(super) fn slot(self) -> CredentialSlot {
        CredentialSlot {
            org: self.org(),
            project: None,
            environment: None,
            provider: "openai".parse().unwrap(),
            name: CredentialName::default(),
        }
    }

    pub(super) fn credential(self) -> CredentialRow {
        self.nth_credential(0, self.slot())
    }

    pub(super) fn nth_credential(self, n: u8, slot: CredentialSlot) -> CredentialRow {
        CredentialRow {
            id: self.credential_id(n),
            slot,
            generation: 1,
            mask: "sk-...x2Qa".to_owned(),
            sealed: bytes(n, 300),
            created_at: AT,
            updated_at: AT,
            disabled_at: None,
            expires_at: None,
            last_opened_at: None,
        }
    }

    /// A record as far as a store reads one: it names the tenant's key and this version.
    pub(super) fn sealed(self, version: u32, fill: u8) -> Blob {
        let mut record = vec![fill; 300];
        record[8..16].fill(self.letter);
        record[16..20].copy_from_slice(&version.to_be_bytes());
        Blob(record)
    }

    /// A version of the tenant's key, behind a key service.
    pub(super) fn key_version(self, version: u32, state: OrgKeyState) -> OrgKeyRow {
        OrgKeyRow {
            version,
            state,
            service: Some("aws-kms:arn:aws:kms:eu-central-1:1:key/2".to_owned()),
            wrapped: (state != OrgKeyState::Destroyed).then(|| bytes(self.letter, 120)),
            master_version: None,
            created_at: AT,
            changed_at: UnixMicros(AT.0 + i64::from(version)),
        }
    }

    /// A set of this tenant with one change.
    pub(super) fn set(self, change: Change) -> ChangeSet {
        ChangeSet::new(self.org(), self.draft()).change(change)
    }

    /// A set of this tenant that changes something and can always be committed once the tenant is there.
    pub(super) fn harmless(self) -> ChangeSet {
        self.set(Change::SetOrganizationSuspended { at: None })
    }

    fn draft(self) -> AuditDraft {
        let actor = Actor::operator("ada@example.com").unwrap();
        let target = AuditTarget::KeySecret(self.key_id(0), 2);
        AuditDraft::new(AT, actor, AuditAction::KeySecretRevoked, target)
    }

    fn id(self, kind: u8, n: u8) -> [u8; 16] {
        let [letter, x] = [self.letter, 0x70];
        [letter, kind, n, x, x, x, x, x, x, x, x, x, x, x, x, x]
    }
}

/// A set about the instance itself.
pub(super) fn instance(change: Change) -> ChangeSet {
    let action = AuditAction::InstanceSecretCreated;
    let draft = AuditDraft::new(AT, Actor::system(), action, AuditTarget::Instance);
    ChangeSet::instance(draft).change(change)
}

pub(super) fn instance_secret(name: &str, version: u32) -> InstanceSecretRow {
    InstanceSecretRow {
        name: name.to_owned(),
        version,
        sealed: bytes(7, 180),
        created_at: AT,
    }
}

pub(super) fn master_check(version: u32) -> MasterCheckRow {
    MasterCheckRow {
        version,
        check_value: [0, 1, 2, 3, 252, 253, 254, 255],
        created_at: AT,
    }
}

/// Every change that names a row of `tenant` by its id, to be tried from elsewhere and on rows that are not there.
pub(super) fn changes_by_id(tenant: Tenant, n: u8) -> Vec<Change> {
    let key = tenant.key_id(n);
    vec![
        Change::InsertSecret {
            key,
            secret: tenant.secret(9),
        },
        Change::ResealCredential {
            id: tenant.credential_id(n),
            sealed: bytes(98, 300),
        },
        Change::SetCredentialDisabled {
            id: tenant.credential_id(n),
            at: Some(AT),
        },
        Change::SetCredentialExpiry {
            id: tenant.credential_id(n),
            expires_at: Some(AT),
        },
        Change::ReplaceDigest {
            key,
            version: 1,
            scheme: "other".to_owned(),
            pepper: Some(1),
            digest: bytes(99, 32),
        },
        Change::RevokeKey { key, at: AT },
        Change::RevokeSecret {
            key,
            version: 1,
            at: AT,
        },
        Change::SetKeyDisabled { key, at: Some(AT) },
        Change::SetKeyLimits {
            key,
            limits: tenant.limits(),
        },
        Change::SetKeyRules {
            key,
            rules: RulesRow::default(),
        },
        Change::SetProjectCaps {
            project: tenant.project_id(n),
            caps: tenant.limits().caps,
        },
        Change::ShortenSecret {
            key,
            version: 1,
            expires_at: AT,
        },
        Change::DeleteCredential(tenant.credential_id(n)),
    ]
}
