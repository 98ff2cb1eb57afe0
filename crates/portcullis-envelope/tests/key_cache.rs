//! The cache of organization keys: who shares what, and what is forgotten when.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use getrandom::SysRng;
use portcullis_envelope::testkit::{Fault, FaultyKeyService, block_on, poll_once};
use portcullis_envelope::{
    CachePolicy, InvalidCachePolicy, KeySeed, KeyServices, OrgKeyCache, OrgKeyRef, SealingKey,
    UnwrapError, WrappedKey,
};

struct World {
    service: Arc<FaultyKeyService>,
    services: KeyServices,
    cache: OrgKeyCache,
}

impl World {
    fn new(policy: CachePolicy) -> Self {
        let service = Arc::new(FaultyKeyService::new("test:one"));
        let services = KeyServices::new().with(service.clone()).unwrap();
        Self {
            service,
            services,
            cache: OrgKeyCache::new(policy),
        }
    }

    fn wrap(&self, of: &OrgKeyRef) -> WrappedKey {
        let seed = KeySeed::generate(&mut SysRng).unwrap();
        block_on(WrappedKey::create(&*self.service, of, seed))
            .unwrap()
            .0
    }

    async fn ask(
        &self,
        of: &OrgKeyRef,
        wrapped: &WrappedKey,
        second: u64,
    ) -> Result<Arc<SealingKey>, UnwrapError> {
        let now = Duration::from_secs(second);
        self.cache.org_key(&self.services, of, wrapped, now).await
    }

    /// Whether asking for it goes out to the service.
    fn goes_out(&self, of: &OrgKeyRef, wrapped: &WrappedKey, second: u64) -> bool {
        let before = self.service.requests();
        block_on(self.ask(of, wrapped, second)).unwrap();
        self.service.requests() > before
    }
}

fn world() -> World {
    World::new(CachePolicy::default())
}

fn name(org: u8, key_id: u8, version: u32) -> OrgKeyRef {
    OrgKeyRef::new(&[org; 16], [key_id; 8], version).unwrap()
}

#[test]
fn a_key_is_fetched_once_in_300_seconds() {
    let world = world();
    let of = name(1, 1, 1);
    let wrapped = world.wrap(&of);
    for (second, expected) in [
        (0, true),
        (1, false),
        (299, false),
        (300, true),
        (599, false),
    ] {
        assert_eq!(world.goes_out(&of, &wrapped, second), expected, "{second}");
    }
}

#[test]
fn a_thousand_who_ask_at_once_share_one_request() {
    let world = world();
    let of = name(1, 1, 1);
    let wrapped = world.wrap(&of);
    let before = world.service.requests();
    world.service.fail(Fault::Slow);
    let mut asking: Vec<_> = (0..1000)
        .map(|_| Box::pin(world.ask(&of, &wrapped, 0)))
        .collect();
    for one in &mut asking {
        assert!(poll_once(one.as_mut()).is_pending());
    }
    assert_eq!(world.service.requests(), before + 1);
    world.service.release();
    let keys: Vec<_> = asking
        .into_iter()
        .map(|one| block_on(one).unwrap())
        .collect();
    assert!(keys.iter().all(|key| Arc::ptr_eq(key, &keys[0])));
    assert_eq!(world.service.requests(), before + 1);
    assert_eq!(world.cache.counts().shared, 999);
}

#[test]
fn those_who_wait_on_other_threads_are_woken() {
    let world = world();
    let of = name(1, 1, 1);
    let wrapped = world.wrap(&of);
    let before = world.service.requests();
    world.service.fail(Fault::Slow);
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| block_on(world.ask(&of, &wrapped, 0)).unwrap().check_value()))
            .collect();
        // All but the first wait for the first, in whatever order they came.
        while world.cache.counts().shared < 7 {
            std::thread::yield_now();
        }
        world.service.release();
        let values: Vec<_> = asking.into_iter().map(|t| t.join().unwrap()).collect();
        assert!(values.iter().all(|value| *value == wrapped.check_value()));
    });
    assert_eq!(world.service.requests(), before + 1);
}

#[test]
fn when_the_one_who_asks_goes_away_the_next_asks() {
    let world = world();
    let of = name(1, 1, 1);
    let wrapped = world.wrap(&of);
    let before = world.service.requests();
    world.service.fail(Fault::Slow);
    let mut leader = Box::pin(world.ask(&of, &wrapped, 0));
    let mut waiting: Vec<_> = (0..3)
        .map(|_| Box::pin(world.ask(&of, &wrapped, 0)))
        .collect();
    assert!(poll_once(leader.as_mut()).is_pending());
    for one in &mut waiting {
        assert!(poll_once(one.as_mut()).is_pending());
    }
    drop(leader);
    for one in &mut waiting {
        assert!(poll_once(one.as_mut()).is_pending());
    }
    assert_eq!(world.service.requests(), before + 2);
    // One that only waited may go away too.
    drop(waiting.pop());
    world.service.release();
    for one in waiting {
        block_on(one).unwrap();
    }
    assert_eq!(world.service.requests(), before + 2);
}

