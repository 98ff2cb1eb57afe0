//! Against SoftHSM, a PKCS#11 module in software.
//!
//! SoftHSM finds its tokens by a variable of the environment, and a module belongs to a whole process; so
//! each test runs in a process of its own, with a token of its own.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests may fail loudly"
)]

mod support;

use std::sync::Arc;

use cryptoki::session::UserType;
use getrandom::SysRng;
use portcullis_envelope::testkit::{block_on, key_service_conformance};
use portcullis_envelope::{KeySeed, KeyServiceFault, KeyWrapper, OrgKeyRef};
use portcullis_kms_pkcs11::{Pkcs11Key, Pkcs11KeyService, Pkcs11OpenError};

use support::{KEY, Kind, PIN, TOKEN, Token, in_a_process_of_its_own};

fn name(org: u8) -> OrgKeyRef {
    OrgKeyRef::new(&[org; 16], [2; 8], 1).unwrap()
}

fn seed() -> KeySeed {
    KeySeed::generate(&mut SysRng).unwrap()
}

fn key(token: &Token) -> Pkcs11Key {
    Pkcs11Key::new(&token.module, TOKEN, KEY, PIN.into())
}

fn open(token: &Token) -> Pkcs11KeyService {
    block_on(Pkcs11KeyService::open(key(token))).unwrap()
}

fn refused(key: Pkcs11Key) -> Pkcs11OpenError {
    block_on(Pkcs11KeyService::open(key)).unwrap_err()
}

#[test]
fn softhsm_keeps_the_rules_of_key_services() {
    in_a_process_of_its_own("softhsm_keeps_the_rules_of_key_services", |token| {
        token.make_key(KEY, Kind::Stays);
        block_on(key_service_conformance(Arc::new(open(token))));
    });
}

#[test]
fn a_key_of_another_organization_is_refused_by_the_module_itself() {
    in_a_process_of_its_own(
        "a_key_of_another_organization_is_refused_by_the_module_itself",
        |token| {
            token.make_key(KEY, Kind::Stays);
            let service = open(token);
            let seed = seed();
            let wrapped = block_on(service.wrap_key(&name(1), &seed)).unwrap();
            assert_eq!(wrapped.len(), 61);
            let opened = block_on(service.unwrap_key(&name(1), &wrapped)).unwrap();
            assert_eq!(opened.expose(), seed.expose());
            let refused = block_on(service.unwrap_key(&name(2), &wrapped)).unwrap_err();
            assert_eq!(refused.fault(), KeyServiceFault::Rejected);
            assert!(refused.detail().unwrap().contains("Decrypt"), "{refused}");
            // And the service goes on.
            block_on(service.unwrap_key(&name(1), &wrapped)).unwrap();
        },
    );
}

#[test]
fn two_wraps_of_one_seed_have_nothing_in_common() {
    in_a_process_of_its_own("two_wraps_of_one_seed_have_nothing_in_common", |token| {
        token.make_key(KEY, Kind::Stays);
        let (service, seed) = (open(token), seed());
        let wrap = || block_on(service.wrap_key(&name(1), &seed)).unwrap();
        let (one, two) = (wrap(), wrap());
        for part in [1..13, 13..29, 29..45, 45..61] {
            assert_ne!(one[part.clone()], two[part]);
        }
    });
}

#[test]
fn many_services_of_one_module_work_side_by_side() {
    in_a_process_of_its_own("many_services_of_one_module_work_side_by_side", |token| {
        token.make_key(KEY, Kind::Stays);
        token.make_key("other", Kind::Stays);
        let other = Pkcs11Key::new(&token.module, TOKEN, "other", PIN.into());
        let other = block_on(Pkcs11KeyService::open(other)).unwrap();
        let services = [open(token), open(token)];
        let wrapped = block_on(services[0].wrap_key(&name(1), &seed())).unwrap();
        std::thread::scope(|scope| {
            for service in &services {
                for _ in 0..4 {
                    scope.spawn(|| block_on(service.unwrap_key(&name(1), &wrapped)).unwrap());
                }
            }
        });
        let refused = block_on(other.unwrap_key(&name(1), &wrapped)).unwrap_err();
        assert_eq!(refused.fault(), KeyServiceFault::Rejected);
        // One that goes takes nothing with it.
        let [first, second] = services;
        drop(first);
        block_on(second.unwrap_key(&name(1), &wrapped)).unwrap();
    });
}

#[test]
fn what_is_not_as_it_should_be_is_named_when_the_service_is_opened() {
    in_a_process_of_its_own(
        "what_is_not_as_it_should_be_is_named_when_the_service_is_opened",
        |token| {
            let label = KEY.to_owned();
            assert_eq!(
                refused(key(token)),
                Pkcs11OpenError::NoKey {
                    label: label.clone()
                }
            );
            token.make_key(KEY, Kind::MayLeave);
            assert_eq!(
                refused(key(token)),
                Pkcs11OpenError::Extractable {
                    label: label.clone()
                }
            );
            token.make_key(KEY, Kind::Stays);
            assert_eq!(
                refused(key(token)),
                Pkcs11OpenError::TwoKeys { label, count: 2 }
            );

            let elsewhere = Pkcs11Key::new(&token.module, "elsewhere", KEY, PIN.into());
            let no_token = Pkcs11OpenError::NoToken {
                token: "elsewhere".to_owned(),
                found: vec![TOKEN.to_owned()],
            };
            assert_eq!(refused(elsewhere), no_token);
            let no_module = Pkcs11Key::new("/nowhere/hsm.so", TOKEN, KEY, PIN.into());
            let no_module = refused(no_module);
            assert!(
                matches!(no_module, Pkcs11OpenError::Module { .. }),
                "{no_module}"
            );
        },
    );
}

