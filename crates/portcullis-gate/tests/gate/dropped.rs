//! A future that is dropped leaves nothing behind, and those of the request path never wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use portcullis_gate::Client;
use tokio::time::timeout;

use crate::support::spend::at_once;
use crate::support::unsteady::Unsteady;
use crate::support::{Stage, code, gpt, present};

#[tokio::test]
async fn the_request_path_never_waits_also_while_the_store_hangs() {
    let store = Unsteady::new();
    let stage = Stage::on(store.clone(), |builder| builder).await;
    let key = stage.key().await;
    store.hang(true);
    let caller = at_once(
        stage
            .gate
            .authenticate(present(&key.text), Client::unknown()),
    )
    .unwrap();
    let permit = at_once(caller.authorize(gpt())).unwrap();
    drop(at_once(permit.open()).unwrap());
}

#[tokio::test]
async fn what_was_not_dispatched_is_not_settled() {
    let settled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&settled);
    let stage = Stage::with(|builder| {
        builder.on_settlement(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        })
    })
    .await;
    let caller = stage.authenticate(&stage.key().await).await.unwrap();
    drop(caller.authorize(gpt()));
    drop(caller.authorize(gpt()).await.unwrap());
    drop(caller.authorize(gpt()).await.unwrap().open());
    assert_eq!(settled.load(Ordering::Relaxed), 0);
    drop(caller.authorize(gpt()).await.unwrap().open().await.unwrap());
    assert_eq!(settled.load(Ordering::Relaxed), 1);
    drop(caller.revoked());
    assert_eq!(code(caller.authorize(gpt()).await), "(allowed)");
}

#[tokio::test(start_paused = true)]
async fn an_admin_action_that_is_dropped_while_the_store_hangs_can_be_made_again() {
    let store = Unsteady::new();
    let mut stage = Stage::on(store.clone(), |builder| builder).await;
    stage.spawn_upkeep();
    let key = stage.key().await;
    let drafts = store.rows().drafts().len();
    store.hang(true);
    assert!(
        timeout(Duration::from_millis(10), stage.admin.revoke(key.id))
            .await
            .is_err()
    );
    store.hang(false);
    assert_eq!(store.rows().drafts().len(), drafts);
    assert_eq!(code(stage.authenticate(&key).await), "(allowed)");
    timeout(Duration::from_secs(1), stage.admin.revoke(key.id))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(code(stage.authenticate(&key).await), "key_revoked");
    assert_eq!(store.rows().drafts().len(), drafts + 1);
}
