use std::collections::BTreeSet;
use std::thread;

use super::*;

/// The `n`th request, over at `n` microseconds.
fn entry(n: usize, ended: Ended) -> Entry {
    let mut id = [7; 16];
    id[8..].copy_from_slice(&n.to_be_bytes());
    Entry {
        at: UnixMicros(i64::try_from(n).unwrap()),
        id: RequestId::from_bytes(id).unwrap(),
        org: OrgId::from_bytes([1; 16]).unwrap(),
        project: ProjectId::from_bytes([2; 16]).unwrap(),
        key: KeyId::from_bytes(*b"aaaaaaaaaaaa").unwrap(),
        provider: Provider::default(),
        model: Word::Absent,
        ended,
        status: None,
        tokens: None,
        cost: None,
        took: Duration::ZERO,
        provider_request: None,
        sampling: Sampling::NONE,
    }
}

fn call(n: usize) -> Entry {
    entry(n, Ended::Call(End::Settled))
}

fn refusal(n: usize) -> Entry {
    entry(n, Ended::Refused("model_not_allowed"))
}

/// The batches that are taken until nothing is left, and how many were lost.
fn emptied(queue: &Queue) -> (Vec<Vec<TraceRow>>, u64) {
    let (mut batches, mut lost) = (Vec::new(), 0);
    while !queue.is_empty() {
        let (rows, more) = queue.take();
        batches.push(rows);
        lost += more;
    }
    (batches, lost)
}

/// Pushes as many as `count` from each of so many threads at once.
fn push_from(queue: &Queue, threads: usize, count: usize, make: fn(usize) -> Entry) {
    thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || (0..count).for_each(|n| queue.push(make(thread * count + n))));
        }
    });
}

#[test]
fn what_is_pushed_is_taken_once_in_batches_or_counted_as_lost() {
    for (threads, each) in [(1, 10_000), (4, 2_500), (40, 250), (3, 100)] {
        let queue = Queue::new();
        push_from(&queue, threads, each, call);
        let (batches, lost) = emptied(&queue);
        assert!(batches.iter().all(|rows| rows.len() <= BATCH));
        let ids: Vec<RequestId> = batches.iter().flatten().map(|row| row.id).collect();
        let different: BTreeSet<&RequestId> = ids.iter().collect();
        assert_eq!(different.len(), ids.len());
        let pushed = threads * each;
        assert_eq!(ids.len(), pushed.min(CAPACITY), "{threads} threads");
        assert_eq!(lost, u64::try_from(pushed - ids.len()).unwrap());
        assert_eq!(queue.take(), (Vec::new(), 0), "a loss is told once");
    }
}

#[test]
fn refusals_fill_half_of_the_queue_whoever_pushes_them() {
    for threads in [1, 5] {
        let queue = Queue::new();
        push_from(&queue, threads, CAPACITY, refusal);
        queue.push(refusal(0));
        push_from(&queue, threads, CAPACITY, call);
        let (batches, lost) = emptied(&queue);
        let rows = || batches.iter().flatten();
        let refused = rows().filter(|row| row.outcome == REFUSED).count();
        assert_eq!((refused, rows().count()), (CAPACITY / 2, CAPACITY));
        let pushed = 2 * threads * CAPACITY + 1;
        assert_eq!(lost, u64::try_from(pushed - CAPACITY).unwrap());
    }
}

#[test]
fn refusals_that_were_taken_make_room_for_others() {
    let queue = Queue::new();
    for _ in 0..2 {
        (0..CAPACITY / 2).for_each(|n| queue.push(refusal(n)));
        let (batches, lost) = emptied(&queue);
        assert_eq!(batches.iter().flatten().count(), CAPACITY / 2);
        assert_eq!(lost, 0);
    }
}

#[test]
fn a_batch_is_in_the_order_of_its_times_and_no_stripe_waits_for_another() {
    let queue = Queue::new();
    // This thread fills more than one batch, and others push one each, earlier.
    (100..100 + 2 * BATCH).for_each(|n| queue.push(call(n)));
    push_from(&queue, 15, 1, call);
    let (rows, _) = queue.take();
    assert_eq!(rows.len(), BATCH);
    assert!(rows.is_sorted_by_key(|row| (row.at, row.id)));
    let early = rows.iter().filter(|row| row.at.0 < 100).count();
    assert_eq!(early, 15);
    let (batches, _) = emptied(&queue);
    assert!(
        batches
            .iter()
            .all(|rows| rows.is_sorted_by_key(|row| row.at))
    );
}

#[test]
fn no_entry_makes_the_queue_grow() {
    let queue = Queue::new();
    let room = |queue: &Queue| -> Vec<usize> {
        let stripes = queue.stripes.iter();
        stripes.map(|it| lock(it).entries.capacity()).collect()
    };
    let before = room(&queue);
    for _ in 0..3 {
        (0..CAPACITY + 1).for_each(|n| queue.push(call(n)));
        emptied(&queue);
    }
    assert_eq!(room(&queue), before);
}
