//! After the drop of a value that holds a secret, no byte of the secret is left in its memory.
//!
//! What is looked at: the value where it lay, every heap block it owned, and every heap block that
//! making it used and gave back. What cannot be looked at: registers, and the stack of the calls
//! that made it.

use aes_gcm_siv::{Aes256GcmSiv, KeyInit};
use hkdf::Hkdf;
use hmac::Hmac;
use portcullis_envelope::{
    Context, CredentialContext, MasterKey, MasterKeys, OrgKeySpec, OrgSalt, RecordType, SealingKey,
    open, seal,
};
use portcullis_key::{Digester, KeyPrefix, MintedKey, Pepper, PepperRing};
use portcullis_probes::memory::Watched;
use portcullis_probes::pattern::Pattern;
use portcullis_probes::survey::{Survey, survey};
use sha2::Sha256;

#[global_allocator]
static ALLOCATOR: Watched = Watched;

/// Surveys what `make` makes of 32 secret bytes.
fn of_secret<T>(make: impl Fn(&[u8; 32]) -> T) -> Survey {
    survey(&Pattern::secret(1), &Pattern::secret(2), make)
}

/// Surveys what `make` draws from a random source.
fn of_random<T>(make: impl Fn(&mut Pattern) -> T) -> Survey {
    survey(&1, &2, |seed| make(&mut Pattern::new(*seed)))
}

/// At least `bytes` were there to be wiped, and none is left.
#[track_caller]
fn assert_wiped(survey: Survey, bytes: usize) {
    assert!(
        survey.dependent >= bytes,
        "the probe does not see the secret: {survey:?}"
    );
    assert_eq!(survey.surviving, 0, "{survey:?}");
}

mod the_probe {
    use super::*;

    #[test]
    fn sees_every_byte_of_an_array_that_is_not_wiped() {
        let careless = of_secret(|secret| *secret);
        assert_eq!(
            careless,
            Survey {
                dependent: 32,
                surviving: 32
            }
        );
    }

    #[test]
    fn sees_every_byte_of_a_heap_block_that_is_not_wiped() {
        let careless = of_secret(|secret| Box::new(*secret));
        assert_eq!(
            careless,
            Survey {
                dependent: 32,
                surviving: 32
            }
        );
    }

    #[test]
    fn sees_what_a_growing_buffer_leaves_behind() {
        let careless = of_secret(|secret| {
            let mut buffer = zeroize_on_drop::Buffer(Vec::with_capacity(32));
            buffer.0.extend_from_slice(secret);
            buffer.0.reserve_exact(32);
            buffer
        });
        assert_eq!(
            careless,
            Survey {
                dependent: 64,
                surviving: 32
            }
        );
    }

    #[test]
    fn sees_that_a_half_wiped_array_is_half_wiped() {
        struct Half([u8; 32]);
        impl Drop for Half {
            fn drop(&mut self) {
                self.0[..16].fill(0);
                std::hint::black_box(&self.0);
            }
        }
        assert_eq!(
            of_secret(|secret| Half(*secret)),
            Survey {
                dependent: 32,
                surviving: 16
            }
        );
    }

    /// A buffer that wipes what it holds at the end, and nothing that it held before.
    mod zeroize_on_drop {
        pub(super) struct Buffer(pub(super) Vec<u8>);

        impl Drop for Buffer {
            fn drop(&mut self) {
                self.0.fill(0);
                std::hint::black_box(&self.0);
            }
        }
    }
}

mod keys {
    use super::*;

    #[test]
    fn a_minted_key_is_wiped() {
        let prefix = KeyPrefix::new("mr", "live").unwrap();
        let id = MintedKey::mint(&prefix, &mut Pattern::new(3)).unwrap().id();
        let minted = of_random(|rng| MintedKey::mint_with_id(&prefix, id, rng).unwrap());
        assert_wiped(minted, 43);
    }

    #[test]
    fn a_pepper_is_wiped() {
        assert_wiped(of_secret(|secret| Pepper::from(*secret)), 32);
    }

    fn ring(secret: &[u8; 32]) -> PepperRing {
        let retired = secret.map(|byte| byte.wrapping_add(1));
        PepperRing::builder(2, Pepper::from(*secret))
            .retired(1, Pepper::from(retired))
            .build()
            .unwrap()
    }

    // A pepper becomes two SHA-256 states of 32 bytes each, and there are two peppers.
    #[test]
    fn a_ring_of_peppers_is_wiped() {
        assert_wiped(of_secret(ring), 4 * 30);
    }

    #[test]
    fn a_digester_is_wiped() {
        assert_wiped(
            of_secret(|secret| Digester::hmac_sha256(ring(secret))),
            4 * 30,
        );
    }
}

