//! Which bodies are kept: a keyed decision that every node makes alike.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use rand_core::TryCryptoRng;
use secrecy::{ExposeSecret, ExposeSecretMut, SecretBox};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use crate::Rate;

/// 32 secret bytes that key the decision which bodies are sampled.
///
/// # Security
///
/// Who knows the key can choose request ids that are never sampled, or always. Draw it from the operating system's random
/// source and keep it sealed; all nodes of an installation have the same. It is wiped on drop, and
/// cannot be printed, copied, compared or serialized:
///
/// ```compile_fail,E0277
/// # fn key() -> portcullis_retention::SamplingKey { unimplemented!() }
/// println!("{}", key());
/// ```
/// ```compile_fail,E0599
/// # fn key() -> portcullis_retention::SamplingKey { unimplemented!() }
/// let copy = key().clone();
/// ```
/// ```compile_fail,E0369
/// # fn key() -> portcullis_retention::SamplingKey { unimplemented!() }
/// let same = key() == key();
/// ```
/// ```compile_fail,E0277
/// # fn key() -> portcullis_retention::SamplingKey { unimplemented!() }
/// let json = serde_json::to_string(&key());
/// ```
pub struct SamplingKey(SecretBox<[u8; Self::LEN]>);

impl SamplingKey {
    /// How many bytes a key has.
    pub const LEN: usize = 32;

    /// A fresh key.
    ///
    /// # Errors
    /// [`NoSamplingKey`] when the generator fails, or returns zeros only.
    ///
    /// # Security
    ///
    /// `rng` must be cryptographically secure: the operating system's, for instance.
    pub fn generate<R>(rng: &mut R) -> Result<Self, NoSamplingKey>
    where
        R: TryCryptoRng + ?Sized,
    {
        let mut key = Self(SecretBox::default());
        rng.try_fill_bytes(key.0.expose_secret_mut())
            .map_err(|_| NoSamplingKey)?;
        key.not_zero()
    }

    /// A key that was stored.
    ///
    /// # Errors
    /// [`NoSamplingKey`] when all bytes are zero: a buffer that was never filled.
    ///
    /// # Security
    ///
    /// The argument is wiped, other copies that the caller made are not.
    pub fn new(bytes: Zeroizing<[u8; Self::LEN]>) -> Result<Self, NoSamplingKey> {
        let mut key = Self(SecretBox::default());
        key.0.expose_secret_mut().copy_from_slice(bytes.as_slice());
        key.not_zero()
    }

    /// The bytes, to be sealed and stored.
    ///
    /// # Security
    ///
    /// This is the secret. Seal it, print it nowhere, and wipe what you copy.
    #[must_use]
    pub fn expose(&self) -> &[u8; Self::LEN] {
        self.0.expose_secret()
    }

    fn not_zero(self) -> Result<Self, NoSamplingKey> {
        let seen = self.expose().iter().fold(0, |seen, byte| seen | byte);
        if seen == 0 {
            Err(NoSamplingKey)
        } else {
            Ok(self)
        }
    }
}

impl fmt::Debug for SamplingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SamplingKey([redacted])")
    }
}

/// The bytes are no key. Holds none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sampling key is 32 bytes from the operating system's random source, not zeros")]
pub struct NoSamplingKey;

/// Decides which bodies are kept.
///
/// ```
/// use portcullis_retention::{Rate, Sampler, SamplingKey};
///
/// let sampler = Sampler::new(&SamplingKey::generate(&mut getrandom::SysRng)?);
/// let (organization, request) = ([7; 16], [9; 16]); // the request id that we made ourselves
/// let kept = sampler.keeps(&organization, &request, Rate::DEFAULT);
/// assert_eq!(kept, sampler.keeps(&organization, &request, Rate::DEFAULT)); // here and on every node
/// assert!(!sampler.keeps(&organization, &request, Rate::NONE));
/// # Ok::<(), portcullis_retention::NoSamplingKey>(())
/// ```
///
/// # Security
///
/// Holds the two SHA-256 states that HMAC derives from the key, not the key. They are as secret and are wiped on drop.
pub struct Sampler(Hmac<Sha256>);

