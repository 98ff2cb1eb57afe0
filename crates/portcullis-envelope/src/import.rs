//! Secrets that were stored in plain: taken over once, by a function of their own.

use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

use crate::context::Context;
use crate::mask::Mask;
use crate::record::SealedRecord;
use crate::seal::{SealError, seal};
use crate::sealing_key::SealingKey;

/// A plaintext that was taken over: what replaces it in its row.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// The sealed secret.
    pub record: SealedRecord,
    /// What may be shown of it.
    pub mask: Mask,
}

/// Seals a secret that an older system stored in plain.
///
/// Reading never does this: [`SealedRecord::parse`] and [`SealedRecord::from_text`] refuse a
/// plaintext, so a row that somebody filled by hand is an error and not a credential. Whoever calls
/// this does so on purpose, and writes into the audit log who took over what.
///
/// # Errors
///
/// [`ImportError`]: what is sealed already is not sealed twice, and [`SealError`] as for
/// [`seal`].
///
/// # Security
///
/// Takes the plaintext and wipes it, also when it fails. The row it came from still holds it until it is
/// overwritten, and a database may keep the old page: vacuum it afterwards, and have the provider's key
/// rotated.
pub fn import_plaintext<R>(
    key: &SealingKey,
    context: &Context<'_>,
    plaintext: Zeroizing<Vec<u8>>,
    rng: &mut R,
) -> Result<Imported, ImportError>
where
    R: TryCryptoRng + ?Sized,
{
    if SealedRecord::resembles(&plaintext) {
        return Err(ImportError::AlreadySealed);
    }
    let record = seal(key, context.record_type(), context, &plaintext, rng)?;
    let mask = Mask::of(&plaintext);
    drop(plaintext);
    Ok(Imported { record, mask })
}

/// Why a plaintext was not taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// It begins as a sealed record does, in bytes or in text.
    #[error("this is a sealed record already, or a piece of one: it is not sealed twice")]
    AlreadySealed,
    /// It cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
}
