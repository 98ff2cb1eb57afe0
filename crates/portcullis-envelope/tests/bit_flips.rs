//! Every single bit of a record matters: with one flipped, it is refused by name.

use getrandom::SysRng;
use portcullis_envelope::{
    Context, CredentialContext, MalformedRecord, MasterKey, MasterKeys, OpenError, OrgKeySpec,
    OrgSalt, RecordType, SealedRecord, open, seal,
};

/// Why a record with one wrong bit in `place` is refused.
fn is_the_reason(place: usize, ciphertext: usize, refused: OpenError) -> bool {
    use MalformedRecord as M;
    match place {
        0..4 => matches!(refused, OpenError::Malformed(M::PlaintextRefused)),
        4 => matches!(refused, OpenError::Malformed(M::UnsupportedVersion { .. })),
        5 => matches!(refused, OpenError::Malformed(M::UnsupportedSuite { .. })),
        6 => matches!(
            refused,
            OpenError::Malformed(M::UnknownType { .. }) | OpenError::WrongType { .. }
        ),
        7 => matches!(refused, OpenError::Malformed(M::NonZeroFlags { .. })),
        8..16 => matches!(refused, OpenError::KeyMismatch { .. }),
        16..20 => matches!(
            refused,
            OpenError::Malformed(M::ZeroKeyVersion) | OpenError::KeyMismatch { .. }
        ),
        20..96 => refused == OpenError::ContextOrKeyMismatch,
        96..100 => matches!(
            refused,
            OpenError::Malformed(
                M::CiphertextLength { .. } | M::Truncated | M::TrailingBytes { .. }
            )
        ),
        _ if place < 100 + ciphertext + 16 => refused == OpenError::Tampered,
        _ => false,
    }
}

#[test]
fn every_bit_of_header_commitment_ciphertext_and_tag_is_refused_by_name_when_flipped() {
    let masters = MasterKeys::single(MasterKey::generate(&mut SysRng).unwrap());
    let (org, salt) = ([0x11; 16], OrgSalt::generate(&mut SysRng).unwrap());
    let spec = OrgKeySpec {
        org: &org,
        salt: &salt,
        key_id: [0x33; 8],
        version: 1,
        master_version: 1,
    };
    let key = masters.org_key(&spec).unwrap();
    let context = Context::credential(CredentialContext {
        org: &org,
        project: None,
        environment: "live",
        provider: "openai",
        name: "main",
        generation: 1,
    })
    .unwrap();

    for ciphertext in [1, 16, 51] {
        let secret = vec![b'x'; ciphertext];
        let record = seal(&key, RecordType::Credential, &context, &secret, &mut SysRng).unwrap();
        let attempt = |bytes: &[u8]| -> Result<Vec<u8>, OpenError> {
            let record = SealedRecord::parse(bytes)?;
            let plaintext = open(&key, RecordType::Credential, &context, &record)?;
            Ok(plaintext.expose().to_vec())
        };
        let mut bytes = record.as_bytes().to_vec();
        assert_eq!(bytes.len(), 116 + ciphertext);
        let mut flipped = 0;
        for place in 0..bytes.len() {
            for bit in 0..8 {
                bytes[place] ^= 1 << bit;
                let refused = attempt(&bytes).unwrap_err();
                assert!(
                    is_the_reason(place, ciphertext, refused),
                    "byte {place}, bit {bit}: {refused:?}"
                );
                bytes[place] ^= 1 << bit;
                flipped += 1;
            }
        }
        assert_eq!(flipped, 8 * (116 + ciphertext));
        assert_eq!(attempt(&bytes), Ok(secret), "whole again");
    }
}
