//! Draws: one step on the shares of one run, under one lock, written whole or not at all.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use super::Fixture;
use super::books::{account, books, draw, nth_account, run, share, try_draw};
use super::check::snapshot;
use super::concurrency::{MANY, ROUNDS, join, pause, poll_once_and_drop};
use super::rows::STRANGE;
use super::tenant::{A, B, settle, settled};
use crate::StoreErrorKind::Conflict;
use crate::{AccountKey, BudgetStore, DrawStep, Drawn, ShareRow, UnixMicros};

/// What the step leaves is written, and the next draw finds it, on whichever handle: every part of it, extreme
/// numbers and awkward texts included.
pub async fn a_draw_writes_what_the_step_leaves(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let strange = AccountKey {
        unit: STRANGE.to_owned(),
        window: format!("month {STRANGE}"),
        level: String::new(),
        subject: STRANGE.to_owned(),
        start: UnixMicros(i64::MIN),
        ..account(A)
    };
    for key in [account(A), strange] {
        let zeros = ShareRow::zeros(key.clone(), run(1));
        let steps = [
            share(&key, 1, [1, 2, 3, 4]),
            ShareRow {
                keep_until: Some(UnixMicros(i64::MAX)),
                ..share(&key, 1, [i64::MAX; 4])
            },
            ShareRow {
                keep_until: Some(UnixMicros(-1)),
                ..share(&key, 1, [0, i64::MAX, 0, 1])
            },
            zeros.clone(),
        ];
        let mut before = zeros;
        for left in steps {
            let written = left.clone();
            let saw = draw(&store, 1, [&key], move |drawn| {
                drawn[0].share = written.clone();
            })
            .await;
            assert_eq!(saw[0].share, before);
            let after = fixture.store().shares(A.org()).await.unwrap();
            assert!(after.contains(&left), "{left:?} is not in {after:?}");
            before = left;
        }
    }
}

/// A share that is not there is a share of zeros.
pub async fn a_share_that_is_not_there_is_zeros(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let saw = draw(&store, 1, [&account(A)], |_| {}).await;
    let zeros = Drawn {
        share: share(&account(A), 1, [0; 4]),
        others: 0,
    };
    assert_eq!(saw, [zeros]);
    assert_eq!(
        ShareRow::zeros(account(A), run(1)),
        share(&account(A), 1, [0; 4])
    );
}

/// The others are the sum of all four amounts of all other runs.
pub async fn others_is_the_sum_of_the_other_runs(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    books(&store, &share(&account(A), 1, [1, 10, 100, 1_000])).await;
    books(&store, &share(&account(A), 2, [2, 20, 200, 2_000])).await;
    for (n, others) in [(1, 2_222), (2, 1_111), (3, 3_333)] {
        let saw = draw(&store, n, [&account(A)], |_| {}).await;
        assert_eq!(saw[0].others, others, "run {n}");
    }
}

/// The own run is no other: what it draws does not come back as somebody else's.
pub async fn others_leaves_out_the_own_run(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    for already in 0..3 {
        let saw = draw(&store, 1, [&account(A)], |drawn| drawn[0].share.out += 1).await;
        assert_eq!((saw[0].share.out, saw[0].others), (already, 0));
    }
}

/// The others of an account are of this account alone: one that differs in one part is another one.
pub async fn others_is_of_one_account(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let key = account(A);
    let other = || "other".to_owned();
    let different = [
        AccountKey {
            org: B.org(),
            ..key.clone()
        },
        AccountKey {
            unit: other(),
            ..key.clone()
        },
        AccountKey {
            window: other(),
            ..key.clone()
        },
        AccountKey {
            level: other(),
            ..key.clone()
        },
        AccountKey {
            subject: key.subject.to_uppercase(),
            ..key.clone()
        },
        AccountKey {
            start: UnixMicros(key.start.0 + 1),
            ..key.clone()
        },
    ];
    for account in &different {
        assert_ne!(*account, key);
        books(&store, &share(account, 1, [7; 4])).await;
        books(&store, &share(account, 2, [7; 4])).await;
    }
    let saw = draw(&store, 1, [&key], |_| {}).await;
    let zeros = Drawn {
        share: ShareRow::zeros(key, run(1)),
        others: 0,
    };
    assert_eq!(saw, [zeros]);
}

