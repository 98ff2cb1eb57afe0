//! Shares between draws: stranded when their run is gone, listed for one organization, forgotten when they are over.

use super::Fixture;
use super::books::{account, books, draw, nth_account, run, share};
use super::tenant::{A, B, settled};
use crate::{AccountKey, BudgetStore, ShareRow, UnixMicros};

/// What is out becomes unaccounted for all runs but the living, in every organization; nothing else moves.
pub async fn stranding_moves_what_is_out_of_all_runs_but_the_living(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    for tenant in [A, B] {
        for n in [1, 2, 3, 0xfa] {
            books(&store, &share(&account(tenant), n, [1, 20, 300, 4_000])).await;
        }
        books(&store, &share(&nth_account(tenant, 1), 1, [0, 5, 6, 7])).await;
    }
    let stranded = fixture
        .store()
        .strand_others(vec![run(2), run(9), run(0xfa)])
        .await
        .unwrap();
    assert_eq!(
        stranded, 4,
        "two runs in two organizations had something out"
    );
    for tenant in [A, B] {
        let expected = [
            share(&account(tenant), 1, [0, 20, 300, 4_001]),
            share(&account(tenant), 2, [1, 20, 300, 4_000]),
            share(&account(tenant), 3, [0, 20, 300, 4_001]),
            share(&account(tenant), 0xfa, [1, 20, 300, 4_000]),
            share(&nth_account(tenant, 1), 1, [0, 5, 6, 7]),
        ];
        assert_eq!(store.shares(tenant.org()).await.unwrap(), expected);
    }
}

/// A sum that does not fit is the largest number: stranding frees nothing by counting wrong.
pub async fn stranding_stops_at_the_largest_number(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    for (n, amounts) in [
        (1, [1, 0, 0, i64::MAX]),
        (2, [i64::MAX; 4]),
        (3, [1, 0, 0, i64::MAX - 1]),
    ] {
        books(&store, &share(&account(A), n, amounts)).await;
    }
    assert_eq!(store.strand_others(Vec::new()).await.unwrap(), 3);
    let unaccounted = store.shares(A.org()).await.unwrap();
    for row in unaccounted {
        assert_eq!((row.out, row.unaccounted), (0, i64::MAX));
    }
}

/// The second time there is nothing to strand.
pub async fn stranding_twice_changes_nothing(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    assert_eq!(
        store.strand_others(Vec::new()).await.unwrap(),
        0,
        "there are no shares"
    );
    for n in 1..=3 {
        books(&store, &share(&account(A), n, [5, 0, 0, 1])).await;
    }
    assert_eq!(store.strand_others(vec![run(3)]).await.unwrap(), 2);
    let before = store.shares(A.org()).await.unwrap();
    assert_eq!(store.strand_others(vec![run(3)]).await.unwrap(), 0);
    assert_eq!(store.shares(A.org()).await.unwrap(), before);
}

/// A run that was taken for gone, and is not, still finds its share: its bookings arrive, its returns find nothing
/// out.
pub async fn a_stranded_run_still_finds_its_share(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    books(&store, &share(&account(A), 1, [10, 1, 0, 0])).await;
    assert_eq!(store.strand_others(vec![run(2)]).await.unwrap(), 1);
    let saw = draw(&store, 1, [&account(A)], |drawn| {
        drawn[0].share.unaccounted -= 4;
        drawn[0].share.settled += 4;
    })
    .await;
    assert_eq!(saw[0].share, share(&account(A), 1, [0, 1, 0, 10]));
    let saw = draw(&store, 2, [&account(A)], |_| {}).await;
    assert_eq!(saw[0].others, 11, "moving amounts frees nothing");
    assert_eq!(
        store.shares(A.org()).await.unwrap(),
        [share(&account(A), 1, [0, 5, 0, 6])]
    );
}

/// Shares are those of one organization.
pub async fn shares_are_those_of_one_organization(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    // The same counter but for the organization, even its subject.
    let twin = AccountKey {
        org: B.org(),
        ..account(A)
    };
    books(&store, &share(&account(A), 1, [1, 0, 0, 0])).await;
    books(&store, &share(&twin, 1, [2, 0, 0, 0])).await;
    assert_eq!(
        store.shares(A.org()).await.unwrap(),
        [share(&account(A), 1, [1, 0, 0, 0])]
    );
    assert_eq!(
        store.shares(B.org()).await.unwrap(),
        [share(&twin, 1, [2, 0, 0, 0])]
    );
    let nobody = "00000000-0000-7000-8000-00000000000f".parse().unwrap();
    assert_eq!(store.shares(nobody).await.unwrap(), []);
}

