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
