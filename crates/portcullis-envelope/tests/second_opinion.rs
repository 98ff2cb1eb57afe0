//! A second implementation of AES-256-GCM-SIV, by other people in another language, on random input.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use aes_gcm_siv::aead::{Aead, Payload};
use aes_gcm_siv::{Aes256GcmSiv, KeyInit};
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use proptest::prelude::*;

fn theirs(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, key).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn both_implementations_seal_to_the_same_bytes_and_open_each_others(
        key: [u8; 32],
        nonce: [u8; 12],
        aad in proptest::collection::vec(any::<u8>(), 0..300),
        msg in proptest::collection::vec(any::<u8>(), 0..1200),
        flip: prop::sample::Index,
    ) {
        let ours = Aes256GcmSiv::new(&key.into());
        let sealed = ours.encrypt(&nonce.into(), Payload { msg: &msg, aad: &aad }).unwrap();
        let nonce_of = || Nonce::assume_unique_for_key(nonce);
        let mut other = msg.clone();
        theirs(&key)
            .seal_in_place_append_tag(nonce_of(), Aad::from(&aad), &mut other)
            .unwrap();
        prop_assert_eq!(&other, &sealed);

        let mut opened = sealed.clone();
        let opened = theirs(&key).open_in_place(nonce_of(), Aad::from(&aad), &mut opened).unwrap();
        prop_assert_eq!(&*opened, &msg);

        // And both refuse the same change.
        let mut changed = sealed;
        let place = flip.index(changed.len());
        changed[place] ^= 1 << (place % 8);
        let payload = Payload { msg: &changed, aad: &aad };
        prop_assert!(ours.decrypt(&nonce.into(), payload).is_err());
        let refused = theirs(&key).open_in_place(nonce_of(), Aad::from(&aad), &mut changed);
        prop_assert!(refused.is_err());
    }
}