#[test]
fn a_failure_reaches_all_who_wait() {
    let world = world();
    let of = name(1, 1, 1);
    let wrapped = world.wrap(&of);
    world.service.fail(Fault::Slow);
    let mut asking: Vec<_> = (0..5)
        .map(|_| Box::pin(world.ask(&of, &wrapped, 0)))
        .collect();
    for one in &mut asking {
        assert!(poll_once(one.as_mut()).is_pending());
    }
    world.service.fail(Fault::Disabled);
    for one in asking {
        let refused = block_on(one).unwrap_err();
        assert_eq!(refused.fault().unwrap().code(), "disabled");
    }
}

#[test]
fn another_organization_key_version_service_or_wrapped_form_is_another_entry() {
    let world = world();
    let of = name(1, 1, 1);
    let wrapped = world.wrap(&of);
    assert!(world.goes_out(&of, &wrapped, 0));
    for other in [name(2, 1, 1), name(1, 2, 1), name(1, 1, 2)] {
        let other_wrapped = world.wrap(&other);
        assert!(world.goes_out(&other, &other_wrapped, 0), "{other}");
        // The wrapped form of the first under another name: not the first's key.
        assert!(block_on(world.ask(&other, &wrapped, 0)).is_err(), "{other}");
    }
    let wrapped_again = world.wrap(&of);
    assert!(
        world.goes_out(&of, &wrapped_again, 0),
        "other wrapped bytes"
    );

    let second = Arc::new(FaultyKeyService::new("test:two"));
    let services = world.services.clone().with(second.clone()).unwrap();
    let moved = block_on(wrapped.rewrap(&services, &of, &*second)).unwrap();
    let before = second.requests();
    let asked = world.cache.org_key(&services, &of, &moved, Duration::ZERO);
    assert_eq!(
        block_on(asked).unwrap().check_value(),
        wrapped.check_value()
    );
    assert_eq!(second.requests(), before + 1);
    assert!(!world.goes_out(&of, &wrapped, 0), "the first is still here");
}

#[test]
fn what_is_withdrawn_is_forgotten_at_once() {
    let withdraw = |what: &str, cache: &OrgKeyCache| match what {
        "key" => cache.forget_key(&name(1, 1, 1)),
        "organization" => cache.forget_organization(&[1; 16]),
        "service" => cache.forget_service("test:one"),
        _ => cache.clear(),
    };
    for what in ["key", "organization", "service", "everything"] {
        let world = world();
        let of = name(1, 1, 1);
        let wrapped = world.wrap(&of);
        assert!(world.goes_out(&of, &wrapped, 0));
        withdraw(what, &world.cache);
        assert!(world.cache.is_empty(), "{what}");
        assert!(world.goes_out(&of, &wrapped, 0), "{what}");
        assert_eq!(world.cache.counts().withdrawn, 1, "{what}");
    }
}

#[test]
fn withdrawing_one_key_leaves_the_others() {
    let world = world();
    let names = [name(1, 1, 1), name(1, 1, 2), name(2, 1, 1)];
    let wrapped = names.map(|of| world.wrap(&of));
    for (of, wrapped) in names.iter().zip(&wrapped) {
        assert!(world.goes_out(of, wrapped, 0));
    }
    world.cache.forget_key(&names[0]);
    world.cache.forget_organization(&[9; 16]);
    world.cache.forget_service("test:other");
    let out: Vec<_> = names
        .iter()
        .zip(&wrapped)
        .map(|(of, wrapped)| world.goes_out(of, wrapped, 0))
        .collect();
    assert_eq!(out, [true, false, false]);
}

#[test]
fn a_key_that_is_withdrawn_while_it_is_fetched_reaches_nobody_and_is_not_kept() {
    let world = world();
    let of = name(1, 1, 1);
    let wrapped = world.wrap(&of);
    world.service.fail(Fault::Slow);
    let mut leader = Box::pin(world.ask(&of, &wrapped, 0));
    let mut waiting = Box::pin(world.ask(&of, &wrapped, 0));
    assert!(poll_once(leader.as_mut()).is_pending());
    assert!(poll_once(waiting.as_mut()).is_pending());
    world.cache.forget_organization(&[1; 16]);
    world.service.release();
    let withdrawn = UnwrapError::Withdrawn { key_id: [1; 8] };
    for one in [leader, waiting] {
        assert_eq!(block_on(one).unwrap_err(), withdrawn);
    }
    assert!(world.cache.is_empty());
    assert!(world.goes_out(&of, &wrapped, 0));
}