mod envelope {
    use super::*;

    #[test]
    fn a_master_key_is_wiped() {
        assert_wiped(of_random(|rng| MasterKey::generate(rng).unwrap()), 30);
    }

    #[test]
    fn a_master_key_that_is_read_is_wiped() {
        let text = |seed| {
            MasterKey::generate(&mut Pattern::new(seed))
                .unwrap()
                .to_text()
        };
        let parsed = survey(text(1).as_str(), text(2).as_str(), |text| {
            MasterKey::parse(text).unwrap()
        });
        assert_wiped(parsed, 30);
    }

    #[test]
    fn master_keys_are_wiped() {
        let keys = of_random(|rng| MasterKeys::single(MasterKey::generate(rng).unwrap()));
        assert_wiped(keys, 30);
    }

    #[test]
    fn the_text_of_a_master_key_is_wiped() {
        // The key itself is wiped already; a few of the 44 characters are the same in both texts.
        assert_wiped(
            of_random(|rng| MasterKey::generate(rng).unwrap().to_text()),
            40,
        );
    }

    fn org_key(seed: u64) -> SealingKey {
        let rng = &mut Pattern::new(seed);
        let masters = MasterKeys::single(MasterKey::generate(rng).unwrap());
        let salt = OrgSalt::generate(rng).unwrap();
        let spec = OrgKeySpec {
            org: &[1; 16],
            salt: &salt,
            key_id: [2; 8],
            version: 1,
            master_version: 1,
        };
        masters.org_key(&spec).unwrap()
    }

    #[test]
    fn a_sealing_key_is_wiped() {
        assert_wiped(survey(&1, &2, |seed| org_key(*seed)), 30);
    }

    #[test]
    fn a_plaintext_is_wiped() {
        let key = org_key(1);
        let context = Context::credential(CredentialContext {
            org: &[1; 16],
            project: None,
            environment: "live",
            provider: "openai",
            name: "main",
            generation: 1,
        })
        .unwrap();
        let sealed = |seed| {
            let (secret, rng) = (Pattern::secret(seed), &mut Pattern::new(3));
            seal(&key, RecordType::Credential, &context, &secret, rng).unwrap()
        };
        let opened = survey(&sealed(1), &sealed(2), |record| {
            open(&key, RecordType::Credential, &context, record).unwrap()
        });
        assert_wiped(opened, 32);
    }
}

/// Keys that a key service holds, and what is made of them.
mod key_services {
    use std::sync::Arc;
    use std::time::Duration;

    use portcullis_envelope::testkit::{FaultyKeyService, block_on};
    use portcullis_envelope::{
        CachePolicy, KeySeed, KeyServices, LocalKeyService, OrgKeyCache, OrgKeyRef, WrappedKey,
        import_plaintext, reseal,
    };
    use portcullis_kms_pkcs11::Pkcs11Key;
    use portcullis_probes::memory::{Trace, trace};
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn a_seed_is_wiped() {
        assert_wiped(of_random(|rng| KeySeed::generate(rng).unwrap()), 30);
    }

    #[test]
    fn a_seed_from_a_service_is_wiped() {
        let seed = of_secret(|secret| KeySeed::from_service(secret).unwrap());
        assert_wiped(seed, 32);
    }

    fn of() -> OrgKeyRef {
        OrgKeyRef::new(&[1; 16], [2; 8], 1).unwrap()
    }

    /// A service that has wrapped one seed. Whatever the seed, it calls it by the same number, so that
    /// what depends on the seed is the seed.
    struct World {
        services: KeyServices,
        wrapped: WrappedKey,
    }

    fn world(seed: u64) -> World {
        let service = Arc::new(FaultyKeyService::new("test:one"));
        let services = KeyServices::new().with(service.clone()).unwrap();
        let seed = KeySeed::from_service(&Pattern::secret(seed)).unwrap();
        let (wrapped, _key) = block_on(WrappedKey::create(&*service, &of(), seed)).unwrap();
        World { services, wrapped }
    }

    impl World {
        fn unwrap(&self) -> SealingKey {
            block_on(self.wrapped.unwrap_key(&self.services, &of())).unwrap()
        }

        fn cache(&self) -> OrgKeyCache {
            let cache = OrgKeyCache::new(CachePolicy::default());
            let of = of();
            let asked = cache.org_key(&self.services, &of, &self.wrapped, Duration::ZERO);
            drop(block_on(asked).unwrap());
            cache
        }

