//! New keys: drawn from the caller's random source, shown once.

use std::fmt;

use rand_core::TryCryptoRng;
use secrecy::{ExposeSecret, ExposeSecretMut, SecretBox};
use zeroize::Zeroizing;

use crate::base62;
use crate::checksum::checksum;
use crate::display::KeyDisplay;
use crate::id::PublicId;
use crate::prefix::KeyPrefix;
use crate::presented::{MAX_KEY_LEN, PresentedKey, SECRET_LEN};

/// A key that has just been made, with its secret.
///
/// Digest it with [`presented`](Self::presented), store digest and id, and hand the text to its
/// owner with [`expose_once`](Self::expose_once), which consumes the value.
///
/// # Security
///
/// The text is written once, in place, into a heap buffer that never grows, and is wiped when the
/// value is dropped. The buffer lives on the heap so that moving the value leaves no copy behind.
/// `Debug` shows the display form only. A key cannot be printed, copied, compared or serialized:
///
/// ```compile_fail,E0277
/// # fn key() -> portcullis_key::MintedKey { unimplemented!() }
/// println!("{}", key());
/// ```
/// ```compile_fail,E0599
/// # fn key() -> portcullis_key::MintedKey { unimplemented!() }
/// let copy = key().clone();
/// ```
/// ```compile_fail,E0369
/// # fn key() -> portcullis_key::MintedKey { unimplemented!() }
/// let same = key() == key();
/// ```
/// ```compile_fail,E0277
/// # fn key() -> portcullis_key::MintedKey { unimplemented!() }
/// let json = serde_json::to_string(&key());
/// ```
///
/// The same lines compile for what is public:
///
/// ```
/// # let key = portcullis_key::KeyPrefix::new("mr", "live")?;
/// println!("{}", key);
/// let copy = key.clone();
/// let same = key == copy;
/// let json = serde_json::to_string(key.as_str());
/// # Ok::<(), portcullis_key::PrefixError>(())
/// ```
#[must_use = "a minted key that is dropped is lost"]
pub struct MintedKey {
    text: SecretBox<String>,
    id: PublicId,
}

impl MintedKey {
    /// Makes a key with a new public id and a new secret.
    ///
    /// Every character is drawn uniformly, by rejection sampling, from `rng`.
    ///
    /// # Errors
    ///
    /// [`MintError`] when the random source fails or is stuck. There is no weaker fallback.
    ///
    /// # Security
    ///
    /// Random bytes that were drawn are wiped. Nothing is logged.
    pub fn mint<R>(prefix: &KeyPrefix, rng: &mut R) -> Result<Self, MintError<R::Error>>
    where
        R: TryCryptoRng + ?Sized,
    {
        let mut id = [0; PublicId::LEN];
        let mut next = id.iter_mut();
        draw(rng, PublicId::LEN, |symbol| {
            if let Some(slot) = next.next() {
                *slot = symbol;
            }
        })?;
        Self::mint_with_id(prefix, PublicId::from_base62(id), rng)
    }

    /// Makes a new secret for an existing id: the rotation of a key that keeps its identity.
    ///
    /// # Errors
    ///
    /// As [`mint`](Self::mint).
    ///
    /// # Security
    ///
    /// As [`mint`](Self::mint).
    pub fn mint_with_id<R>(
        prefix: &KeyPrefix,
        id: PublicId,
        rng: &mut R,
    ) -> Result<Self, MintError<R::Error>>
    where
        R: TryCryptoRng + ?Sized,
    {
        let mut boxed = SecretBox::new(Box::new(String::with_capacity(MAX_KEY_LEN)));
        let text = boxed.expose_secret_mut();
        text.push_str(prefix.as_str());
        text.extend(id.as_bytes().map(char::from));
        draw(rng, SECRET_LEN, |symbol| text.push(char::from(symbol)))?;
        let checksum = checksum(text.as_bytes());
        text.extend(checksum.map(char::from));
        Ok(Self { text: boxed, id })
    }

    /// The key as a client would present it, to digest it on the path that verifies it later.
    #[must_use]
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "minting composes what parsing accepts; no input reaches this, and a property \
                  test holds it for every prefix"
    )]
    pub fn presented(&self) -> PresentedKey<'_> {
        PresentedKey::parse(self.text.expose_secret().as_bytes()).expect("a minted key parses")
    }

    /// The public id.
    #[must_use]
    pub const fn id(&self) -> PublicId {
        self.id
    }

    /// The abbreviated form, to be stored for lists and shown in logs.
    #[must_use]
    pub fn display(&self) -> KeyDisplay<'_> {
        self.presented().display()
    }

    /// Lends the plaintext to `show`, once, and wipes it.
    ///
    /// # Security
    ///
    /// The only door to the plaintext. What `show` copies out of it is the caller's to protect.
    pub fn expose_once<T>(self, show: impl FnOnce(&str) -> T) -> T {
        show(self.text.expose_secret())
    }
}

impl fmt::Debug for MintedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MintedKey({})", self.display())
    }
}

/// No key was made, because the random source did not deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MintError<E> {
    /// The random source reported an error.
    #[error("the random source failed; no key was minted")]
    Rng(#[source] E),

    /// The random source delivers, but not randomness: one byte over and over, or next to nothing
    /// that can be used.
    #[error("the random source is stuck; no key was minted; use the operating system's")]
    Stuck,
}

/// Draws `count` base62 characters, each uniformly.
///
/// Six bits give 0 to 63; 62 and 63 are rejected instead of folded back, which would make two
/// characters likelier than the others.
fn draw<R>(rng: &mut R, count: usize, mut take: impl FnMut(u8)) -> Result<(), MintError<R::Error>>
where
    R: TryCryptoRng + ?Sized,
{
    let mut missing = count;
    for _ in 0..MAX_FILLS {
        let mut pool = Zeroizing::new([0_u8; POOL_LEN]);
        rng.try_fill_bytes(pool.as_mut_slice())
            .map_err(MintError::Rng)?;
        if is_constant(&pool) {
            return Err(MintError::Stuck);
        }
        let values = pool.iter().map(|byte| byte & 0x3f);
        for value in values.filter(|&value| value < base62::RADIX).take(missing) {
            take(base62::symbol(value));
            missing -= 1;
        }
        if missing == 0 {
            return Ok(());
        }
    }
    Err(MintError::Stuck)
}

/// A working source gives 64 equal bytes once in 2^504.
fn is_constant(pool: &[u8; POOL_LEN]) -> bool {
    let [first, ..] = pool;
    pool.iter().all(|byte| byte == first)
}

/// Enough for 43 characters in one fill, nearly always: 62 of 64 values are kept.
const POOL_LEN: usize = 64;

/// A working source needs a second fill less than once in 10^16 mints. One that needs a ninth is
/// broken, and an endless loop would hide that.
const MAX_FILLS: usize = 8;

#[cfg(test)]
mod tests;