/// Shares come by account and run, part by part, byte by byte.
pub async fn shares_come_by_account_and_run(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let key = |[unit, window, level, subject]: [&str; 4], start| AccountKey {
        org: A.org(),
        unit: unit.to_owned(),
        window: window.to_owned(),
        level: level.to_owned(),
        subject: subject.to_owned(),
        start: UnixMicros(start),
    };
    let keys = [
        key(["a", "z", "z", "z"], 9),
        key(["b", "Z", "z", "z"], 9),
        key(["b", "a", "b", "z"], 9),
        key(["b", "a", "c", ""], 9),
        key(["b", "a", "c", "B"], 10),
        key(["b", "a", "c", "a"], -10),
        key(["b", "a", "c", "a"], -9),
        key(["b", "a", "c", "a"], 9),
        key(["b", "a", "c", "a"], 10),
        key(["b", "a", "c", "ä"], 0),
    ];
    let runs = [1, 2, 0x7f, 0x80, 0xff];
    let in_order: Vec<ShareRow> = keys
        .iter()
        .flat_map(|key| runs.map(|n| share(key, n, [1, 0, 0, 0])))
        .collect();
    for row in in_order
        .iter()
        .rev()
        .step_by(2)
        .chain(in_order.iter().rev().skip(1).step_by(2))
    {
        books(&store, row).await;
    }
    assert_eq!(store.shares(A.org()).await.unwrap(), in_order);
    assert!(
        in_order.is_sorted_by(|a, b| (&a.key, a.run) < (&b.key, b.run)),
        "the types sort as the list"
    );
}

/// The shares that runs which are gone have left are one for each account, with every amount of all of them; what lives, and
/// what is out, is left alone.
pub async fn folding_adds_up_what_runs_that_are_gone_have_left(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    for tenant in [A, B] {
        for (n, amounts) in [
            (1, [7, 1, 1, 1]),
            (2, [0, 20, 300, 4_000]),
            (3, [0, 1, 2, 3]),
            (4, [0, 5, 5, 5]),
            (0xfa, [0, 40, 500, 6_000]),
        ] {
            books(&store, &share(&account(tenant), n, amounts)).await;
        }
        books(&store, &share(&nth_account(tenant, 1), 3, [0, 5, 6, 7])).await;
    }
    let living = vec![run(4), run(9)];
    let folded = fixture.store().fold_shares(living.clone()).await.unwrap();
    assert_eq!(
        folded, 4,
        "two shares of each organization went into another"
    );
    for tenant in [A, B] {
        let expected = [
            share(&account(tenant), 1, [7, 1, 1, 1]),
            share(&account(tenant), 2, [0, 61, 802, 10_003]),
            share(&account(tenant), 4, [0, 5, 5, 5]),
            share(&nth_account(tenant, 1), 3, [0, 5, 6, 7]),
        ];
        assert_eq!(store.shares(tenant.org()).await.unwrap(), expected);
    }
    assert_eq!(store.fold_shares(living).await.unwrap(), 0);
    let saw = draw(&store, 9, [&account(A)], |_| {}).await;
    assert_eq!(saw[0].others, 10 + 61 + 802 + 10_003 + 15);
}

/// A sum that does not fit is the largest number, and a sum is kept for as long as any of its parts would have been.
pub async fn folding_frees_nothing(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let until = |end: Option<i64>, n, amounts| ShareRow {
        keep_until: end.map(UnixMicros),
        ..share(&account(A), n, amounts)
    };
    for (ends, kept) in [
        ([Some(5), Some(7), Some(6)], Some(7)),
        ([Some(8), None, Some(9)], None),
    ] {
        for (n, end) in (1..).zip(ends) {
            books(&store, &until(end, n, [0, i64::MAX, i64::MAX - 1, 1])).await;
        }
        store.fold_shares(Vec::new()).await.unwrap();
        let sum = until(kept, 1, [0, i64::MAX, i64::MAX, 3]);
        assert_eq!(store.shares(A.org()).await.unwrap(), [sum]);
    }
}

