//! Drawing random bytes from the caller's generator, which may fail.

use rand_core::TryCryptoRng;

/// The random generator failed, or returned nothing but zeros; nothing was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the random generator failed: nothing was made; check the operating system's random source"
)]
pub struct RngFailed;

/// Fills `out`, and refuses an all-zero answer: a generator that reports success without writing
/// must not become a zero salt or a zero key.
pub(crate) fn fill<R>(rng: &mut R, out: &mut [u8]) -> Result<(), RngFailed>
where
    R: TryCryptoRng + ?Sized,
{
    rng.try_fill_bytes(out).map_err(|_| RngFailed)?;
    if is_zero(out) { Err(RngFailed) } else { Ok(()) }
}

/// Whether every byte is zero, in a time that does not depend on the bytes.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().fold(0, |acc, byte| acc | byte) == 0
}
