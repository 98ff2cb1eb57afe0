//! One record, under another key.

use rand_core::TryCryptoRng;

use crate::context::Context;
use crate::open::{OpenError, open};
use crate::record::SealedRecord;
use crate::seal::{SealError, seal};
use crate::sealing_key::SealingKey;

/// Seals what `record` holds under the key `to`, for the same row.
///
/// The row stays as it is, its generation too: what is sealed does not change, so nobody who holds
/// the row has to hear of it. Replace the record only if it still has the bytes that were read.
///
/// # Errors
///
/// [`ResealError`]: the record does not open under `from` for this row, or the generator failed.
///
/// # Security
///
/// The plaintext lives in this call and is wiped before it returns. A record under another type is
/// refused: the type is that of `context`.
pub fn reseal<R>(
    record: &SealedRecord,
    context: &Context<'_>,
    from: &SealingKey,
    to: &SealingKey,
    rng: &mut R,
) -> Result<SealedRecord, ResealError>
where
    R: TryCryptoRng + ?Sized,
{
    let record_type = context.record_type();
    let plaintext = open(from, record_type, context, record)?;
    Ok(seal(to, record_type, context, plaintext.expose(), rng)?)
}

/// Why a record was not sealed again; it stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResealError {
    /// It does not open.
    #[error("the record cannot be sealed again: {0}")]
    Open(#[from] OpenError),
    /// It cannot be sealed.
    #[error("the record cannot be sealed again: {0}")]
    Seal(#[from] SealError),
}
