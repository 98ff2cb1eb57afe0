//! Sealing: a secret and its row become a record.

use std::mem;

use aes_gcm_siv::{AeadInOut, Aes256GcmSiv, KeyInit};
use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

use crate::context::Context;
use crate::derive::RecordKeys;
use crate::random::{self, RngFailed};
use crate::record::{Header, Prefix, RecordType, SealedRecord, TAG_LEN};
use crate::sealing_key::SealingKey;

/// Seals `plaintext` under `key` for the row that `context` names.
///
/// The type is said twice, here and by the context's constructor, so that code which handles
/// credentials cannot be handed an instance secret's context.
///
/// # Errors
///
/// [`SealError`]: an empty or too large plaintext, a context of another type, a random generator
/// that failed.
///
/// # Security
///
/// `rng` must be cryptographically secure; it is asked for a salt of 32 bytes, then for a nonce of
/// 12. `plaintext` stays the caller's to wipe; the copy made here is encrypted in place, and wiped
/// if anything fails. Errors hold lengths only.
pub fn seal<R>(
    key: &SealingKey,
    record_type: RecordType,
    context: &Context<'_>,
    plaintext: &[u8],
    rng: &mut R,
) -> Result<SealedRecord, SealError>
where
    R: TryCryptoRng + ?Sized,
{
    if context.record_type() != record_type {
        return Err(SealError::WrongContext {
            expected: record_type,
            found: context.record_type(),
        });
    }
    let ciphertext_len = sealable(plaintext.len())?;

    let mut prefix = Prefix {
        record_type,
        key_id: key.id(),
        key_version: key.version(),
        salt: [0; 32],
        nonce: [0; 12],
    };
    random::fill(rng, &mut prefix.salt)?;
    random::fill(rng, &mut prefix.nonce)?;

    // With room for the header, which the commitment completes.
    let mut associated_data = context.encode_behind(&[0; Header::LEN]);
    let (room, context) = associated_data.split_at_mut(Header::LEN);
    let keys = RecordKeys::derive(key, &prefix, context);
    let header = Header {
        prefix,
        commitment: keys.commitment,
        ciphertext_len,
    };

    // Exactly large enough: a vector that grows would leave plaintext behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(Header::LEN + plaintext.len() + TAG_LEN));
    header.write(&mut bytes);
    room.copy_from_slice(&bytes);
    bytes.extend_from_slice(plaintext);
    let (_, body) = bytes.split_at_mut(Header::LEN);
    let tag = Aes256GcmSiv::new((&*keys.encryption).into())
        .encrypt_inout_detached((&header.prefix.nonce).into(), &associated_data, body.into())
        .map_err(|_| too_large(plaintext.len()))?; // the cipher's only error: beyond 2^36 bytes
    bytes.extend_from_slice(&tag);
    Ok(SealedRecord::assemble(header, mem::take(&mut *bytes)))
}

/// Why nothing was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// There is nothing to seal.
    #[error("there is nothing to seal: the secret is empty")]
    Empty,

    /// The plaintext is larger than a record may hold.
    #[error("the secret has {found} bytes and a record holds at most {limit}")]
    TooLarge {
        /// The length of the plaintext.
        found: usize,
        /// The most that a record holds.
        limit: usize,
    },

    /// The context is that of another type of record: a mistake in the calling code.
    #[error("a record of type {expected:?} cannot be sealed under a context of type {found:?}")]
    WrongContext {
        /// The type asked for.
        expected: RecordType,
        /// The type of the context.
        found: RecordType,
    },

    /// The random generator failed.
    #[error(transparent)]
    Rng(#[from] RngFailed),
}

/// The length as the header writes it.
fn sealable(len: usize) -> Result<u32, SealError> {
    match u32::try_from(len) {
        Ok(0) => Err(SealError::Empty),
        Ok(fits) if len <= SealedRecord::MAX_PLAINTEXT => Ok(fits),
        Ok(_) | Err(_) => Err(too_large(len)),
    }
}

fn too_large(found: usize) -> SealError {
    SealError::TooLarge {
        found,
        limit: SealedRecord::MAX_PLAINTEXT,
    }
}
