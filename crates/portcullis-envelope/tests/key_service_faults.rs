//! For each way in which a key service can fail, what happens then.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::panic_in_result_fn,
    reason = "helpers of tests may fail loudly"
)]

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use getrandom::SysRng;
use portcullis_envelope::testkit::{
    Fault, FaultyKeyService, ManualTimer, block_on, key_service_conformance, poll_once,
};
use portcullis_envelope::{
    CachePolicy, Deadline, KeySeed, KeyServiceFault, KeyServices, KeyWrapper, OrgKeyCache,
    OrgKeyRef, UnwrapError, WrappedKey,
};

const LIMIT: Duration = Duration::from_secs(2);

/// An organization whose key a faulty service wrapped, behind a time limit.
struct World {
    service: Arc<FaultyKeyService>,
    services: KeyServices,
    timer: ManualTimer,
    cache: OrgKeyCache,
    of: OrgKeyRef,
    wrapped: WrappedKey,
}

impl World {
    fn new(policy: CachePolicy) -> Self {
        let service = Arc::new(FaultyKeyService::new("test:one"));
        let timer = ManualTimer::new();
        let limited = Deadline::new(service.clone(), LIMIT, timer.sleep());
        let services = KeyServices::new().with(Arc::new(limited)).unwrap();
        let of = OrgKeyRef::new(&[1; 16], [2; 8], 1).unwrap();
        let seed = KeySeed::generate(&mut SysRng).unwrap();
        let (wrapped, _key) = block_on(WrappedKey::create(&*service, &of, seed)).unwrap();
        Self {
            service,
            services,
            timer,
            cache: OrgKeyCache::new(policy),
            of,
            wrapped,
        }
    }

    /// Asks the cache at a second.
    fn ask(&self, second: u64) -> Result<(), UnwrapError> {
        let now = Duration::from_secs(second);
        let asked = self
            .cache
            .org_key(&self.services, &self.of, &self.wrapped, now);
        block_on(asked).map(|_| ())
    }

    /// Asks the cache, and lets more time pass than the limit before the service answers.
    fn ask_a_slow_service(&self, second: u64) -> Result<(), UnwrapError> {
        self.service.fail(Fault::Slow);
        let now = Duration::from_secs(second);
        let asked = self
            .cache
            .org_key(&self.services, &self.of, &self.wrapped, now);
        let mut asked = std::pin::pin!(asked);
        assert!(poll_once(asked.as_mut()).is_pending());
        self.timer
            .advance(LIMIT.checked_sub(Duration::from_nanos(1)).unwrap());
        assert!(poll_once(asked.as_mut()).is_pending());
        self.timer.advance(Duration::from_nanos(1));
        match poll_once(asked) {
            Poll::Ready(answer) => answer.map(|_| ()),
            Poll::Pending => panic!("still waiting after the limit"),
        }
    }

    #[track_caller]
    fn refused_as(&self, fault: Fault, second: u64, expected: KeyServiceFault) {
        self.service.fail(fault);
        assert_eq!(self.ask(second).unwrap_err().fault(), Some(expected));
    }
}

fn strict() -> World {
    World::new(CachePolicy::default())
}

fn lenient() -> World {
    let policy = CachePolicy::default().dangerous_stale_while_unreachable(Duration::from_secs(60));
    World::new(policy.unwrap())
}

#[test]
fn the_faulty_service_and_one_that_binds_nothing_keep_the_rules_of_key_services() {
    block_on(key_service_conformance(Arc::new(FaultyKeyService::new(
        "test:binding",
    ))));
    let binding_nothing = FaultyKeyService::binding_nothing("test:binding-nothing");
    block_on(key_service_conformance(Arc::new(binding_nothing)));
}

#[test]
fn down_a_cached_key_is_used_until_its_time_is_up_and_then_refused() {
    let world = strict();
    world.ask(0).unwrap();
    world.service.fail(Fault::Down);
    world.ask(299).unwrap();
    world.refused_as(Fault::Down, 300, KeyServiceFault::Unreachable);
}

#[test]
fn down_and_stale_allowed_the_key_is_used_up_to_the_bound_and_no_longer() {
    let world = lenient();
    world.ask(0).unwrap();
    world.service.fail(Fault::Down);
    for second in [300, 330, 359] {
        world.ask(second).unwrap();
    }
    assert_eq!(world.cache.counts().stale, 3);
    world.refused_as(Fault::Down, 360, KeyServiceFault::Unreachable);
    // What is past the bound does not come back.
    world.refused_as(Fault::Down, 362, KeyServiceFault::Unreachable);
}

