//! Opening: a record and the row it was read from become a secret again.

use std::ops::BitAnd as _;

use aes_gcm_siv::{AeadInOut, Aes256GcmSiv, KeyInit};
use subtle::{Choice, ConstantTimeEq};

use crate::context::Context;
use crate::derive::RecordKeys;
use crate::plaintext::Plaintext;
use crate::record::{Header, MalformedRecord, RecordType, SealedRecord};
use crate::sealing_key::SealingKey;

/// Opens `record`, which must be of type `record_type`, sealed under `key`, for the row that
/// `context` names.
///
/// Order: type, key id and version, commitment (constant time), decryption. Nothing is decrypted
/// before the commitment holds, and no part of a plaintext comes out of a record that fails.
///
/// # Errors
///
/// [`OpenError`] tells an operator what is wrong. It is not for tenants: show them one code for all
/// of these ("credential unreadable") and log the rest.
///
/// # Security
///
/// The plaintext is decrypted in the buffer that is returned, and wiped with it. Errors hold key ids
/// and versions, which are public.
pub fn open(
    key: &SealingKey,
    record_type: RecordType,
    context: &Context<'_>,
    record: &SealedRecord,
) -> Result<Plaintext, OpenError> {
    let header = record.header();
    if header.record_type() != record_type {
        return Err(OpenError::WrongType {
            expected: record_type,
            found: header.record_type(),
        });
    }
    if context.record_type() != record_type {
        return Err(OpenError::WrongContext {
            expected: record_type,
            found: context.record_type(),
        });
    }
    if (header.key_id(), header.key_version()) != (key.id(), key.version()) {
        return Err(OpenError::KeyMismatch {
            record_key: header.key_id(),
            record_version: header.key_version(),
            given_key: key.id(),
            given_version: key.version(),
        });
    }

    let associated_data = context.encode_behind(record.header_bytes());
    let (_, context) = associated_data.split_at(Header::LEN);
    let keys = RecordKeys::derive(key, &header.prefix, context);
    if !is_same(&keys.commitment, &header.commitment) {
        return Err(OpenError::ContextOrKeyMismatch);
    }

    let (ciphertext, tag) = record
        .body()
        .split_last_chunk()
        .ok_or(OpenError::Tampered)?;
    Plaintext::born_from(ciphertext, |buffer| {
        Aes256GcmSiv::new((&*keys.encryption).into())
            .decrypt_inout_detached(
                (&header.prefix.nonce).into(),
                &associated_data,
                buffer.into(),
                tag.into(),
            )
            .map_err(|_| OpenError::Tampered)
    })
}

/// Whether two commitments are one, in constant time: by words, which is an eighth of the work.
fn is_same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    let ((one, _), (other, _)) = (one.as_chunks(), other.as_chunks());
    let same = one.iter().zip(other).map(|(one, other)| {
        let (one, other) = (u64::from_ne_bytes(*one), u64::from_ne_bytes(*other));
        one.ct_eq(&other)
    });
    same.fold(Choice::from(1), Choice::bitand).into()
}

/// Why a record did not open: for the operator's log, not for a tenant's eyes.
///
/// Telling the last two causes apart gives nothing away. Both keys have 256 bits, so there is no
/// guess to confirm, and an operator learns whether a row was moved or its bytes were changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The bytes or the text are no record. [`open`] itself takes a parsed record and does not
    /// return this; it is here so that reading and opening have one error.
    #[error("the record is malformed: {0}")]
    Malformed(#[from] MalformedRecord),

    /// The record is of another type.
    #[error("a record of type {expected:?} was expected and this one is of type {found:?}")]
    WrongType {
        /// The type asked for.
        expected: RecordType,
        /// The type in the header.
        found: RecordType,
    },

    /// The context is that of another type of record: a mistake in the calling code.
    #[error("a record of type {expected:?} cannot be opened under a context of type {found:?}")]
    WrongContext {
        /// The type asked for.
        expected: RecordType,
        /// The type of the context.
        found: RecordType,
    },

    /// The record was sealed under another key, or another version of it.
    #[error(
        "the record was sealed under key {} version {record_version}, the key given is {} version \
         {given_version}",
        hex(*record_key),
        hex(*given_key)
    )]
    KeyMismatch {
        /// The key id in the header.
        record_key: [u8; 8],
        /// The key version in the header.
        record_version: u32,
        /// The id of the key given.
        given_key: [u8; 8],
        /// The version of the key given.
        given_version: u32,
    },

    /// The commitment does not hold: the record lies in a row it was not sealed for, its header was
    /// changed, or the key has the right name and other bytes (another master key, another salt).
    #[error(
        "the record does not belong to this row and key: it was moved or changed, or the key was \
         derived from another master key or salt"
    )]
    ContextOrKeyMismatch,

    /// Row and key are right, and the ciphertext or its tag was changed.
    #[error("the ciphertext of the record was changed")]
    Tampered,
}

fn hex(id: [u8; 8]) -> String {
    format!("{:016x}", u64::from_be_bytes(id))
}
