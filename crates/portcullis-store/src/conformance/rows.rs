//! Rows come back exactly as they were written.

use super::Fixture;
use super::check::{bytes, committed};
use super::tenant::{A, AT, B, Tenant, instance, instance_secret, master_check, settled};
use crate::{
    Blob, BudgetStore, CapRow, Change, ControlStore, CredentialRow, CredentialSlot, KeyRow,
    LimitsRow, NodeId, NodeRow, NodeStore, OrgKeyRow, OrgKeyState, OrganizationRow, Page, RateRow,
    RulesRow, SecretRow, Tenants, UnixMicros,
};

/// Every field of an organization, optional ones both ways, extreme numbers included.
pub async fn an_organization_comes_back_as_it_was_written(fixture: &impl Fixture) {
    let store = fixture.store();
    let plain = A.organization();
    let extreme = OrganizationRow {
        name: STRANGE.to_owned(),
        salt: Blob(Vec::new()),
        keys: many_keys(),
        min_decrypt_version: u32::MAX,
        suspended_at: Some(UnixMicros(i64::MAX)),
        allow_ips: Some(vec!["2001:db8::/32".to_owned(), STRANGE.to_owned()]),
        caps: many_caps(),
        created_at: UnixMicros(i64::MIN),
        generation: LARGEST,
        ..B.organization()
    };
    for row in [plain, extreme] {
        let tenant = if row.id == A.org() { A } else { B };
        committed(&store, tenant.set(Change::InsertOrganization(row.clone()))).await;
        assert_eq!(store.organization(row.id).await.unwrap(), Some(row));
    }
}

/// Every field of a project.
pub async fn a_project_comes_back_as_it_was_written(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let mut row = A.nth_project(1);
    row.name = STRANGE.to_owned();
    row.caps = many_caps();
    row.created_at = UnixMicros(-1);
    row.generation = LARGEST;
    committed(&store, A.set(Change::InsertProject(row.clone()))).await;
    let found = store.project(A.org(), row.id).await.unwrap();
    assert_eq!(found.as_ref(), Some(&row));
    assert_eq!(store.projects(A.org()).await.unwrap(), [A.project(), row]);
}

/// Every field of a key and of its secrets, optional ones both ways, extreme numbers included.
pub async fn a_key_comes_back_as_it_was_written(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    assert_eq!(store.key(A.key_id(0)).await.unwrap(), Some(A.key()));

    let secret = SecretRow {
        version: u32::MAX,
        scheme: "hmac-sha256".to_owned(),
        pepper: Some(u32::MAX),
        digest: bytes(0, 256),
        last4: "\u{1f511}€aß".to_owned(),
        created_at: UnixMicros(i64::MIN),
        expires_at: Some(UnixMicros(i64::MAX)),
        revoked_at: Some(UnixMicros(-1)),
        last_used_at: Some(UnixMicros(0)),
    };
    let row = KeyRow {
        name: STRANGE.to_owned(),
        prefix: "a_very_long_brand_test_".to_owned(),
        environment: "test.1-x_y".parse().unwrap(),
        rules: RulesRow {
            providers: Some(vec!["openai".to_owned()]),
            allow_models: Some(vec!["*".to_owned(), "ft/*".to_owned()]),
            deny_models: vec![STRANGE.to_owned(), String::new()],
            allow_ips: Some(vec![STRANGE.to_owned()]),
        },
        limits: LimitsRow {
            caps: many_caps(),
            rate: Some(RateRow {
                requests: u32::MAX,
                seconds: 1,
                burst: 0,
            }),
        },
        disabled_at: Some(UnixMicros(i64::MAX)),
        revoked_at: Some(UnixMicros(i64::MIN)),
        created_at: UnixMicros(-62_135_596_800_000_000),
        generation: LARGEST,
        secrets: vec![
            SecretRow {
                digest: Blob(Vec::new()),
                ..A.secret(0)
            },
            secret,
        ],
        ..A.nth_key(1)
    };
    committed(&store, A.set(Change::InsertKey(row.clone()))).await;
    assert_eq!(store.key(row.id).await.unwrap(), Some(row));
}

/// Unrestricted, nothing allowed and a list are three different rules.
pub async fn no_list_and_an_empty_list_are_told_apart(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let some = Some(vec!["one".to_owned(), "two".to_owned()]);
    let lists = [None, Some(Vec::new()), some];
    for providers in lists.clone() {
        for allow_models in lists.clone() {
            for allow_ips in lists.clone() {
                let rules = RulesRow {
                    providers: providers.clone(),
                    allow_models: allow_models.clone(),
                    deny_models: vec!["three".to_owned()],
                    allow_ips,
                };
                let change = Change::SetKeyRules {
                    key: A.key_id(0),
                    rules: rules.clone(),
                };
                committed(&store, A.set(change)).await;
                assert_eq!(store.key(A.key_id(0)).await.unwrap().unwrap().rules, rules);
            }
        }
    }
}

