//! The 100 bytes before the ciphertext.

use std::fmt;

use super::{RecordType, SealedRecord, TAG_LEN};

/// The header of a sealed record. It is authenticated by [`open`](crate::open) only; before that it
/// is what the record claims.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    pub(crate) prefix: Prefix,
    pub(crate) commitment: [u8; 32],
    pub(crate) ciphertext_len: u32,
}

/// The first 64 bytes: what the commitment is computed over.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Prefix {
    pub(crate) record_type: RecordType,
    pub(crate) key_id: [u8; 8],
    pub(crate) key_version: u32,
    pub(crate) salt: [u8; 32],
    pub(crate) nonce: [u8; 12],
}

impl Header {
    /// The length in bytes.
    pub const LEN: usize = 100;

    /// What the record holds.
    #[must_use]
    pub fn record_type(&self) -> RecordType {
        self.prefix.record_type
    }

    /// The id of the key that sealed it.
    #[must_use]
    pub fn key_id(&self) -> [u8; 8] {
        self.prefix.key_id
    }

    /// The version of the key that sealed it, from 1.
    #[must_use]
    pub fn key_version(&self) -> u32 {
        self.prefix.key_version
    }

    /// Reads and checks a whole record's layout, from the first byte to the last.
    pub(super) fn parse(record: &[u8]) -> Result<Self, MalformedRecord> {
        let mut rest = record
            .strip_prefix(MAGIC)
            .ok_or(MalformedRecord::PlaintextRefused)?;

        let [version] = take(&mut rest)?;
        if version != VERSION {
            return Err(MalformedRecord::UnsupportedVersion { found: version });
        }
        let [suite] = take(&mut rest)?;
        if suite != SUITE {
            return Err(MalformedRecord::UnsupportedSuite { found: suite });
        }
        let [code] = take(&mut rest)?;
        let record_type =
            RecordType::from_code(code).ok_or(MalformedRecord::UnknownType { found: code })?;
        let [flags] = take(&mut rest)?;
        if flags != FLAGS {
            return Err(MalformedRecord::NonZeroFlags { found: flags });
        }
        let key_id = take(&mut rest)?;
        let key_version = u32::from_be_bytes(take(&mut rest)?);
        if key_version == 0 {
            return Err(MalformedRecord::ZeroKeyVersion);
        }
        let prefix = Prefix {
            record_type,
            key_id,
            key_version,
            salt: take(&mut rest)?,
            nonce: take(&mut rest)?,
        };
        let commitment = take(&mut rest)?;
        let ciphertext_len = u32::from_be_bytes(take(&mut rest)?);
        check_body(ciphertext_len, rest.len())?;
        Ok(Self {
            prefix,
            commitment,
            ciphertext_len,
        })
    }

    /// Appends the 100 bytes.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.prefix.to_bytes());
        out.extend_from_slice(&self.commitment);
        out.extend_from_slice(&self.ciphertext_len.to_be_bytes());
    }
}

impl Prefix {
    /// The 64 bytes, in one piece: a hash takes them faster than in six.
    pub(crate) fn to_bytes(&self) -> [u8; 64] {
        let parts: [&[u8]; 6] = [
            MAGIC,
            &[VERSION, SUITE, self.record_type.code(), FLAGS],
            &self.key_id,
            &self.key_version.to_be_bytes(),
            &self.salt,
            &self.nonce,
        ];
        let mut bytes = [0; 64];
        let mut rest = bytes.as_mut_slice();
        for part in parts {
            let (here, after) = rest.split_at_mut(part.len());
            here.copy_from_slice(part);
            rest = after;
        }
        bytes
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header")
            .field("record_type", &self.record_type())
            .field(
                "key_id",
                &format_args!("{:016x}", u64::from_be_bytes(self.key_id())),
            )
            .field("key_version", &self.key_version())
            .field("ciphertext_len", &self.ciphertext_len)
            .finish_non_exhaustive()
    }
}

/// Bytes or text that are no sealed record of format version 1. It holds nothing of the input but
/// single numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MalformedRecord {
    /// The mark of a sealed record is missing: this was never sealed, and it is not accepted as it
    /// is.
    #[error("this is no sealed record but a plaintext: it is refused; save the secret again")]
    PlaintextRefused,

    /// Another format version.
    #[error("format version {found} of sealed records is not supported, only 1 is")]
    UnsupportedVersion {
        /// The version found.
        found: u8,
    },

    /// Another set of algorithms.
    #[error("suite {found} of sealed records is not supported, only 1 is")]
    UnsupportedSuite {
        /// The suite found.
        found: u8,
    },

    /// A type that format version 1 does not have.
    #[error("record type {found} is unknown")]
    UnknownType {
        /// The type found.
        found: u8,
    },

    /// A flag is set, and format version 1 has none.
    #[error("the flags of a sealed record must be zero, they are {found}")]
    NonZeroFlags {
        /// The flags found.
        found: u8,
    },

    /// Key versions count from 1.
    #[error("the key version of a sealed record must not be zero")]
    ZeroKeyVersion,

    /// The header says that nothing, or more than the limit, was sealed.
    #[error("a sealed record holds 1 to 65536 bytes, its header says {found}")]
    CiphertextLength {
        /// The length in the header.
        found: u32,
    },

    /// The record ends too early.
    #[error("the sealed record is cut off")]
    Truncated,

    /// Bytes follow the tag.
    #[error("{extra} bytes follow the end of the sealed record")]
    TrailingBytes {
        /// How many.
        extra: usize,
    },

    /// The text is not `pcs1:{key version}:{base64url}`.
    #[error("the text is not of the form pcs1:version:base64url")]
    TextSyntax,

    /// The last part of the text is not canonical, unpadded base64url.
    #[error("the last part of the text is not canonical base64url without padding")]
    TextEncoding,

    /// The text shows another key version than the header.
    #[error("the text says key version {text}, the header in it says {header}")]
    TextVersion {
        /// The version in the text.
        text: u32,
        /// The version in the header.
        header: u32,
    },
}

/// Whether bytes begin as a record of any format version does.
pub(super) fn resembles(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Takes the next `N` bytes.
fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], MalformedRecord> {
    let (taken, behind) = rest.split_first_chunk().ok_or(MalformedRecord::Truncated)?;
    *rest = behind;
    Ok(*taken)
}

/// Compares the length in the header with the bytes that follow it.
fn check_body(ciphertext_len: u32, body: usize) -> Result<(), MalformedRecord> {
    let sealed = usize::try_from(ciphertext_len).unwrap_or(usize::MAX);
    if sealed == 0 || sealed > SealedRecord::MAX_PLAINTEXT {
        return Err(MalformedRecord::CiphertextLength {
            found: ciphertext_len,
        });
    }
    let expected = sealed + TAG_LEN;
    if body < expected {
        return Err(MalformedRecord::Truncated);
    }
    match body - expected {
        0 => Ok(()),
        extra => Err(MalformedRecord::TrailingBytes { extra }),
    }
}

/// "Portcullis sealed record".
const MAGIC: &[u8] = b"PCSR";

/// The format version.
const VERSION: u8 = 1;

/// HKDF-SHA256, AES-256-GCM-SIV, a commitment of 32 bytes.
const SUITE: u8 = 1;

/// No flag exists.
const FLAGS: u8 = 0;
