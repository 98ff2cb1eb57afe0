//! Signed heads: what a log was at one size, as a C2SP checkpoint inside a C2SP signed note.

mod note;

use crate::key::key_id;
use crate::{Count, Hash, Origin, Signer, SigningFailed, VerifierKey};

use note::Note;

/// A signed head whose signature was verified: the log's origin, how many records it had, and the root of its tree.
///
/// There is no other way to have one than [`Checkpoint::verify`] and signing it. Its bytes are what is kept outside of the
/// database: `c2sp.org/tlog-checkpoint` in a `c2sp.org/signed-note`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: Origin,
    size: u64,
    root: Hash,
    note: Box<[u8]>,
}

impl Checkpoint {
    /// Reads a signed note and verifies it by the keys that are known.
    ///
    /// Signatures of unknown keys are ignored; of known keys every one must be right, and there must be one whose name is
    /// the origin that was signed. Extension lines are ignored.
    ///
    /// # Errors
    /// [`InvalidCheckpoint`] otherwise.
    pub fn verify(note: &[u8], keys: &[VerifierKey]) -> Result<Self, InvalidCheckpoint> {
        let parsed = Note::parse(note).ok_or(InvalidCheckpoint::Form)?;
        let (origin, size, root) = body(parsed.text).ok_or(InvalidCheckpoint::Form)?;
        // A name in a signature line is not signed. The origin is: it must be the key's.
        let keys = || keys.iter().filter(|key| *key.name() == origin);
        let mut verified = false;
        for signature in &parsed.signatures {
            let of_key = |key: &&VerifierKey| {
                key.name().as_str() == signature.name && key.id() == signature.id
            };
            for key in keys().filter(of_key) {
                let bytes = signature.bytes.as_slice().try_into();
                let bytes = bytes.map_err(|_| InvalidCheckpoint::Signature)?;
                if !key.verifies(parsed.text.as_bytes(), bytes) {
                    return Err(InvalidCheckpoint::Signature);
                }
                verified = true;
            }
        }
        if !verified {
            return Err(InvalidCheckpoint::Unsigned);
        }
        Ok(Self {
            origin,
            size,
            root,
            note: note.into(),
        })
    }

    /// Signs a head.
    ///
    /// # Errors
    /// The signer did not sign.
    pub(crate) fn sign(
        origin: Origin,
        size: u64,
        root: Hash,
        signer: &dyn Signer,
    ) -> Result<Self, SigningFailed> {
        let text = format!("{origin}\n{size}\n{}\n", root.base64());
        let signature = signer.sign(text.as_bytes())?;
        let id = key_id(&origin, &signer.public_key());
        let note = note::write(&text, origin.as_str(), id, &signature);
        Ok(Self {
            origin,
            size,
            root,
            note: note.into_bytes().into(),
        })
    }

    /// The log.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// How many records the log had.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root of its tree.
    #[must_use]
    pub const fn root(&self) -> &Hash {
        &self.root
    }

    /// The signed note: UTF-8 text, to be kept byte for byte.
    #[must_use]
    pub const fn note(&self) -> &[u8] {
        &self.note
    }
}

/// The signed notes in a file that keeps several, one after another with an empty line behind each; one note is such a file,
/// too. None of them is verified yet.
pub fn notes(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = file;
    std::iter::from_fn(move || {
        // An empty line parts text and signatures, and the next one ends the note.
        let text = empty_line(rest)?;
        let signatures = rest.get(text + 2..)?;
        let end = empty_line(signatures).map_or(rest.len(), |end| text + 2 + end + 1);
        let note = rest.get(..end)?;
        rest = rest.get(end..)?;
        rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        Some(note)
    })
}

/// Where an empty line begins: at the end of the line before.
fn empty_line(bytes: &[u8]) -> Option<usize> {
    bytes.windows(2).position(|pair| pair == b"\n\n")
}

/// A signed head that cannot be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCheckpoint {
    /// Not a checkpoint in a signed note.
    #[error("this is no signed head of a log")]
    Form,

    /// A signature of a known key is wrong.
    #[error("the signature of the head is wrong: it was edited, or made without the signing key")]
    Signature,

    /// There is no signature of a known key for this origin.
    #[error("the head is not signed by a known key of its log")]
    Unsigned,
}

/// Origin, size, root hash, and perhaps extension lines (C2SP tlog-checkpoint, "Note text").
fn body(text: &str) -> Option<(Origin, u64, Hash)> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    let origin = Origin::new(lines.next()?).ok()?;
    let size = number(lines.next()?)?;
    let root = Hash::from_base64(lines.next()?)?;
    lines
        .all(|line| !line.is_empty())
        .then_some((origin, size, root))
}

/// A decimal number without leading zeroes that records could hold.
pub(crate) fn number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number <= Count::MAX.get() && number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests;