/// No cap, one and several are told apart, in their order, and so are no rate and one of zeros.
pub async fn limits_come_back_as_they_were_written(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let mut backwards = many_caps();
    backwards.reverse();
    let twice = [many_caps(), many_caps()].concat();
    let one = vec![cap("usd", "total", 0)];
    let rate = |requests, seconds, burst| RateRow {
        requests,
        seconds,
        burst,
    };
    let rates = [
        None,
        Some(rate(0, 0, 0)),
        Some(rate(1, 2, 3)),
        Some(rate(u32::MAX, u32::MAX - 1, u32::MAX - 2)),
    ];
    for caps in [Vec::new(), one, many_caps(), backwards, twice] {
        for rate in rates {
            let limits = LimitsRow {
                caps: caps.clone(),
                rate,
            };
            let set = A
                .set(Change::SetKeyLimits {
                    key: A.key_id(0),
                    limits: limits.clone(),
                })
                .change(Change::SetProjectCaps {
                    project: A.project_id(0),
                    caps: caps.clone(),
                })
                .change(Change::SetOrganizationCaps { caps: caps.clone() });
            committed(&store, set).await;
            let key = store.key(A.key_id(0)).await.unwrap().unwrap();
            assert_eq!(key.limits, limits);
            let listed = store.keys(Tenants::All, Page::first(1)).await.unwrap();
            assert_eq!(listed[0].limits, limits);
            let project = store.project(A.org(), A.project_id(0)).await.unwrap();
            assert_eq!(project.unwrap().caps, caps);
            let organization = store.organization(A.org()).await.unwrap().unwrap();
            assert_eq!(organization.caps, caps);
        }
    }
}

/// A project is found by its id and its organization, both.
pub async fn a_project_is_found_in_its_organization_alone(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let found = store.project(A.org(), A.project_id(0)).await.unwrap();
    assert_eq!(found, Some(A.project()));
    for (org, id) in [
        (A.org(), A.project_id(1)),
        (A.org(), B.project_id(0)),
        (B.org(), A.project_id(0)),
    ] {
        assert_eq!(store.project(org, id).await.unwrap(), None);
    }
}

/// Every field of a credential; its slot with and without its optional parts.
pub async fn a_credential_comes_back_as_it_was_written(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    for (n, slot) in (1..).zip(slots(A)) {
        let row = CredentialRow {
            generation: LARGEST,
            mask: STRANGE.to_owned(),
            sealed: bytes(n, 70_000),
            created_at: UnixMicros(i64::MIN),
            updated_at: UnixMicros(i64::MAX),
            ..A.nth_credential(n, slot.clone())
        };
        committed(&store, A.set(Change::PutCredential(row.clone()))).await;
        assert_eq!(store.credential(slot).await.unwrap(), Some(row.clone()));
        assert_eq!(
            store.credential_by_id(A.org(), row.id).await.unwrap(),
            Some(row)
        );
    }
}

/// Slots that differ in one part are different slots, and an absent part is no wildcard.
pub async fn a_slot_must_match_in_every_part(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let slots = slots(A);
    for (n, slot) in (1..).zip(&slots) {
        let row = A.nth_credential(n, slot.clone());
        committed(&store, A.set(Change::PutCredential(row))).await;
    }
    for (n, slot) in (1..).zip(&slots) {
        let found = store.credential(slot.clone()).await.unwrap().unwrap();
        assert_eq!(found.id, A.credential_id(n));
    }
    for (n, slot) in (1..).zip(slots) {
        committed(&store, A.set(Change::DeleteCredential(A.credential_id(n)))).await;
        assert_eq!(
            store.credential(slot).await.unwrap(),
            None,
            "another slot's was found"
        );
    }
}

/// Instance secrets come back whole, by name and then version.
pub async fn instance_secrets_come_back_by_name_and_version(fixture: &impl Fixture) {
    let store = fixture.store();
    let rows = [
        instance_secret("pepper", 1),
        instance_secret("pepper", 2),
        instance_secret("pepper", 10),
        instance_secret("sampling", u32::MAX),
        instance_secret(STRANGE, 1),
    ];
    for row in [&rows[4], &rows[2], &rows[0], &rows[3], &rows[1]] {
        committed(&store, instance(Change::InsertInstanceSecret(row.clone()))).await;
    }
    assert_eq!(store.instance_secrets().await.unwrap(), rows);
}

/// Check values come back whole, by version.
pub async fn master_checks_come_back_by_version(fixture: &impl Fixture) {
    let store = fixture.store();
    for version in [10, 1, u32::MAX, 2] {
        committed(
            &store,
            instance(Change::InsertMasterCheck(master_check(version))),
        )
        .await;
    }
    let rows = [1, 2, 10, u32::MAX].map(master_check);
    assert_eq!(store.master_checks().await.unwrap(), rows);
}

/// Every field of a node.
pub async fn a_node_comes_back_as_it_was_written(fixture: &impl Fixture) {
    let store = fixture.store();
    let row = NodeRow {
        id: NodeId::from_bytes([0xff; 16]).unwrap(),
        description: STRANGE.to_owned(),
        started_at: UnixMicros(i64::MIN),
        lease_until: UnixMicros(i64::MAX),
        applied: LARGEST,
    };
    let answer = store.register(row.clone(), AT).await.unwrap();
    assert_eq!(answer, crate::Registration::Registered);
    assert_eq!(store.nodes().await.unwrap(), [row]);
}