#[test]
fn back_again_the_key_is_fetched_and_not_kept_stale() {
    let world = lenient();
    world.ask(0).unwrap();
    world.service.fail(Fault::Down);
    world.ask(310).unwrap();
    world.service.release();
    let asked = world.service.requests();
    world.ask(311).unwrap();
    assert_eq!(world.service.requests(), asked + 1);
    world.ask(312).unwrap();
    assert_eq!(world.service.requests(), asked + 1, "fresh now");
}

#[test]
fn throttled_it_is_not_asked_before_the_time_it_named() {
    let world = strict();
    let retry_after = Some(Duration::from_secs(7));
    world.refused_as(
        Fault::Throttled(retry_after),
        0,
        KeyServiceFault::Throttled { retry_after },
    );
    let asked = world.service.requests();
    world.service.release();
    assert_eq!(
        world.ask(6).unwrap_err().fault().unwrap().retry_after(),
        retry_after
    );
    assert_eq!(world.service.requests(), asked);
    world.ask(7).unwrap();
    assert_eq!(world.service.requests(), asked + 1);
}

#[test]
fn throttled_for_a_day_it_is_asked_again_after_half_a_minute() {
    let world = strict();
    let retry_after = Some(Duration::from_secs(86_400));
    world.refused_as(
        Fault::Throttled(retry_after),
        0,
        KeyServiceFault::Throttled { retry_after },
    );
    world.service.release();
    assert!(world.ask(29).is_err());
    world.ask(30).unwrap();
}

#[test]
fn down_it_is_asked_once_a_second_and_not_by_every_request() {
    let world = strict();
    world.refused_as(Fault::Down, 5, KeyServiceFault::Unreachable);
    let asked = world.service.requests();
    for _ in 0..100 {
        world.refused_as(Fault::Down, 5, KeyServiceFault::Unreachable);
    }
    assert_eq!(world.service.requests(), asked);
    assert_eq!(world.cache.counts().remembered_failures, 100);
    world.refused_as(Fault::Down, 6, KeyServiceFault::Unreachable);
    assert_eq!(world.service.requests(), asked + 1);
}

#[test]
fn slow_the_caller_waits_no_longer_than_the_limit() {
    let world = strict();
    let late = world.ask_a_slow_service(0).unwrap_err();
    assert_eq!(late.fault(), Some(KeyServiceFault::Late { limit: LIMIT }));
}

#[test]
fn slow_within_the_limit_the_answer_counts() {
    let world = strict();
    world.service.fail(Fault::Slow);
    let asked = world
        .cache
        .org_key(&world.services, &world.of, &world.wrapped, Duration::ZERO);
    let mut asked = std::pin::pin!(asked);
    assert!(poll_once(asked.as_mut()).is_pending());
    world.timer.advance(LIMIT / 2);
    world.service.release();
    assert!(matches!(poll_once(asked), Poll::Ready(Ok(_))));
}

#[test]
fn answering_late_its_answer_is_dropped_and_not_kept() {
    let world = strict();
    world.ask_a_slow_service(0).unwrap_err();
    world.service.release(); // the answer comes now, and reaches nobody
    assert!(
        world.ask(1).is_err(),
        "remembered for the limit and a second"
    );
    let asked = world.service.requests();
    world.ask(3).unwrap();
    assert_eq!(world.service.requests(), asked + 1, "asked anew");
}

#[test]
fn late_and_stale_allowed_the_key_is_used() {
    let world = lenient();
    world.ask(0).unwrap();
    world.ask_a_slow_service(300).unwrap();
    assert_eq!(world.cache.counts().stale, 1);
}

/// Fetched, then revoked at the service: the fresh key of another organization goes too, because it
/// came from the same service.
fn revoked(fault: Fault, expected: KeyServiceFault) {
    for world in [strict(), lenient()] {
        let other = OrgKeyRef::new(&[9; 16], [2; 8], 1).unwrap();
        let seed = KeySeed::generate(&mut SysRng).unwrap();
        let made = block_on(WrappedKey::create(&*world.service, &other, seed));
        let (other_wrapped, _key) = made.unwrap();
        let ask_other = |second| {
            let now = Duration::from_secs(second);
            let asked = world
                .cache
                .org_key(&world.services, &other, &other_wrapped, now);
            block_on(asked).map(|_| ())
        };
        world.ask(0).unwrap();
        ask_other(290).unwrap();

        world.refused_as(fault, 301, expected);
        let refused = ask_other(301).unwrap_err();
        assert_eq!(refused.fault(), Some(expected), "purged at once");
        assert_eq!(world.cache.counts().withdrawn, 1);
        assert_eq!(world.cache.counts().stale, 0, "whatever the policy");
    }
}