/// A sum that does not fit is the largest number, which no cap has room for, and neither an error nor negative.
pub async fn others_stops_at_the_largest_number(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    books(&store, &share(&account(A), 1, [i64::MAX; 4])).await;
    books(&store, &share(&account(A), 2, [1, 0, 0, 0])).await;
    for n in [2, 3] {
        let saw = draw(&store, n, [&account(A)], |_| {}).await;
        assert_eq!(saw[0].others, i64::MAX);
    }
}

/// The step sees the accounts in the order in which they were asked for, whatever their own is.
pub async fn accounts_come_in_the_order_asked(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let accounts = [
        nth_account(A, 2),
        nth_account(B, 0),
        nth_account(A, 0),
        nth_account(B, 1),
        nth_account(A, 1),
    ];
    for (amount, key) in (1..).zip(&accounts) {
        books(&store, &share(key, 1, [amount, 0, 0, 0])).await;
    }
    let saw = draw(&store, 1, &accounts, |_| {}).await;
    let expected: Vec<ShareRow> = (1..)
        .zip(&accounts)
        .map(|(amount, key)| share(key, 1, [amount, 0, 0, 0]))
        .collect();
    let seen: Vec<ShareRow> = saw.into_iter().map(|drawn| drawn.share).collect();
    assert_eq!(seen, expected);
    assert_eq!(
        draw(&store, 1, [], |_| {}).await,
        [],
        "no account is fine, too"
    );
}

/// What the step makes of the others' sum is nobody's share.
pub async fn the_others_are_not_written(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    books(&store, &share(&account(A), 1, [5, 0, 0, 0])).await;
    draw(&store, 2, [&account(A)], |drawn| {
        drawn[0].others = -9;
        drawn[0].share.settled = 1;
    })
    .await;
    let expected = [
        share(&account(A), 1, [5, 0, 0, 0]),
        share(&account(A), 2, [0, 1, 0, 0]),
    ];
    assert_eq!(store.shares(A.org()).await.unwrap(), expected);
}

/// A negative amount anywhere: nothing is written, of no account.
pub async fn a_step_that_leaves_a_negative_amount_writes_nothing(fixture: &impl Fixture) {
    let steps: [fn(&mut ShareRow); 5] = [
        |share| share.out = -1,
        |share| share.settled = -1,
        |share| share.debt = -1,
        |share| share.unaccounted = i64::MIN,
        |share| share.out -= 6,
    ];
    for step in steps {
        writes_nothing(
            fixture,
            [&nth_account(A, 0), &nth_account(A, 1)],
            move |drawn| {
                drawn[0].share.out += 1;
                step(&mut drawn[1].share);
            },
        )
        .await;
    }
}

/// A share of another account, of another run or at another's place: nothing is written.
pub async fn a_step_that_leaves_another_share_writes_nothing(fixture: &impl Fixture) {
    let accounts = [&nth_account(A, 0), &nth_account(A, 1)];
    writes_nothing(fixture, accounts, |drawn| drawn.swap(0, 1)).await;
    writes_nothing(fixture, accounts, |drawn| drawn[0].share.run = run(2)).await;
    writes_nothing(fixture, accounts, |drawn| {
        drawn[1].share.key = drawn[0].share.key.clone();
    })
    .await;
    let parts: [fn(&mut AccountKey); 6] = [
        |key| key.org = B.org(),
        |key| key.unit.push('x'),
        |key| key.window.push('x'),
        |key| key.level.push('x'),
        |key| key.subject.clear(),
        |key| key.start.0 += 1,
    ];
    for part in parts {
        writes_nothing(fixture, accounts, move |drawn| {
            drawn[0].share.out += 1;
            part(&mut drawn[1].share.key);
        })
        .await;
    }
}

/// An account that is named twice: the step does not even run.
pub async fn an_account_named_twice_is_a_conflict(fixture: &impl Fixture) {
    let [one, two] = [nth_account(A, 0), nth_account(A, 1)];
    let ran = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&ran);
    writes_nothing(fixture, [&one, &two, &one], move |drawn| {
        noted.store(true, Ordering::SeqCst);
        drawn[1].share.out += 1;
    })
    .await;
    assert!(!ran.load(Ordering::SeqCst), "the step was run");
}