        /// The bytes of its key: the only block of 32 bytes that is made and kept.
        fn key_bytes(&self) -> Vec<u8> {
            let kept = trace(|| self.unwrap()).living;
            let mut blocks = kept.into_iter().skip(1);
            let key = blocks.find(|block| block.len() == 32 && block.iter().any(|byte| *byte != 0));
            key.expect("a key")
        }
    }

    fn holds(blocks: &[Vec<u8>], secret: &[u8]) -> bool {
        let pieces: Vec<_> = secret.windows(8).collect();
        blocks
            .iter()
            .flat_map(|block| block.windows(8))
            .any(|window| pieces.contains(&window))
    }

    /// The secret is seen while the value lives, if it should be, and not after.
    #[track_caller]
    fn assert_gone(trace: &Trace, secret: &[u8], lives: bool) {
        assert_eq!(holds(&trace.living, secret), lives);
        assert!(!holds(&trace.dropped, secret));
    }

    #[test]
    fn an_unwrapped_key_and_the_seed_it_came_from_are_wiped() {
        let world = world(1);
        assert_gone(&trace(|| world.unwrap()), &world.key_bytes(), true);
        assert_gone(&trace(|| world.unwrap()), &Pattern::secret(1), false);
    }

    #[test]
    fn the_keys_of_a_cache_are_wiped_with_it() {
        let world = world(1);
        let key = world.key_bytes();
        assert_gone(&trace(|| world.cache()), &key, true);
        assert_gone(&trace(|| world.cache()), &Pattern::secret(1), false);
    }

    #[test]
    fn a_key_that_a_cache_forgets_is_wiped_at_once() {
        let forgotten = |forget: fn(&OrgKeyCache)| {
            let world = world(1);
            let key = world.key_bytes();
            let cache = || {
                let cache = world.cache();
                forget(&cache);
                cache
            };
            assert_gone(&trace(cache), &key, false);
        };
        forgotten(|cache| cache.forget_organization(&[1; 16]));
        forgotten(|cache| cache.purge_expired(Duration::from_secs(300)));
    }

    #[test]
    fn the_local_key_service_leaves_no_seed_behind() {
        let rng = &mut Pattern::new(1);
        let masters = Arc::new(MasterKeys::single(MasterKey::generate(rng).unwrap()));
        let service = Arc::new(LocalKeyService::new(masters, Pattern::new(2)));
        let services = KeyServices::new().with(service.clone()).unwrap();
        let secret = Pattern::secret(3);
        let create = || {
            let seed = KeySeed::from_service(&secret).unwrap();
            block_on(WrappedKey::create(&*service, &of(), seed)).unwrap()
        };
        assert_gone(&trace(create), &secret, false);
        let (wrapped, _key) = create();
        let again = || block_on(wrapped.rewrap(&services, &of(), &*service)).unwrap();
        assert_gone(&trace(again), &secret, false);
    }

    #[test]
    fn importing_and_sealing_again_leave_no_plaintext_behind() {
        let secret = Pattern::secret(1);
        let masters = |seed| {
            let master = MasterKey::generate(&mut Pattern::new(seed)).unwrap();
            MasterKeys::single(master).sealing_key(1).unwrap()
        };
        let (from, to) = (masters(2), masters(3));
        let context = Context::instance_secret("pepper", 1).unwrap();
        let import = || {
            let plaintext = Zeroizing::new(secret.to_vec());
            import_plaintext(&from, &context, plaintext, &mut Pattern::new(4)).unwrap()
        };
        assert_gone(&trace(import), &secret, false);
        let record = import().record;
        let again = || reseal(&record, &context, &from, &to, &mut Pattern::new(5)).unwrap();
        assert_gone(&trace(again), &secret, false);
    }

    #[test]
    fn the_pin_of_a_module_is_wiped() {
        let pin = "pin-0123456789-secret";
        let key = || Pkcs11Key::new("/lib/hsm.so", "tenants", "acme", pin.into());
        assert_gone(&trace(key), pin.as_bytes(), true);
    }
}

/// The types of other crates that hold our keys while they work.
mod beneath {
    use super::*;

    #[test]
    fn the_key_schedule_of_aes_gcm_siv_is_wiped() {
        assert_wiped(of_secret(|secret| Aes256GcmSiv::new(secret.into())), 200);
    }

    #[test]
    fn the_state_of_hkdf_is_wiped() {
        assert_wiped(of_secret(|secret| Hkdf::<Sha256>::new(None, secret)), 60);
    }

    #[test]
    fn the_state_of_hmac_is_wiped() {
        let key = |secret: &[u8; 32]| {
            let mut block = [0; 64];
            block[..32].copy_from_slice(secret);
            <Hmac<Sha256> as hmac::KeyInit>::new((&block).into())
        };
        assert_wiped(of_secret(key), 60);
    }
}