impl Sampler {
    /// A sampler under this key.
    #[must_use]
    pub fn new(key: &SamplingKey) -> Self {
        // HMAC pads a short key with zeros to its block of 64 bytes; doing it here makes the call one that cannot fail.
        let mut block = Zeroizing::new([0; 64]);
        for (slot, byte) in block.iter_mut().zip(key.expose()) {
            *slot = *byte;
        }
        let mut mac = Hmac::<Sha256>::new(&(*block).into());
        block.zeroize();
        mac.update(LABEL);
        Self(mac)
    }

    /// Whether the body of this request is kept.
    ///
    /// `request` is the id that the gateway gave the request, never one that a client or a provider chose. What is kept at one
    /// rate is kept at every higher one.
    #[must_use]
    pub fn keeps(&self, organization: &[u8; 16], request: &[u8], rate: Rate) -> bool {
        let digest = self
            .0
            .clone()
            .chain_update(organization)
            .chain_update(request)
            .finalize()
            .into_bytes();
        let number = digest
            .iter()
            .take(8)
            .fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
        number < threshold(rate)
    }
}

/// The proof that a request was chosen: nobody but a [`Sampler`] makes one, and whoever stores bodies asks for it.
///
/// ```compile_fail,E0423
/// let chosen = portcullis_retention::Chosen(());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen(());

impl Sampler {
    /// The same decision as [`keeps`](Self::keeps), as a value that stands for it.
    #[must_use]
    pub fn choose(&self, organization: &[u8; 16], request: &[u8], rate: Rate) -> Option<Chosen> {
        self.keeps(organization, request, rate)
            .then_some(Chosen(()))
    }
}

impl fmt::Debug for Sampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sampler([redacted])")
    }
}

/// The part of 2^64 that is kept, rounded down; all of it at a million.
fn threshold(rate: Rate) -> u128 {
    (u128::from(rate.ppm()) << 64) / 1_000_000
}

/// Keeps this use of a key apart from every other; the table of all labels is in `spec/sealed-record.md`.
const LABEL: &[u8] = b"portcullis/v1/body-sampling\0";

#[cfg(test)]
mod tests {
    use super::*;

    fn sampler(byte: u8) -> Sampler {
        Sampler::new(&SamplingKey::new(Zeroizing::new([byte; 32])).unwrap())
    }

    /// Computed apart from this code: HMAC-SHA256 of label, organization and id, first eight bytes, against
    /// rate * 2^64 / 10^6.
    #[test]
    fn the_decision_is_that_of_the_specification() {
        let vectors = include!("sampling/vectors.in");
        for (request, ppm_from) in vectors {
            let at = |ppm| sampler(1).keeps(&[2; 16], request, Rate::from_ppm(ppm).unwrap());
            assert!(at(ppm_from), "{request:?}");
            assert!(!at(ppm_from - 1), "{request:?}");
        }
    }

    #[test]
    fn the_threshold_is_exact_at_both_ends() {
        assert_eq!(threshold(Rate::NONE), 0);
        assert_eq!(threshold(Rate::ALL), 1 << 64);
        assert_eq!(threshold(Rate::from_ppm(500_000).unwrap()), 1 << 63);
        assert_eq!(threshold(Rate::from_ppm(1).unwrap()), 18_446_744_073_709);
    }

    #[test]
    fn zeros_are_no_key_and_a_generator_that_fails_makes_none() {
        struct Broken;
        impl rand_core::TryRng for Broken {
            type Error = rand_core::Infallible;
            fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
                Ok(0)
            }
            fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
                Ok(0)
            }
            fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
                bytes.fill(0);
                Ok(())
            }
        }
        impl TryCryptoRng for Broken {}
        assert_eq!(
            SamplingKey::generate(&mut Broken).unwrap_err(),
            NoSamplingKey
        );
        assert!(SamplingKey::new(Zeroizing::new([0; 32])).is_err());
    }

    #[test]
    fn a_key_is_stored_and_read_back_and_never_shown() {
        let key = SamplingKey::new(Zeroizing::new([7; 32])).unwrap();
        let again = SamplingKey::new(Zeroizing::new(*key.expose())).unwrap();
        assert_eq!(*again.expose(), [7; 32]);
        assert_eq!(
            format!("{key:?} {:?}", Sampler::new(&key)),
            "SamplingKey([redacted]) Sampler([redacted])"
        );
    }
}
