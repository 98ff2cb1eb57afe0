//! Computing digests and comparing them, by schemes that configuration chooses.

use std::fmt;

use hmac::Mac;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::digest::{DigestScheme, KeyDigest};
use crate::pepper::{KeyedMac, PepperRing};
use crate::presented::PresentedKey;

/// Makes and checks digests with the schemes that this installation accepts.
///
/// The accepted set is closed and comes from configuration. What scheme a row names decides how it
/// is checked only within that set: a row cannot talk the digester into a weaker one.
///
/// # Security
///
/// In `sha256` mode the digest covers id and secret only, so two things are the caller's: the key's
/// [`prefix`](PresentedKey::prefix) must equal the row's, byte for byte, and who can write the
/// table can plant a key. In `hmac-sha256` mode prefix, organization and secret version are under
/// the MAC, and a planted row does not verify.
pub struct Digester {
    accepted: Accepted,
}

impl Digester {
    /// Accepts and makes plain `sha256` digests.
    #[must_use]
    pub const fn sha256() -> Self {
        Self {
            accepted: Accepted::Sha256,
        }
    }

    /// Accepts and makes `hmac-sha256` digests, under the peppers of the ring.
    #[must_use]
    pub const fn hmac_sha256(peppers: PepperRing) -> Self {
        Self {
            accepted: Accepted::HmacSha256(peppers),
        }
    }

    /// Still accepts `sha256` rows while they are renewed on use; new digests stay `hmac-sha256`.
    /// Changes nothing on a digester that is `sha256` by itself.
    ///
    /// # Security
    ///
    /// As long as this is set, who can write the table can plant a `sha256` row. Drop it once no
    /// such row is left.
    #[must_use]
    pub fn also_accept_sha256(self) -> Self {
        let accepted = match self.accepted {
            Accepted::HmacSha256(peppers) => Accepted::Both(peppers),
            same @ (Accepted::Sha256 | Accepted::Both(_)) => same,
        };
        Self { accepted }
    }

    /// The digest to store for a key, in the preferred scheme and under the current pepper.
    ///
    /// # Security
    ///
    /// Copies of the secret that hashing makes are wiped.
    #[must_use]
    pub fn digest(&self, key: &PresentedKey<'_>, context: &DigestContext<'_>) -> KeyDigest {
        match &self.accepted {
            Accepted::Sha256 => KeyDigest::sha256(sha256(key)),
            Accepted::HmacSha256(peppers) | Accepted::Both(peppers) => {
                let pepper = peppers.current();
                KeyDigest::hmac_sha256(pepper.id(), hmac_sha256(pepper, key, context))
            }
        }
    }

    /// Checks a key against one stored digest.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] when the digest is another one, or its scheme or pepper is not accepted. Which
    /// of these it was is not told.
    ///
    /// # Security
    ///
    /// Takes the same time whatever the stored digest is. In `sha256` mode, compare the prefix too
    /// (see the type).
    pub fn verify(
        &self,
        key: &PresentedKey<'_>,
        context: &DigestContext<'_>,
        stored: &KeyDigest,
    ) -> Result<(), Mismatch> {
        let slot = Slot {
            secret_version: context.secret_version,
            digest: stored,
        };
        let [matched] = self.compare(key, context.org, [Some(slot)]);
        if bool::from(matched) {
            Ok(())
        } else {
            Err(Mismatch)
        }
    }

    /// Checks a key against the two secrets that its row may have, the current one and the one in
    /// its grace period, and tells which one matched.
    ///
    /// For an id that no row has, pass `[None, None]` instead of returning early.
    ///
    /// # Security
    ///
    /// An empty slot is compared with a dummy that never matches, and nothing ends early: unknown
    /// id, wrong secret, one slot or two are the same work. That is one SHA-256 in `sha256` mode,
    /// two HMACs in `hmac-sha256` mode, and all three while both are accepted. In `sha256` mode,
    /// compare the prefix too (see the type), and after this call, not before.
    #[must_use]
    pub fn verify_slots(
        &self,
        key: &PresentedKey<'_>,
        org: &[u8; 16],
        slots: [Option<Slot<'_>>; 2],
    ) -> Option<usize> {
        let [first, second] = self.compare(key, org, slots);
        let position = usize::from(first.unwrap_u8() ^ 1);
        bool::from(first | second).then_some(position)
    }

    /// Whether a digest is due for renewal: not in the preferred scheme, or not under the current
    /// pepper. Renew it after a successful verification, when the key is at hand.
    #[must_use]
    pub const fn is_obsolete(&self, stored: &KeyDigest) -> bool {
        match (&self.accepted, stored.pepper()) {
            (Accepted::Sha256, None) => false,
            (Accepted::HmacSha256(peppers) | Accepted::Both(peppers), Some(pepper)) => {
                pepper != peppers.current_id()
            }
            (Accepted::Sha256, Some(_)) | (Accepted::HmacSha256(_) | Accepted::Both(_), None) => {
                true
            }
        }
    }

    /// The scheme that new digests are made in.
    #[must_use]
    pub const fn preferred(&self) -> DigestScheme {
        match self.accepted {
            Accepted::Sha256 => DigestScheme::Sha256,
            Accepted::HmacSha256(_) | Accepted::Both(_) => DigestScheme::HmacSha256,
        }
    }

    /// The one comparison. Its work depends on the configuration and on how many slots there are.
    fn compare<const N: usize>(
        &self,
        key: &PresentedKey<'_>,
        org: &[u8; 16],
        slots: [Option<Slot<'_>>; N],
    ) -> [Choice; N] {
        match &self.accepted {
            Accepted::Sha256 => {
                let computed = sha256(key);
                slots.map(|slot| equals_plain(&computed, slot))
            }
            Accepted::HmacSha256(peppers) => {
                slots.map(|slot| equals_keyed(peppers, key, org, slot))
            }
            Accepted::Both(peppers) => {
                let computed = sha256(key);
                slots.map(|slot| {
                    equals_plain(&computed, slot) | equals_keyed(peppers, key, org, slot)
                })
            }
        }
    }
}

impl fmt::Debug for Digester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (peppers, also_sha256) = match &self.accepted {
            Accepted::Sha256 => (None, true),
            Accepted::HmacSha256(peppers) => (Some(peppers), false),
            Accepted::Both(peppers) => (Some(peppers), true),
        };
        f.debug_struct("Digester")
            .field("sha256", &also_sha256)
            .field("hmac_sha256", &peppers)
            .finish()
    }
}

