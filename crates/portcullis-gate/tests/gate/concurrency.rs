//! Many requests at once, while keys come, turn and go: a revoked key never passes after revoke returned.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use portcullis_gate::{Gate, Lifetime, NewKey, PutCredential, Refusal, Rotation};
use portcullis_store::MemoryStore;

use crate::support::{CREDENTIAL, Key, authenticate, gpt, masters, operator, prefix, provider};

/// A key that requests are made with, and whether its revocation has returned.
struct Issued {
    text: String,
    revoked: AtomicBool,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_revoked_key_never_passes_while_everything_happens_at_once() {
    let (gate, upkeep) = Gate::builder(MemoryStore::new(), masters())
        .open()
        .await
        .unwrap();
    tokio::spawn(upkeep);
    let admin = gate.admin(operator());
    let org = admin.create_organization("acme").await.unwrap().id;
    let project = admin.create_project(org, "web").await.unwrap().id;
    let place = PutCredential::new(org, provider("openai"));
    admin.put_credential(place, CREDENTIAL).await.unwrap();

    let issued: Arc<Mutex<Vec<Arc<Issued>>>> = Arc::default();
    let issue = |key: &Key| {
        let key = Arc::new(Issued {
            text: key.text.clone(),
            revoked: AtomicBool::new(false),
        });
        issued.lock().unwrap().push(Arc::clone(&key));
        key
    };
    let done = Arc::new(AtomicBool::new(false));
    let (passed, refused) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let requests: Vec<_> = (0..64)
        .map(|number| {
            let (gate, issued, done) = (gate.clone(), Arc::clone(&issued), Arc::clone(&done));
            let (passed, refused) = (Arc::clone(&passed), Arc::clone(&refused));
            tokio::spawn(async move {
                let mut turn: usize = number;
                while !done.load(Ordering::Acquire) {
                    turn = turn.wrapping_add(7);
                    let key = {
                        let issued = issued.lock().unwrap();
                        // The newest few: those that change while they are used.
                        issued.iter().rev().nth(turn % 6).cloned()
                    };
                    if let Some(key) = key {
                        let was_revoked = key.revoked.load(Ordering::Acquire);
                        let passes = request(&gate, &key.text).await.is_ok();
                        assert!(!(passes && was_revoked), "passed after revoke had returned");
                        if passes { &passed } else { &refused }.fetch_add(1, Ordering::Relaxed);
                    }
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();

    for round in 0..150 {
        let new = NewKey::new(org, project, "ci", prefix("live"), Lifetime::Never);
        let first = Key::of(admin.mint(new).await.unwrap());
        let first_issued = issue(&first);
        tokio::task::yield_now().await;
        let rotation = Rotation::with_grace(TimeDelta::hours(1));
        let second = Key::of(admin.rotate(first.id, rotation).await.unwrap());
        let second_issued = issue(&second);
        if round % 2 == 0 {
            admin.revoke_secret(first.id, 1).await.unwrap();
            first_issued.revoked.store(true, Ordering::Release);
            tokio::task::yield_now().await;
        }
        let caller = authenticate(&gate, &second.text).await.unwrap();
        if round % 3 != 0 {
            admin.revoke(first.id).await.unwrap();
            first_issued.revoked.store(true, Ordering::Release);
            second_issued.revoked.store(true, Ordering::Release);
            assert!(caller.is_revoked());
        }
    }
    done.store(true, Ordering::Release);
    for task in requests {
        task.await.unwrap();
    }
    let (passed, refused) = (
        passed.load(Ordering::Relaxed),
        refused.load(Ordering::Relaxed),
    );
    assert!(
        passed > 100 && refused > 100,
        "{passed} passed, {refused} were refused"
    );
}

async fn request(gate: &Gate, text: &str) -> Result<(), Refusal> {
    let caller = authenticate(gate, text).await?;
    let (_call, credential) = caller.authorize(gpt()).await?.open().await?;
    assert_eq!(credential.expose(), CREDENTIAL);
    Ok(())
}

/// A caller that was let in while its key was being revoked hears of it: there is no moment in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_is_let_in_during_a_revocation_is_ended_by_it() {
    let (gate, upkeep) = Gate::builder(MemoryStore::new(), masters())
        .open()
        .await
        .unwrap();
    tokio::spawn(upkeep);
    let admin = gate.admin(operator());
    let org = admin.create_organization("acme").await.unwrap().id;
    let project = admin.create_project(org, "web").await.unwrap().id;
    for _ in 0..300 {
        let new = NewKey::new(org, project, "ci", prefix("live"), Lifetime::Never);
        let key = Key::of(admin.mint(new).await.unwrap());
        let (gate, text) = (gate.clone(), key.text.clone());
        let in_a_row = tokio::spawn(async move {
            let mut newest = None;
            while let Ok(caller) = authenticate(&gate, &text).await {
                newest = Some(caller);
            }
            newest
        });
        tokio::task::yield_now().await;
        admin.revoke(key.id).await.unwrap();
        if let Some(caller) = in_a_row.await.unwrap() {
            assert!(caller.is_revoked());
        }
    }
}