#[test]
fn denied_every_key_of_the_service_is_forgotten_at_once() {
    revoked(Fault::Denied, KeyServiceFault::Denied);
}

#[test]
fn disabled_every_key_of_the_service_is_forgotten_at_once() {
    revoked(Fault::Disabled, KeyServiceFault::Disabled);
}

#[test]
fn not_found_every_key_of_the_service_is_forgotten_at_once() {
    revoked(Fault::NotFound, KeyServiceFault::NotFound);
}

#[test]
fn wrong_bytes_give_no_key_and_end_the_old_one() {
    for fault in [Fault::WrongBytes, Fault::ShortBytes] {
        let world = lenient();
        world.ask(0).unwrap();
        world.refused_as(fault, 300, KeyServiceFault::WrongBytes);
        world.service.fail(Fault::Down);
        let refused = world.ask(302).unwrap_err();
        assert_eq!(refused.fault(), Some(KeyServiceFault::Unreachable));
        assert_eq!(world.cache.counts().stale, 0, "not even stale");
    }
}

#[test]
fn a_service_that_cannot_give_the_key_back_is_found_before_anything_is_sealed() {
    let service = FaultyKeyService::new("test:one");
    service.fail(Fault::WrongBytes);
    let of = OrgKeyRef::new(&[1; 16], [2; 8], 1).unwrap();
    let seed = KeySeed::generate(&mut SysRng).unwrap();
    let refused = block_on(WrappedKey::create(&service, &of, seed)).unwrap_err();
    assert_eq!(refused.fault(), KeyServiceFault::WrongBytes);
}

#[test]
fn an_organization_that_is_moved_keeps_its_old_key_until_the_new_service_gives_it_back() {
    let world = strict();
    let to = FaultyKeyService::new("test:two");
    to.fail(Fault::WrongBytes);
    let refused = block_on(world.wrapped.rewrap(&world.services, &world.of, &to));
    assert_eq!(
        refused.unwrap_err().fault(),
        Some(KeyServiceFault::WrongBytes)
    );
    world.ask(0).unwrap();
}

#[test]
fn every_fault_says_what_the_operator_does_and_exactly_one_kind_of_it_is_temporary() {
    let all = [
        (KeyServiceFault::Unreachable, true, false),
        (
            KeyServiceFault::Throttled { retry_after: None },
            true,
            false,
        ),
        (KeyServiceFault::Late { limit: LIMIT }, true, false),
        (KeyServiceFault::Denied, false, true),
        (KeyServiceFault::Disabled, false, true),
        (KeyServiceFault::NotFound, false, true),
        (KeyServiceFault::Rejected, false, false),
        (KeyServiceFault::WrongBytes, false, false),
        (KeyServiceFault::Unexpected, false, false),
    ];
    let spec = include_str!("../../../spec/organization-keys.md");
    for (fault, is_temporary, revokes) in all {
        assert_eq!(fault.is_temporary(), is_temporary, "{fault:?}");
        assert_eq!(fault.revokes(), revokes, "{fault:?}");
        assert!(spec.contains(&format!("`{}`", fault.code())), "{fault:?}");
        let error = portcullis_envelope::KeyServiceError::new("test:one", fault);
        let shown = error.with_detail("code 7").to_string();
        assert!(shown.starts_with("key service test:one: "), "{shown}");
        assert!(
            shown.contains("(code 7)") && shown.ends_with(fault.cure()),
            "{shown}"
        );
    }
}

#[test]
fn an_unknown_service_names_those_that_are_configured() {
    let world = strict();
    let refused = block_on(world.wrapped.unwrap_key(&KeyServices::new(), &world.of));
    let shown = refused.unwrap_err().to_string();
    assert!(
        shown.contains("test:one") && shown.contains("configure"),
        "{shown}"
    );
}

#[test]
fn two_services_with_one_reference_are_refused() {
    let one = || -> Arc<dyn KeyWrapper> { Arc::new(FaultyKeyService::new("test:one")) };
    let services = KeyServices::new().with(one()).unwrap();
    assert!(services.with(one()).is_err());
    let nameless = Arc::new(FaultyKeyService::new("with space"));
    assert!(KeyServices::new().with(nameless).is_err());
}