/// What a digest is bound to beside the key's text.
///
/// The `sha256` scheme uses neither field.
#[derive(Clone, Copy, Debug)]
pub struct DigestContext<'a> {
    /// The organization that owns the key, as the 16 bytes of its id.
    pub org: &'a [u8; 16],
    /// Which secret of the key it is, counted up by every rotation.
    pub secret_version: u32,
}

/// One secret of a row, to be compared with.
#[derive(Clone, Copy, Debug)]
pub struct Slot<'a> {
    /// The version of the secret.
    pub secret_version: u32,
    /// Its stored digest.
    pub digest: &'a KeyDigest,
}

/// The key is not the one that was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the API key does not match")]
pub struct Mismatch;

enum Accepted {
    Sha256,
    HmacSha256(PepperRing),
    /// Prefers `hmac-sha256`.
    Both(PepperRing),
}

fn equals_plain(computed: &[u8; KeyDigest::LEN], slot: Option<Slot<'_>>) -> Choice {
    let (slot, present) = or_dummy(slot);
    let eligible = present & (slot.digest.scheme() == DigestScheme::Sha256);
    is_zero(slot.digest.difference(computed) | u64::from(!eligible))
}

fn equals_keyed(
    peppers: &PepperRing,
    key: &PresentedKey<'_>,
    org: &[u8; 16],
    slot: Option<Slot<'_>>,
) -> Choice {
    let (slot, present) = or_dummy(slot);
    let eligible = present & (slot.digest.scheme() == DigestScheme::HmacSha256);
    let id = slot.digest.pepper().unwrap_or(peppers.current_id());
    let (pepper, known) = peppers.select(id);
    let context = DigestContext {
        org,
        secret_version: slot.secret_version,
    };
    let computed = hmac_sha256(pepper, key, &context);
    is_zero(slot.digest.difference(&computed) | u64::from(!(eligible & known)))
}

/// The slot and whether there is one. Neither is secret, so both are plain values; they are joined
/// with `&` all the same, because `&&` would skip work.
fn or_dummy(slot: Option<Slot<'_>>) -> (Slot<'_>, bool) {
    (slot.unwrap_or(DUMMY), slot.is_some())
}

fn is_zero(difference: u64) -> Choice {
    difference.ct_eq(&0)
}

/// SHA-256 of id and secret: 55 bytes, the most that one compression takes.
fn sha256(key: &PresentedKey<'_>) -> [u8; KeyDigest::LEN] {
    Sha256::digest(key.id_and_secret()).into()
}

fn hmac_sha256(
    pepper: &KeyedMac,
    key: &PresentedKey<'_>,
    context: &DigestContext<'_>,
) -> [u8; KeyDigest::LEN] {
    // A prefix has at most 38 bytes, so its length is the last byte of the number.
    let [.., prefix_len] = key.prefix().len().to_be_bytes();
    let mut mac = pepper.start();
    mac.update(DOMAIN);
    mac.update(context.org);
    mac.update(&[prefix_len]);
    mac.update(key.prefix().as_bytes());
    mac.update(key.id().as_bytes());
    mac.update(&context.secret_version.to_be_bytes());
    mac.update(key.secret());
    mac.finalize().into_bytes().into()
}

/// Keeps these MACs apart from any other use of the same 32 bytes.
const DOMAIN: &[u8] = b"portcullis/v1/key-digest\0";

static DUMMY_DIGEST: KeyDigest = KeyDigest::sha256([0; KeyDigest::LEN]);

const DUMMY: Slot<'static> = Slot {
    secret_version: 0,
    digest: &DUMMY_DIGEST,
};

#[cfg(test)]
mod tests;
