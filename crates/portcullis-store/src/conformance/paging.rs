//! Lists come in parts: each row once, by ascending id, of the tenants that were asked for.

use super::Fixture;
use super::check::committed;
use super::tenant::{A, B, settled};
use crate::{Change, ControlStore, CredentialSlot, KeyId, OrgId, Page, Tenants};

/// Organizations, in parts of every size.
pub async fn parts_cover_all_organizations_once(fixture: &impl Fixture) {
    let store = fixture.store();
    let ids = [0xff, 0x01, 0x80, 0x7f, 0x02].map(|n| OrgId::from_bytes([n; 16]).unwrap());
    for (n, id) in (0..).zip(ids) {
        let mut row = A.organization();
        row.id = id;
        row.name = format!("{n}");
        let set = crate::ChangeSet::new(id, A.harmless().draft().clone());
        committed(&store, set.change(Change::InsertOrganization(row))).await;
    }
    let sorted = [ids[1], ids[4], ids[3], ids[2], ids[0]];
    for limit in [1, 2, 3, 5, 6, usize::MAX] {
        let mut seen = Vec::new();
        let mut page = Page::first(limit);
        loop {
            let part = store.organizations(page).await.unwrap();
            assert!(part.len() <= limit);
            let Some(last) = part.last() else { break };
            page.after = Some(last.id);
            seen.extend(part.iter().map(|row| row.id));
        }
        assert_eq!(seen, sorted, "in parts of {limit}");
    }
}

/// Keys, in parts of every size, of all tenants and of one, with their secrets.
pub async fn parts_cover_the_asked_tenants_keys_once(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    for n in [3, 1, 2] {
        committed(&store, A.set(Change::InsertKey(A.nth_key(n)))).await;
    }
    let own = [A.nth_key(0), A.nth_key(1), A.nth_key(2), A.nth_key(3)];
    let all: Vec<_> = own.iter().cloned().chain([B.key()]).collect();
    let asked = [
        (Tenants::All, all),
        (Tenants::One(A.org()), own.to_vec()),
        (Tenants::One(B.org()), vec![B.key()]),
        (Tenants::One(OrgId::from_bytes([1; 16]).unwrap()), vec![]),
    ];
    for (tenants, expected) in asked {
        for limit in [1, 2, 5, usize::MAX] {
            let mut seen = Vec::new();
            let mut page = Page::first(limit);
            loop {
                let part = store.keys(tenants, page).await.unwrap();
                assert!(part.len() <= limit);
                let Some(last) = part.last() else { break };
                page.after = Some(last.id);
                seen.extend(part);
            }
            assert_eq!(seen, expected, "{tenants:?} in parts of {limit}");
        }
    }
}

/// Credentials, in parts of every size, of all tenants and of one.
pub async fn parts_cover_the_asked_tenants_credentials_once(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    for n in [3, 1, 2] {
        let slot = CredentialSlot {
            name: format!("n{n}").parse().unwrap(),
            ..A.slot()
        };
        committed(
            &store,
            A.set(Change::PutCredential(A.nth_credential(n, slot))),
        )
        .await;
    }
    let own = [0, 1, 2, 3].map(|n| A.credential_id(n));
    let all: Vec<_> = own.into_iter().chain([B.credential_id(0)]).collect();
    let asked = [
        (Tenants::All, all),
        (Tenants::One(A.org()), own.to_vec()),
        (Tenants::One(B.org()), vec![B.credential_id(0)]),
    ];
    for (tenants, expected) in asked {
        for limit in [1, 2, 5, usize::MAX] {
            let mut seen = Vec::new();
            let mut page = Page::first(limit);
            loop {
                let part = store.credentials(tenants, page).await.unwrap();
                assert!(part.len() <= limit);
                let Some(last) = part.last() else { break };
                page.after = Some(last.id);
                seen.extend(part.iter().map(|row| row.id));
            }
            assert_eq!(seen, expected, "{tenants:?} in parts of {limit}");
        }
    }
}

/// A part of no rows is empty; an id that is no row's still divides the list.
pub async fn a_part_may_be_empty_and_may_begin_anywhere(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    assert_eq!(store.keys(Tenants::All, Page::first(0)).await.unwrap(), []);
    assert_eq!(store.organizations(Page::first(0)).await.unwrap(), []);
    assert_eq!(
        store
            .credentials(Tenants::All, Page::first(0))
            .await
            .unwrap(),
        []
    );
    assert_eq!(store.changes_since(0, 0).await.unwrap(), []);
    let between: KeyId = "Akey99999999".parse().unwrap();
    let page = Page {
        after: Some(between),
        limit: 10,
    };
    assert_eq!(store.keys(Tenants::All, page).await.unwrap(), [B.key()]);
}