/// An organization that does not exist has no shares, and takes those beside it along.
pub async fn an_unknown_organization_cannot_draw(fixture: &impl Fixture) {
    let nowhere = AccountKey {
        org: "00000000-0000-7000-8000-00000000000f".parse().unwrap(),
        ..account(A)
    };
    for accounts in [[&account(A), &nowhere], [&nowhere, &account(A)]] {
        writes_nothing(fixture, accounts, |drawn| {
            drawn.iter_mut().for_each(|drawn| drawn.share.out += 1);
        })
        .await;
    }
}

/// A share that is left as it was found is not written: a step that refuses leaves no row where there was none.
pub async fn a_share_left_as_it_was_is_not_written(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let [one, two] = [nth_account(A, 0), nth_account(A, 1)];
    draw(&store, 1, [&one, &two], |_| {}).await;
    assert_eq!(store.shares(A.org()).await.unwrap(), []);
    draw(&store, 1, [&one, &two], |drawn| drawn[1].share.out = 1).await;
    assert_eq!(
        store.shares(A.org()).await.unwrap(),
        [share(&two, 1, [1, 0, 0, 0])]
    );
    // An end alone is a change.
    let end = Some(UnixMicros(0));
    draw(&store, 1, [&one], move |drawn| {
        drawn[0].share.keep_until = end;
    })
    .await;
    let ended = ShareRow {
        keep_until: end,
        ..share(&one, 1, [0; 4])
    };
    assert_eq!(
        store.shares(A.org()).await.unwrap(),
        [ended, share(&two, 1, [1, 0, 0, 0])]
    );
}

/// A step that panics does so for whoever draws, writes nothing, and leaves the store to everybody else.
pub async fn a_step_that_panics_writes_nothing(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let step: DrawStep = Box::new(|drawn| {
        drawn[0].share.out = 1;
        resume_unwind(Box::new("a panic that prints nothing"));
    });
    let mut future = Box::pin(store.draw(run(1), vec![account(A)], step));
    let panic = std::future::poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        match polled {
            Ok(std::task::Poll::Pending) => std::task::Poll::Pending,
            Ok(std::task::Poll::Ready(answer)) => panic!("{answer:?} instead of the panic"),
            Err(panic) => std::task::Poll::Ready(panic),
        }
    })
    .await;
    assert_eq!(panic.downcast_ref(), Some(&"a panic that prints nothing"));
    assert_eq!(store.shares(A.org()).await.unwrap(), []);
    books(&store, &share(&account(A), 1, [2, 0, 0, 0])).await;
    let found = fixture.store().shares(A.org()).await.unwrap();
    assert_eq!(found, [share(&account(A), 1, [2, 0, 0, 0])]);
}

/// A draw moves no generation, logs no change and keeps no draft.
pub async fn draws_leave_the_control_plane_alone(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let before = snapshot(&store).await;
    books(&store, &share(&account(A), 1, [1, 2, 3, 4])).await;
    store.strand_others(Vec::new()).await.unwrap();
    store.forget_shares(UnixMicros(i64::MAX)).await.unwrap();
    assert_eq!(snapshot(&store).await, before);
}

/// Of many that draw at once under one cap, on independent handles, exactly as many get it as fit: no look goes stale
/// before its write. All of them draw from two accounts, and the caps of both hold.
pub async fn of_many_that_draw_at_once_as_many_get_it_as_fit(fixture: &impl Fixture) {
    settle(&fixture.store()).await;
    let cap = i64::from(MANY) * DRAWS / 2;
    let got = Arc::new(AtomicI64::new(0));
    let mut tasks = Vec::new();
    for n in 1..=MANY {
        let (store, got) = (fixture.store(), Arc::clone(&got));
        tasks.push(fixture.spawn(Box::pin(async move {
            let accounts = [nth_account(A, 0), nth_account(B, 0)];
            for _ in 0..DRAWS {
                let saw = draw(&store, n, &accounts, move |drawn| {
                    debit(drawn, cap);
                })
                .await;
                got.fetch_add(i64::from(fits(&saw, cap)), Ordering::SeqCst);
            }
        })));
    }
    join(tasks).await;
    assert_eq!(
        got.load(Ordering::SeqCst),
        cap,
        "so many were told that they got it"
    );
    for tenant in [A, B] {
        let shares = fixture.store().shares(tenant.org()).await.unwrap();
        let out: i64 = shares.iter().map(|share| share.out).sum();
        assert_eq!(out, cap, "so much is out");
    }
}

