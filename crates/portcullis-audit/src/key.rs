//! The keys that sign and verify heads: Ed25519 (RFC 8032), named as C2SP signed notes name them.

use std::fmt;

use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::Origin;

/// Signs heads. The key's name in a note is the origin of the log, so one signer serves all logs of a gateway.
pub trait Signer: Send + Sync {
    /// The public key (RFC 8032 section 5.1.5).
    fn public_key(&self) -> [u8; 32];

    /// The Ed25519 signature of `message`.
    ///
    /// # Errors
    /// The key cannot be used at the moment; nothing is appended then.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SigningFailed>;
}

/// A signer did not sign. Opaque: why is for the signer's own log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("the head was not signed; nothing was appended; see to the signing key and try again")]
pub struct SigningFailed;

/// The default [`Signer`]: an Ed25519 key in memory.
///
/// # Security
/// Wiped on drop; not `Clone`, and `Debug` shows the public key only. Whoever has it can forge what lies after the last
/// head that somebody else keeps.
///
/// ```compile_fail,E0599
/// let signer = portcullis_audit::Ed25519Signer::from_seed(&[7; 32]);
/// let copy = signer.clone();
/// ```
/// ```compile_fail,E0277
/// println!("{}", portcullis_audit::Ed25519Signer::from_seed(&[7; 32]));
/// ```
pub struct Ed25519Signer(SigningKey);

impl Ed25519Signer {
    /// The key of a seed: 32 bytes of a CSPRNG, the private key of RFC 8032 section 5.1.5.
    ///
    /// # Security
    /// The seed is copied; wiping the original is up to the caller.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }
}

impl Signer for Ed25519Signer {
    fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SigningFailed> {
        use ed25519_dalek::Signer as _;
        Ok(self.0.sign(message).to_bytes())
    }
}

impl fmt::Debug for Ed25519Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ed25519Signer(")?;
        for byte in self.public_key() {
            write!(f, "{byte:02x}")?;
        }
        f.write_str(")")
    }
}

/// Verifies the heads of one log: its origin and a public key.
///
/// Its text is the verifier key of Go's `sumdb/note` and of C2SP: `{origin}+{key id}+{base64 of 0x01 ‖ key}`.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: Origin,
    key: VerifyingKey,
    id: [u8; 4],
}

impl VerifierKey {
    /// The key of `signer` for one log.
    ///
    /// # Errors
    /// The signer's public key is no point of the curve, or a weak one.
    pub fn of(name: Origin, signer: &dyn Signer) -> Result<Self, InvalidKey> {
        Self::new(name, &signer.public_key())
    }

    /// A public key for one log.
    ///
    /// # Errors
    /// The bytes are no point of the curve, or one of small order, under which anything can be signed.
    pub fn new(name: Origin, public_key: &[u8; 32]) -> Result<Self, InvalidKey> {
        let key = VerifyingKey::from_bytes(public_key).map_err(|_| InvalidKey)?;
        if key.is_weak() {
            return Err(InvalidKey);
        }
        let id = key_id(&name, public_key);
        Ok(Self { name, key, id })
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// Another form, another algorithm than Ed25519, or a key id that is not that of name and key.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let mut parts = text.splitn(3, '+');
        let [Some(name), Some(_id), Some(key)] = [parts.next(), parts.next(), parts.next()] else {
            return Err(InvalidKey);
        };
        let name = Origin::new(name).map_err(|_| InvalidKey)?;
        let mut bytes = [0; 33];
        let (&algorithm, key) = Base64::decode(key, &mut bytes)
            .ok()
            .and_then(<[u8]>::split_first)
            .ok_or(InvalidKey)?;
        let key = key.try_into().map_err(|_| InvalidKey)?;
        let parsed = Self::new(name, key)?;
        // The id, and its one spelling.
        (algorithm == ED25519 && parsed.to_string() == text)
            .then_some(parsed)
            .ok_or(InvalidKey)
    }

    /// The log whose heads it verifies.
    #[must_use]
    pub fn name(&self) -> &Origin {
        &self.name
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    pub(crate) fn id(&self) -> [u8; 4] {
        self.id
    }

    /// Strict verification: no malleable signature, no small-order point.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = Signature::from_bytes(signature);
        self.key.verify_strict(message, &signature).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+", self.name)?;
        for byte in self.id {
            write!(f, "{byte:02x}")?;
        }
        let mut key = vec![ED25519];
        key.extend_from_slice(self.key.as_bytes());
        write!(f, "+{}", Base64::encode_string(&key))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

/// A text or a point that is no verifier key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a verifier key: expected origin, key id and base64 of an Ed25519 key, joined by `+`")]
pub struct InvalidKey;

/// `SHA-256(name ‖ 0x0a ‖ 0x01 ‖ key)[..4]` (C2SP signed-note, "Signatures").
pub(crate) fn key_id(name: &Origin, public_key: &[u8; 32]) -> [u8; 4] {
    let digest = Sha256::new()
        .chain_update(name.as_str())
        .chain_update([b'\n', ED25519])
        .chain_update(public_key)
        .finalize();
    let mut id = [0; 4];
    for (to, from) in id.iter_mut().zip(digest) {
        *to = from;
    }
    id
}

/// The signature type of Ed25519 in signed notes.
const ED25519: u8 = 0x01;
