//! The stored form of a wrapped key: `spec/organization-keys.md`, section "Wrapped form".

use super::{WrappedKey, is_reference};
use crate::master::CheckValue;

/// Bytes that are no wrapped key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MalformedWrappedKey {
    /// They do not begin as one does.
    #[error("this is no wrapped organization key")]
    Magic,
    /// Another format version.
    #[error("format version {found} of wrapped keys is not supported, only 1 is")]
    UnsupportedVersion {
        /// The version found.
        found: u8,
    },
    /// They end too early.
    #[error("the wrapped key is cut off")]
    Truncated,
    /// The service's reference is empty, too long, or not visible ASCII.
    #[error("the key service's reference is not 1 to 2048 visible ASCII characters")]
    Reference,
    /// There are no bytes of the key service.
    #[error("the wrapped key holds no bytes of its key service")]
    Empty,
    /// Bytes follow the end.
    #[error("{extra} bytes follow the end of the wrapped key")]
    TrailingBytes {
        /// How many.
        extra: usize,
    },
}

pub(super) fn parse(bytes: &[u8]) -> Result<WrappedKey, MalformedWrappedKey> {
    use MalformedWrappedKey as M;
    let mut rest = bytes.strip_prefix(MAGIC).ok_or(M::Magic)?;
    let [version] = take(&mut rest)?;
    if version != VERSION {
        return Err(M::UnsupportedVersion { found: version });
    }
    let service = take_long(&mut rest)?;
    let service = str::from_utf8(service)
        .ok()
        .filter(|text| is_reference(text));
    let service = service.ok_or(M::Reference)?;
    let check = CheckValue(take(&mut rest)?);
    let blob = take_long(&mut rest)?;
    match (blob.is_empty(), rest.len()) {
        (true, _) => Err(M::Empty),
        (false, 0) => Ok(WrappedKey {
            service: service.into(),
            check,
            blob: blob.to_vec(),
        }),
        (false, extra) => Err(M::TrailingBytes { extra }),
    }
}

pub(super) fn write(key: &WrappedKey) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.push(VERSION);
    put_long(&mut out, key.service.as_bytes());
    out.extend_from_slice(&key.check.0);
    put_long(&mut out, &key.blob);
    out
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], MalformedWrappedKey> {
    let (taken, behind) = rest
        .split_first_chunk()
        .ok_or(MalformedWrappedKey::Truncated)?;
    *rest = behind;
    Ok(*taken)
}

/// Takes a length of two bytes and that many bytes.
fn take_long<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], MalformedWrappedKey> {
    let length = usize::from(u16::from_be_bytes(take(rest)?));
    let (taken, behind) = rest
        .split_at_checked(length)
        .ok_or(MalformedWrappedKey::Truncated)?;
    *rest = behind;
    Ok(taken)
}

fn put_long(out: &mut Vec<u8>, bytes: &[u8]) {
    // Both were bounded before a value existed, so this never saturates.
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}

/// "Portcullis wrapped key".
const MAGIC: &[u8] = b"PCWK";

/// The format version.
const VERSION: u8 = 1;