#[test]
fn a_wrong_pin_is_refused_and_shown_nowhere() {
    in_a_process_of_its_own("a_wrong_pin_is_refused_and_shown_nowhere", |token| {
        token.make_key(KEY, Kind::Stays);
        let wrong = Pkcs11Key::new(&token.module, TOKEN, KEY, "98765-wrong".into());
        let refused = refused(wrong);
        assert!(matches!(refused, Pkcs11OpenError::Pin { .. }), "{refused}");
        let shown = format!("{refused} {refused:?}");
        assert!(!shown.contains("98765"), "{shown}");
    });
}

#[test]
fn a_pin_that_was_changed_is_denied_and_not_tried_again() {
    in_a_process_of_its_own(
        "a_pin_that_was_changed_is_denied_and_not_tried_again",
        |token| {
            token.make_key(KEY, Kind::Stays);
            let service = open(token);
            let wrapped = block_on(service.wrap_key(&name(1), &seed())).unwrap();
            token.change_pin("another-pin");
            token.log_everybody_out();
            for _ in 0..5 {
                let refused = block_on(service.unwrap_key(&name(1), &wrapped)).unwrap_err();
                assert_eq!(refused.fault(), KeyServiceFault::Denied);
            }
            // Five tries would have counted; the token was asked once.
            token.change_back("another-pin");
            let refused = block_on(service.unwrap_key(&name(1), &wrapped)).unwrap_err();
            assert_eq!(
                refused.fault(),
                KeyServiceFault::Denied,
                "until it is opened anew"
            );
            block_on(open(token).unwrap_key(&name(1), &wrapped)).unwrap();
        },
    );
}

#[test]
fn a_session_that_was_lost_is_opened_again() {
    in_a_process_of_its_own("a_session_that_was_lost_is_opened_again", |token| {
        token.make_key(KEY, Kind::Stays);
        let service = open(token);
        let wrapped = block_on(service.wrap_key(&name(1), &seed())).unwrap();
        for _ in 0..3 {
            token.log_everybody_out();
            block_on(service.unwrap_key(&name(1), &wrapped)).unwrap();
        }
    });
}

#[test]
fn a_key_that_is_deleted_while_the_service_runs_is_not_found() {
    in_a_process_of_its_own(
        "a_key_that_is_deleted_while_the_service_runs_is_not_found",
        |token| {
            token.make_key(KEY, Kind::Stays);
            let service = open(token);
            let wrapped = block_on(service.wrap_key(&name(1), &seed())).unwrap();
            token.delete_key(KEY);
            let refused = block_on(service.unwrap_key(&name(1), &wrapped)).unwrap_err();
            assert_eq!(refused.fault(), KeyServiceFault::NotFound);
        },
    );
}

#[test]
fn a_key_that_may_not_decrypt_counts_as_disabled() {
    in_a_process_of_its_own("a_key_that_may_not_decrypt_counts_as_disabled", |token| {
        token.make_key(KEY, Kind::SealsOnly);
        let service = open(token);
        let wrapped = block_on(service.wrap_key(&name(1), &seed())).unwrap();
        let refused = block_on(service.unwrap_key(&name(1), &wrapped)).unwrap_err();
        assert_eq!(refused.fault(), KeyServiceFault::Disabled);
    });
}

#[test]
fn nothing_that_is_shown_holds_a_seed_or_the_pin() {
    in_a_process_of_its_own("nothing_that_is_shown_holds_a_seed_or_the_pin", |token| {
        token.make_key(KEY, Kind::Stays);
        let (service, seed) = (open(token), seed());
        let wrapped = block_on(service.wrap_key(&name(1), &seed)).unwrap();
        let refused = block_on(service.unwrap_key(&name(2), &wrapped)).unwrap_err();
        let short = block_on(service.unwrap_key(&name(1), seed.expose())).unwrap_err();
        let shown = format!(
            "{service:?} {:?} {refused:?} {refused} {short:?} {short}",
            key(token)
        );
        assert!(!shown.contains(PIN), "{shown}");
        for window in seed.expose().windows(6) {
            let hex: String = window.iter().map(|byte| format!("{byte:02x}")).collect();
            let list = format!("{window:?}");
            assert!(!shown.to_lowercase().contains(&hex), "{shown}");
            assert!(!shown.contains(list.trim_matches(['[', ']'])), "{shown}");
        }
        assert_eq!(
            service.describe().reference,
            "pkcs11:portcullis%20test/wrapping-key"
        );
    });
}

#[test]
fn the_user_of_a_test_token_is_the_one_of_the_service() {
    in_a_process_of_its_own(
        "the_user_of_a_test_token_is_the_one_of_the_service",
        |token| {
            // The control of the tests above: this is how the token is reached at all.
            let session = token.session();
            session.login(UserType::User, Some(&PIN.into())).unwrap();
        },
    );
}
