//! The secret half of the `hmac-sha256` scheme: keys that the database does not hold.

use std::fmt;

use hmac::{Hmac, KeyInit};
use secrecy::{ExposeSecret, ExposeSecretMut, SecretBox};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

/// 32 secret bytes that key the `hmac-sha256` digest.
///
/// # Security
///
/// Draw them from the operating system's random source and keep them apart from the database: who
/// has both can test candidate keys and plant new ones. They are wiped on drop, and cannot be
/// printed, copied, compared or serialized:
///
/// ```compile_fail,E0277
/// # fn pepper() -> portcullis_key::Pepper { unimplemented!() }
/// println!("{}", pepper());
/// ```
/// ```compile_fail,E0599
/// # fn pepper() -> portcullis_key::Pepper { unimplemented!() }
/// let copy = pepper().clone();
/// ```
/// ```compile_fail,E0369
/// # fn pepper() -> portcullis_key::Pepper { unimplemented!() }
/// let same = pepper() == pepper();
/// ```
/// ```compile_fail,E0277
/// # fn pepper() -> portcullis_key::Pepper { unimplemented!() }
/// let json = serde_json::to_string(&pepper());
/// ```
pub struct Pepper(SecretBox<[u8; Self::LEN]>);

impl Pepper {
    /// How many bytes a pepper has.
    pub const LEN: usize = 32;
}

impl From<Zeroizing<[u8; Self::LEN]>> for Pepper {
    fn from(bytes: Zeroizing<[u8; Self::LEN]>) -> Self {
        let mut boxed = SecretBox::new(Box::new([0; Self::LEN]));
        boxed.expose_secret_mut().copy_from_slice(bytes.as_slice());
        Self(boxed)
    }
}

impl From<[u8; Self::LEN]> for Pepper {
    /// Wipes the array that was passed, but not other copies that the caller may have made.
    fn from(mut bytes: [u8; Self::LEN]) -> Self {
        let pepper = Self::from(Zeroizing::new(bytes));
        bytes.zeroize();
        pepper
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper([redacted])")
    }
}

/// The peppers of an installation: one current, any number retired.
///
/// New digests are made with the current pepper. A digest made with a retired one still verifies,
/// and [`Digester::is_obsolete`](crate::Digester::is_obsolete) says that it is due for renewal. A
/// pepper that is left out verifies nothing any more.
///
/// ```
/// # use portcullis_key::{Pepper, PepperRing};
/// # let (new, old) = (Pepper::from([2; 32]), Pepper::from([1; 32]));
/// let ring = PepperRing::builder(2, new).retired(1, old).build()?;
/// # Ok::<(), portcullis_key::PepperError>(())
/// ```
///
/// # Security
///
/// Holds the two SHA-256 states that HMAC derives from each pepper, not the pepper, so that a
/// verification does not key again. They are as secret as the pepper and are wiped on drop.
pub struct PepperRing {
    current: KeyedMac,
    retired: Box<[KeyedMac]>,
}

impl PepperRing {
    /// Starts with the current pepper. The id is yours to choose; digests are stored with it.
    pub fn builder(id: u32, pepper: Pepper) -> PepperRingBuilder {
        PepperRingBuilder {
            current: (id, pepper),
            retired: Vec::new(),
        }
    }

    /// The id of the pepper that new digests are made with.
    #[must_use]
    pub const fn current_id(&self) -> u32 {
        self.current.id
    }

    pub(crate) const fn current(&self) -> &KeyedMac {
        &self.current
    }

    /// The pepper with this id, or the current one and `false`, so that the caller can do the same
    /// work either way. Looks at every pepper: which one a row has must not show.
    pub(crate) fn select(&self, id: u32) -> (&KeyedMac, bool) {
        let current = (&self.current, self.current.id == id);
        self.retired.iter().fold(current, |found, candidate| {
            if candidate.id == id {
                (candidate, true)
            } else {
                found
            }
        })
    }
}

impl fmt::Debug for PepperRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let retired: Vec<u32> = self.retired.iter().map(|keyed| keyed.id).collect();
        f.debug_struct("PepperRing")
            .field("current", &self.current.id)
            .field("retired", &retired)
            .finish_non_exhaustive()
    }
}

/// Collects the peppers of a [`PepperRing`].
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct PepperRingBuilder {
    current: (u32, Pepper),
    retired: Vec<(u32, Pepper)>,
}

impl PepperRingBuilder {
    /// Adds a pepper that made digests in the past and makes no new ones.
    pub fn retired(mut self, id: u32, pepper: Pepper) -> Self {
        self.retired.push((id, pepper));
        self
    }

