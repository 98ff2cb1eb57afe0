//! Uses of secrets: noted, and nothing else.

use super::Fixture;
use super::check::{lines, snapshot};
use super::tenant::{A, AT, B, settled};
use crate::{ControlStore, KeyRow, LogId, SecretRow, SecretUse, UnixMicros};

/// The later time stands, in whatever order uses arrive, within one call and across calls.
pub async fn the_later_use_stands(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let seen = |at| SecretUse {
        key: A.key_id(0),
        version: 1,
        at: UnixMicros(at),
    };
    let steps = [
        (vec![seen(-5)], -5),
        (vec![seen(10), seen(30), seen(20)], 30),
        (vec![seen(29), seen(i64::MIN)], 30),
        (vec![seen(i64::MAX)], i64::MAX),
    ];
    for (uses, stands) in steps {
        store.record_uses(uses).await.unwrap();
        let used = SecretRow {
            last_used_at: Some(UnixMicros(stands)),
            ..A.secret(1)
        };
        let expected = KeyRow {
            secrets: vec![used, A.secret(2)],
            ..A.key()
        };
        assert_eq!(store.key(A.key_id(0)).await.unwrap(), Some(expected));
    }
    assert_eq!(store.key(B.key_id(0)).await.unwrap(), Some(B.key()));
}

/// Uses of unknown keys and versions are passed over, and those beside them are noted.
pub async fn unknown_secrets_are_passed_over(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let seen = |key, version| SecretUse {
        key,
        version,
        at: AT,
    };
    let uses = vec![
        seen(A.key_id(9), 1),
        seen(A.key_id(0), 2),
        seen(A.key_id(0), 9),
    ];
    store.record_uses(uses).await.unwrap();
    let used = SecretRow {
        last_used_at: Some(AT),
        ..A.secret(2)
    };
    let expected = KeyRow {
        secrets: vec![A.secret(1), used],
        ..A.key()
    };
    assert_eq!(store.key(A.key_id(0)).await.unwrap(), Some(expected));
}

/// A use moves no generation (the row comparisons above hold that), logs no change and keeps no draft.
pub async fn a_use_logs_no_change(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    store.record_uses(Vec::new()).await.unwrap();
    let newest = store.newest_change().await.unwrap();
    let drafts = lines(&store, LogId::Organization(A.org())).await;
    let before = snapshot(&store).await;
    store
        .record_uses(vec![SecretUse {
            key: A.key_id(0),
            version: 1,
            at: AT,
        }])
        .await
        .unwrap();
    assert_eq!(store.newest_change().await.unwrap(), newest);
    assert_eq!(lines(&store, LogId::Organization(A.org())).await, drafts);
    assert_ne!(snapshot(&store).await, before, "the use was not noted");
    assert_eq!(store.key(A.key_id(0)).await.unwrap().unwrap().generation, 1);
}