/// Shares that are only drawn from together are never read apart.
pub async fn no_reader_sees_half_a_draw(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let accounts = [nth_account(A, 0), nth_account(A, 1)];
    draw(&store, 1, &accounts, |drawn| debit(drawn, i64::MAX)).await;
    let running = Arc::new(AtomicBool::new(true));
    let reader = {
        let (store, running) = (fixture.store(), Arc::clone(&running));
        fixture.spawn(Box::pin(async move {
            while running.load(Ordering::SeqCst) {
                let shares = store.shares(A.org()).await.unwrap();
                assert_eq!(shares[0].out, shares[1].out, "half a draw was read");
                pause().await;
            }
        }))
    };
    for _ in 0..ROUNDS {
        draw(&store, 1, &accounts, |drawn| debit(drawn, i64::MAX)).await;
    }
    running.store(false, Ordering::SeqCst);
    reader.await;
}

/// A draw that is dropped after its first poll is done or not done, whole.
pub async fn a_dropped_draw_is_whole_or_absent(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let accounts = vec![nth_account(A, 0), nth_account(B, 0)];
    let ran = Arc::new(AtomicI64::new(0));
    for _ in 0..ROUNDS {
        let noted = Arc::clone(&ran);
        let step: DrawStep = Box::new(move |drawn| {
            noted.fetch_add(1, Ordering::SeqCst);
            debit(drawn, i64::MAX);
        });
        poll_once_and_drop(store.draw(run(1), accounts.clone(), step)).await;
    }
    // A draw that returns is behind everything that was handed over before it.
    let saw = draw(&store, 1, &accounts, |_| {}).await;
    assert_eq!(saw[0].share.out, saw[1].share.out, "a draw was torn");
    assert_eq!(
        saw[0].share.out,
        ran.load(Ordering::SeqCst),
        "a step that ran was not written, or twice"
    );
}

/// Draws that must fail with a conflict, say that nothing was written, and write nothing: the shares of the accounts of
/// `A` are as before, whether they were there or not.
async fn writes_nothing(
    fixture: &impl Fixture,
    accounts: impl IntoIterator<Item = &AccountKey> + Copy,
    step: impl FnMut(&mut [Drawn]) + Clone + Send + 'static,
) {
    let store = fixture.store();
    if crate::ControlStore::organization(&store, A.org())
        .await
        .unwrap()
        .is_none()
    {
        settle(&store).await;
    }
    let other = share(&nth_account(A, 9), 2, [1; 4]);
    for there in [
        Vec::new(),
        vec![
            share(&nth_account(A, 0), 1, [5; 4]),
            share(&nth_account(A, 1), 1, [5; 4]),
        ],
    ] {
        for share in there.iter().chain([&other]) {
            books(&store, share).await;
        }
        let before = (
            store.shares(A.org()).await.unwrap(),
            store.shares(B.org()).await.unwrap(),
        );
        let error = try_draw(&store, 1, accounts, step.clone())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Conflict, "{error}");
        assert!(
            error.is_retry_safe(),
            "nothing was written, and the error does not say so"
        );
        let after = (
            store.shares(A.org()).await.unwrap(),
            store.shares(B.org()).await.unwrap(),
        );
        assert_eq!(after, before);
    }
}

/// The step of a draw of 1 from every account, if all caps have room for it.
fn debit(drawn: &mut [Drawn], cap: i64) {
    if fits(drawn, cap) {
        drawn.iter_mut().for_each(|drawn| drawn.share.out += 1);
    }
}

fn fits(drawn: &[Drawn], cap: i64) -> bool {
    drawn
        .iter()
        .all(|drawn| drawn.others + drawn.share.used() < cap)
}

/// How often each of many draws.
const DRAWS: i64 = 10;