    /// Checks the peppers and keys a MAC with each.
    ///
    /// # Errors
    ///
    /// [`PepperError`] when a pepper is all zeros, or two have the same id or the same bytes.
    ///
    /// # Security
    ///
    /// The peppers themselves are wiped before this returns.
    pub fn build(self) -> Result<PepperRing, PepperError> {
        let all: Vec<&(u32, Pepper)> = std::iter::once(&self.current)
            .chain(&self.retired)
            .collect();
        for (position, (id, pepper)) in all.iter().enumerate() {
            if bool::from(pepper.ct_eq(&[0; Pepper::LEN])) {
                return Err(PepperError::AllZero { id: *id });
            }
            for (other_id, other) in all.iter().take(position) {
                if other_id == id {
                    return Err(PepperError::DuplicateId { id: *id });
                }
                if bool::from(pepper.ct_eq(other.0.expose_secret())) {
                    return Err(PepperError::DuplicatePepper {
                        first: *other_id,
                        second: *id,
                    });
                }
            }
        }
        let keyed = |(id, pepper): &(u32, Pepper)| KeyedMac::new(*id, pepper);
        Ok(PepperRing {
            current: keyed(&self.current),
            retired: self.retired.iter().map(keyed).collect(),
        })
    }
}

/// The configured peppers cannot be used. Holds no byte of a pepper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PepperError {
    /// A pepper of zeros: a buffer that was never filled.
    #[error("pepper {id} is all zeros; give it 32 bytes from the operating system's random source")]
    AllZero {
        /// Its id.
        id: u32,
    },

    /// Two peppers with one id.
    #[error("pepper id {id} is given twice; every pepper needs an id of its own")]
    DuplicateId {
        /// The id.
        id: u32,
    },

    /// Two ids for one pepper: a rotation that changed nothing.
    #[error("peppers {first} and {second} are the same bytes; draw a new pepper, or drop one id")]
    DuplicatePepper {
        /// The id that was given first.
        first: u32,
        /// The id that was given second.
        second: u32,
    },
}

impl Pepper {
    fn ct_eq(&self, bytes: &[u8; Self::LEN]) -> Choice {
        self.0.expose_secret().as_slice().ct_eq(bytes.as_slice())
    }
}

/// HMAC-SHA-256 with the key already absorbed.
pub(crate) struct KeyedMac {
    id: u32,
    mac: Hmac<Sha256>,
}

impl KeyedMac {
    fn new(id: u32, pepper: &Pepper) -> Self {
        // HMAC pads a short key with zeros to its block of 64 bytes; doing it here makes the call
        // one that cannot fail.
        let mut block = Zeroizing::new([0; 64]);
        for (slot, byte) in block.iter_mut().zip(pepper.0.expose_secret()) {
            *slot = *byte;
        }
        Self {
            id,
            mac: Hmac::new((&*block).into()),
        }
    }

    pub(crate) const fn id(&self) -> u32 {
        self.id
    }

    /// A MAC that waits for its message.
    pub(crate) fn start(&self) -> Hmac<Sha256> {
        self.mac.clone()
    }
}

#[cfg(test)]
mod tests {
    use hmac::Mac;

    use super::*;

    fn pepper(byte: u8) -> Pepper {
        Pepper::from([byte; 32])
    }

    #[test]
    fn a_ring_refuses_a_pepper_of_zeros() {
        assert_eq!(
            PepperRing::builder(1, pepper(0)).build().unwrap_err(),
            PepperError::AllZero { id: 1 }
        );
        assert_eq!(
            PepperRing::builder(2, pepper(2))
                .retired(1, pepper(0))
                .build()
                .unwrap_err(),
            PepperError::AllZero { id: 1 }
        );
    }

    #[test]
    fn a_ring_refuses_one_id_for_two_peppers() {
        let error = PepperRing::builder(2, pepper(2))
            .retired(1, pepper(1))
            .retired(1, pepper(3))
            .build()
            .unwrap_err();
        assert_eq!(error, PepperError::DuplicateId { id: 1 });
    }

    #[test]
    fn a_ring_refuses_one_pepper_under_two_ids() {
        let error = PepperRing::builder(2, pepper(9))
            .retired(1, pepper(9))
            .build()
            .unwrap_err();
        assert_eq!(
            error,
            PepperError::DuplicatePepper {
                first: 2,
                second: 1
            }
        );
    }

    #[test]
    fn a_pepper_is_found_by_its_id_and_an_unknown_id_gives_the_current_one() {
        let ring = PepperRing::builder(3, pepper(3))
            .retired(1, pepper(1))
            .retired(2, pepper(2))
            .build()
            .unwrap();
        for id in [1, 2, 3] {
            let (keyed, known) = ring.select(id);
            assert_eq!((keyed.id(), known), (id, true));
        }
        let (keyed, known) = ring.select(4);
        assert_eq!((keyed.id(), known), (3, false));
    }

    #[test]
    fn a_keyed_mac_is_hmac_sha256_under_the_pepper() {
        let keyed = KeyedMac::new(1, &pepper(7));
        let mut ours = keyed.start();
        let mut plain = Hmac::<Sha256>::new_from_slice(&[7; 32]).unwrap();
        ours.update(b"message");
        plain.update(b"message");
        assert_eq!(ours.finalize().into_bytes(), plain.finalize().into_bytes());
    }
}