#[test]
fn after_a_withdrawal_a_newer_request_is_not_ended_by_an_older_one() {
    let world = world();
    let of = name(1, 1, 1);
    let wrapped = world.wrap(&of);
    world.service.fail(Fault::Slow);
    let mut old = Box::pin(world.ask(&of, &wrapped, 0));
    assert!(poll_once(old.as_mut()).is_pending());
    world.cache.forget_key(&of);
    let mut new = Box::pin(world.ask(&of, &wrapped, 1));
    assert!(poll_once(new.as_mut()).is_pending());
    drop(old);
    let mut third = Box::pin(world.ask(&of, &wrapped, 1));
    let before = world.service.requests();
    assert!(poll_once(third.as_mut()).is_pending());
    assert_eq!(world.service.requests(), before, "shares the newer request");
    world.service.release();
    assert!(block_on(new).is_ok() && block_on(third).is_ok());
}

#[test]
fn a_full_cache_forgets_what_was_not_used_for_the_longest_time() {
    let policy = CachePolicy::default().capacity(NonZeroUsize::new(3).unwrap());
    let world = World::new(policy);
    let names: Vec<_> = (1..=4).map(|org| name(org, 1, 1)).collect();
    let wrapped: Vec<_> = names.iter().map(|of| world.wrap(of)).collect();
    for place in [0, 1, 2, 0, 3] {
        block_on(world.ask(&names[place], &wrapped[place], 0)).unwrap();
    }
    assert_eq!(world.cache.len(), 3);
    assert!(!world.goes_out(&names[0], &wrapped[0], 0));
    assert!(!world.goes_out(&names[2], &wrapped[2], 0));
    assert!(world.goes_out(&names[1], &wrapped[1], 0));
    assert_eq!(world.cache.len(), 3);
}

#[test]
fn the_default_keeps_1024_keys() {
    let world = world();
    let of = name(1, 1, 1);
    for version in 1..=1025 {
        let of = name(1, 1, version);
        block_on(world.ask(&of, &world.wrap(&of), 0)).unwrap();
    }
    assert_eq!(world.cache.len(), 1024);
    assert!(world.goes_out(&of, &world.wrap(&of), 0));
}

#[test]
fn what_is_past_its_time_can_be_wiped_before_anybody_asks() {
    let world = world();
    let of = name(1, 1, 1);
    let wrapped = world.wrap(&of);
    let weak = Arc::downgrade(&block_on(world.ask(&of, &wrapped, 0)).unwrap());
    world.cache.purge_expired(Duration::from_secs(299));
    assert!(weak.upgrade().is_some());
    world.cache.purge_expired(Duration::from_secs(300));
    assert!(weak.upgrade().is_none() && world.cache.is_empty());
}

#[test]
fn the_time_of_a_key_counts_from_before_the_request() {
    let world = world();
    let of = name(1, 1, 1);
    let wrapped = world.wrap(&of);
    world.service.fail(Fault::Slow);
    let mut asked = Box::pin(world.ask(&of, &wrapped, 10));
    assert!(poll_once(asked.as_mut()).is_pending());
    world.service.release(); // a minute later, for all the cache knows
    assert!(matches!(poll_once(asked.as_mut()), Poll::Ready(Ok(_))));
    assert!(!world.goes_out(&of, &wrapped, 309));
    assert!(world.goes_out(&of, &wrapped, 310));
}

#[test]
fn what_waits_for_a_key_service_can_be_spawned_on_any_runtime() {
    fn crosses<T: Send>(what: T) -> T {
        what
    }
    let world = world();
    let of = name(1, 1, 1);
    let seed = KeySeed::generate(&mut SysRng).unwrap();
    let create = crosses(WrappedKey::create(&*world.service, &of, seed));
    let (wrapped, _key) = block_on(create).unwrap();
    let again = crosses(wrapped.rewrap(&world.services, &of, &*world.service));
    assert!(block_on(again).is_ok());
    let asked = world
        .cache
        .org_key(&world.services, &of, &wrapped, Duration::ZERO);
    assert!(block_on(crosses(asked)).is_ok());
}

#[test]
fn a_policy_is_bounded() {
    let seconds = Duration::from_secs;
    let policy = CachePolicy::default();
    for (lifetime, fits) in [(9, false), (10, true), (3600, true), (3601, false)] {
        assert_eq!(
            policy.lifetime(seconds(lifetime)).is_ok(),
            fits,
            "{lifetime}"
        );
    }
    for (limit, fits) in [(0, true), (900, true), (901, false)] {
        let stale = policy.dangerous_stale_while_unreachable(seconds(limit));
        assert_eq!(stale.is_ok(), fits, "{limit}");
    }
    let found = seconds(9);
    let refused = policy.lifetime(found).unwrap_err();
    assert_eq!(refused, InvalidCachePolicy::Lifetime { found });
}
