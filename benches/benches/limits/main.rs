//! What a request pays for its caps: what it asks, a hold and its settlement, beside one check of `governor` in the same run.
//!
//! The two do not do the same, and neither reads the other's part of the work:
//!
//! | | `check_key_n` | an ask, a hold and its settlement |
//! |---|---|---|
//! | locks | one of a shard, shared | that of each counter, twice |
//! | looks up | a key, by SipHash | nothing: a key's allowance has its counters |
//! | works out | one time, from one clock reading | the price of the hold and that of the usage; the period, the room and the chunk of each counter |
//! | writes | one number, by compare-and-swap | the account of each counter twice, and what the durable books have to learn of it |
//! | afterwards | nothing | its part of the upkeep that takes what was charged |
//!
//! The goals are ratios, so that they hold on any machine:
//!
//! | | at most |
//! |---|---|
//! | `*/one_cap` | 2 times `check_key_n`, in the cache and out of it, on one thread and on two |
//! | `three_caps` | 3 times `one_cap`; more where two threads want the lock of one organization's counter |
//! | `rate/cell` | 1.2 times `rate/governor_direct_without_clock` |

use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use governor::{Quota, RateLimiter};
use portcullis_limits::{Rate, RateCell};

mod gateway;

use gateway::{Gateway, Peer, Request, Requests, Under};

fn reserve_and_settle(criterion: &mut Criterion) {
    for (name, keys) in [("1", 1), ("1k", 1_000), ("1m", 1_000_000)] {
        for threads in [1, 2] {
            let mut group = criterion.benchmark_group(format!("{name}_keys/{threads}_threads"));
            let peer = Peer::new(keys);
            measure(&mut group, "check_key_n", threads, |request, _| {
                peer.serve(request)
            });
            drop(peer);
            for (name, under, ledgers) in [
                ("one_cap", Under::OneCap, 1),
                ("three_caps", Under::ThreeCaps, 1),
                ("one_cap_64_orgs", Under::OneCap, 64),
                ("three_caps_64_orgs", Under::ThreeCaps, 64),
            ] {
                if keys < ledgers {
                    continue; // no keys for most of the organizations
                }
                let gateway = Gateway::new(keys, under, ledgers);
                let served = measure(&mut group, name, threads, |request, upkeep| {
                    if upkeep {
                        gateway.keep_up(request.now());
                    }
                    gateway.serve(request)
                });
                assert_eq!(
                    served > 0,
                    gateway.charged() > 0,
                    "what is measured is charged"
                );
            }
            group.finish();
        }
    }
}

/// The time of `threads` threads together for all requests, each thread with its part of them; how many there were.
fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    threads: u32,
    serve: impl Fn(&Request, bool) -> bool + Sync,
) -> u64 {
    // The requests of one sample go on where those of the one before have ended: time does not go backwards.
    let sources: Vec<_> = (0..threads)
        .map(|thread| std::sync::Mutex::new(Requests::new(thread.into())))
        .collect();
    let run = |source: &std::sync::Mutex<Requests>, requests: u64| {
        let Ok(mut source) = source.lock() else {
            return 0;
        };
        let mut refused = 0_u64;
        for _ in 0..requests {
            let (request, upkeep) = source.next();
            refused += u64::from(!serve(black_box(&request), upkeep));
        }
        refused
    };
    let mut served = 0;
    group.bench_function(BenchmarkId::from_parameter(name), |bench| {
        bench.iter_custom(|requests| {
            served += requests;
            let each = requests.div_ceil(threads.into());
            #[expect(
                clippy::disallowed_methods,
                reason = "the time of threads together is not what `iter` measures"
            )]
            let begun = Instant::now();
            let refused: u64 = match sources.as_slice() {
                [source] => run(source, requests),
                sources => std::thread::scope(|scope| {
                    let threads = sources
                        .iter()
                        .map(|source| scope.spawn(|| run(source, each)));
                    let threads: Vec<_> = threads.collect();
                    threads
                        .into_iter()
                        .map(|thread| thread.join().unwrap_or(1))
                        .sum()
                }),
            };
            let took = begun.elapsed();
            assert_eq!(refused, 0, "what is measured is a request that is admitted");
            took
        });
    });
    served
}

fn rate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rate");
    let many = NonZeroU32::MAX;

    let (rate, cell) = (Rate::per_minute(many), RateCell::new());
    let mut now = Duration::ZERO;
    group.bench_function("cell", |bench| {
        bench.iter(|| {
            now += Duration::from_nanos(100);
            cell.admit(rate, black_box(now))
        });
    });

    // It reads a clock of its own, which a gateway has done already for each request.
    let direct = RateLimiter::direct(Quota::per_minute(many));
    group.bench_function("governor_direct", |bench| {
        bench.iter(|| direct.check().is_ok());
    });
    let clock = governor::clock::FakeRelativeClock::default();
    let direct = RateLimiter::direct_with_clock(Quota::per_minute(many), clock.clone());
    group.bench_function("governor_direct_without_clock", |bench| {
        bench.iter(|| direct.check().is_ok());
    });
    let keyed = RateLimiter::keyed(Quota::per_minute(many));
    group.bench_function("governor_keyed", |bench| {
        bench.iter(|| keyed.check_key(black_box(b"000000000001")).is_ok());
    });
    group.finish();
}

fn quick() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20)
}

criterion_group! {
    name = benches;
    config = quick();
    targets = rate, reserve_and_settle
}
criterion_main!(benches);