/// However late it is, the shares of a counter's latest period are kept, those of all its runs; and the other way round,
/// those of an earlier one are not, also if they came later.
pub async fn the_latest_period_of_a_counter_is_never_forgotten(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let of = |tenant, n, period, run| ShareRow {
        keep_until: Some(UnixMicros(0)),
        ..share(&in_period(nth_account(tenant, n), period), run, [1; 4])
    };
    // The counters differ in their organization or their subject; the periods of one come in no order.
    let latest = [
        of(A, 0, 9, 1),
        of(A, 0, 9, 2),
        of(A, 1, 3, 1),
        of(B, 0, 5, 2),
    ];
    let earlier = [
        of(A, 0, 8, 1),
        of(A, 0, 7, 2),
        of(B, 0, -4, 2),
        of(B, 0, 4, 1),
    ];
    for row in [
        &earlier[0],
        &latest[0],
        &earlier[1],
        &latest[2],
        &earlier[2],
        &latest[3],
    ] {
        books(&store, row).await;
    }
    for row in [&latest[1], &earlier[3]] {
        books(&store, row).await;
    }
    assert_eq!(store.forget_shares(UnixMicros(i64::MAX)).await.unwrap(), 4);
    assert_eq!(store.shares(A.org()).await.unwrap(), latest[..3]);
    assert_eq!(store.shares(B.org()).await.unwrap(), latest[3..]);
    // Once the counter goes on, they are as all others.
    books(&store, &of(A, 0, 10, 3)).await;
    assert_eq!(store.forget_shares(UnixMicros(i64::MAX)).await.unwrap(), 2);
    assert_eq!(
        store.shares(A.org()).await.unwrap(),
        [of(A, 0, 10, 3), of(A, 1, 3, 1)]
    );
}

/// The same counter's account that begins so much later.
fn in_period(account: AccountKey, later: i64) -> AccountKey {
    AccountKey {
        start: UnixMicros(account.start.0 + later),
        ..account
    }
}

/// Dropped is only what is over: a share whose end is now is not yet.
pub async fn forgetting_drops_only_what_is_over(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let until = |tenant, n, end| ShareRow {
        keep_until: Some(UnixMicros(end)),
        ..share(&account(tenant), n, [1; 4])
    };
    // Both counters have gone on since.
    let next = |tenant| share(&in_period(account(tenant), 1), 1, [1; 4]);
    for row in [next(A), next(B)] {
        books(&store, &row).await;
    }
    for row in [
        until(A, 1, 99),
        until(A, 2, 100),
        until(A, 3, 101),
        until(B, 1, i64::MIN),
        until(B, 2, i64::MAX),
    ] {
        books(&store, &row).await;
    }
    assert_eq!(store.forget_shares(UnixMicros(i64::MIN)).await.unwrap(), 0);
    assert_eq!(
        fixture
            .store()
            .forget_shares(UnixMicros(100))
            .await
            .unwrap(),
        2
    );
    assert_eq!(
        store.shares(A.org()).await.unwrap(),
        [until(A, 2, 100), until(A, 3, 101), next(A)]
    );
    assert_eq!(
        store.shares(B.org()).await.unwrap(),
        [until(B, 2, i64::MAX), next(B)]
    );
    assert_eq!(store.forget_shares(UnixMicros(100)).await.unwrap(), 0);
    // And what is forgotten is zeros again.
    let saw = draw(&store, 1, [&account(A)], |_| {}).await;
    assert_eq!(
        (&saw[0].share, saw[0].others),
        (&share(&account(A), 1, [0; 4]), 8)
    );
}

/// What has no end is kept for ever; an end that was taken away again does not count.
pub async fn what_has_no_end_is_never_forgotten(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let end = Some(UnixMicros(0));
    let ended = ShareRow {
        keep_until: end,
        ..share(&account(A), 2, [1; 4])
    };
    books(&store, &share(&account(A), 1, [1; 4])).await;
    books(&store, &ended).await;
    draw(&store, 2, [&account(A)], |drawn| {
        drawn[0].share.keep_until = None;
    })
    .await;
    let next = share(&in_period(account(A), 1), 1, [1; 4]);
    books(&store, &next).await;
    assert_eq!(store.forget_shares(UnixMicros(i64::MAX)).await.unwrap(), 0);
    let kept = [
        share(&account(A), 1, [1; 4]),
        share(&account(A), 2, [1; 4]),
        next,
    ];
    assert_eq!(store.shares(A.org()).await.unwrap(), kept);
}