/// Secrets come by ascending version, in whatever order they were added.
pub async fn secrets_come_by_ascending_version(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    for version in [10, 3, 9] {
        let change = Change::InsertSecret {
            key: A.key_id(0),
            secret: A.secret(version),
        };
        committed(&store, A.set(change)).await;
    }
    let secrets = store.key(A.key_id(0)).await.unwrap().unwrap().secrets;
    assert_eq!(secrets, [1, 2, 3, 9, 10].map(|version| A.secret(version)));
}

/// Key ids that differ in the case of one letter are different keys.
pub async fn key_ids_are_case_sensitive(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    for id in ["abcdefghijkl", "abcdefghijkL"] {
        let row = KeyRow {
            id: id.parse().unwrap(),
            name: id.to_owned(),
            ..A.nth_key(1)
        };
        committed(&store, A.set(Change::InsertKey(row.clone()))).await;
        assert_eq!(store.key(row.id).await.unwrap(), Some(row));
    }
    assert_eq!(
        store.key("Abcdefghijkl".parse().unwrap()).await.unwrap(),
        None
    );
}

/// What is not there is a value and no error.
pub async fn what_is_absent_is_none(fixture: &impl Fixture) {
    let store = fixture.store();
    assert_eq!(store.organization(A.org()).await.unwrap(), None);
    assert_eq!(store.project(A.org(), A.project_id(0)).await.unwrap(), None);
    assert_eq!(store.projects(A.org()).await.unwrap(), []);
    assert_eq!(store.shares(A.org()).await.unwrap(), []);
    assert_eq!(store.key(A.key_id(0)).await.unwrap(), None);
    assert_eq!(store.credential(A.slot()).await.unwrap(), None);
    assert_eq!(
        store
            .credential_by_id(A.org(), A.credential_id(0))
            .await
            .unwrap(),
        None
    );
    assert_eq!(store.instance_secrets().await.unwrap(), []);
    assert_eq!(store.master_checks().await.unwrap(), []);
    assert_eq!(store.newest_change().await.unwrap(), None);
    assert_eq!(store.changes_since(0, 10).await.unwrap(), []);
    assert_eq!(store.nodes().await.unwrap(), []);
}

/// One of each kind: every unit and window, a zone, and numbers and texts that are awkward. A store judges none of them.
fn many_caps() -> Vec<CapRow> {
    vec![
        cap("usd", "month Europe/Berlin", i64::MAX),
        cap("usd", "total", 9_007_199_254_740_993), // no floating-point number
        cap("tokens", "day America/Argentina/Buenos_Aires", 1),
        cap("requests", "minute", 0),
        cap("requests", "hour", i64::MIN),
        cap(STRANGE, STRANGE, -1),
        cap("", "", 7),
    ]
}

fn cap(unit: &str, window: &str, amount: i64) -> CapRow {
    CapRow {
        unit: unit.to_owned(),
        window: window.to_owned(),
        amount,
    }
}

/// One slot without and with each optional part, and with another provider and name.
fn slots(tenant: Tenant) -> Vec<CredentialSlot> {
    let base = CredentialSlot {
        name: "second".parse().unwrap(),
        ..tenant.slot()
    };
    let project = Some(tenant.project_id(0));
    let environment = Some("live".parse().unwrap());
    vec![
        base.clone(),
        CredentialSlot {
            project,
            ..base.clone()
        },
        CredentialSlot {
            environment: environment.clone(),
            ..base.clone()
        },
        CredentialSlot {
            project,
            environment,
            ..base.clone()
        },
        CredentialSlot {
            environment: Some("test".parse().unwrap()),
            ..base.clone()
        },
        CredentialSlot {
            provider: "anthropic".parse().unwrap(),
            ..base.clone()
        },
        CredentialSlot {
            name: "third".parse().unwrap(),
            ..base
        },
    ]
}

/// The largest counter that every adapter holds.
const LARGEST: u64 = i64::MAX.unsigned_abs();

/// Text that is awkward everywhere: quotes, an injection, control characters, other scripts, a combining mark.
pub(super) const STRANGE: &str =
    "\u{7f}'; DROP TABLE keys; --\" \\ \n\t% _ Ünï e\u{301} 漢字 \u{1f511} \u{202e} ?1 $1 {}";

/// A version of each state, with and without wrapped form, extreme numbers included.
fn many_keys() -> Vec<OrgKeyRow> {
    use OrgKeyState::{Active, DecryptOnly, Destroyed, Disabled, Pending};
    let derived = |version, state| OrgKeyRow {
        version,
        state,
        ..OrgKeyRow::first_derived(u32::MAX, UnixMicros(i64::MIN))
    };
    vec![
        derived(1, Destroyed),
        B.key_version(2, Destroyed),
        B.key_version(3, Disabled),
        derived(4, DecryptOnly),
        OrgKeyRow {
            service: Some("local".to_owned()),
            master_version: Some(1),
            ..B.key_version(u32::MAX - 1, Active)
        },
        B.key_version(u32::MAX, Pending),
    ]
}
