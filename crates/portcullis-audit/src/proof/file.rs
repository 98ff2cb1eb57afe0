//! `c2sp.org/tlog-proof@v1`: one text file that proves one record, offline.

use std::fmt::Write as _;

use crate::checkpoint::number;
use crate::verify::Header;
use crate::{Checkpoint, Hash, VerifierKey};

/// One record's proof: its place, its path to the root, and the signed head. To be kept beside the record as a
/// `.tlog-proof` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofFile {
    index: u64,
    path: Vec<Hash>,
    checkpoint: Checkpoint,
}

impl ProofFile {
    /// The proof of record `index`, with a path that was made by [`ProofPlan::inclusion`](crate::ProofPlan::inclusion)
    /// for the size of this head.
    #[must_use]
    pub const fn new(index: u64, path: Vec<Hash>, checkpoint: Checkpoint) -> Self {
        Self {
            index,
            path,
            checkpoint,
        }
    }

    /// The text of the file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{MAGIC}\nindex {}\n", self.index);
        for hash in &self.path {
            text.push_str(&hash.base64());
            text.push('\n');
        }
        // A note is text.
        let _written = write!(
            text,
            "\n{}",
            String::from_utf8_lossy(self.checkpoint.note())
        );
        text
    }

    /// Verifies that `entry` is in the log, by the file and the log's keys. Extra data are ignored: nothing signs them.
    ///
    /// # Errors
    /// [`InvalidProof`]: opaque; there is nothing in the record or the file that could be trusted then.
    pub fn verify(text: &[u8], entry: &[u8], keys: &[VerifierKey]) -> Result<Self, InvalidProof> {
        let proof = Self::parse(text, keys).ok_or(InvalidProof)?;
        let included = proof
            .checkpoint
            .includes(proof.index, &Hash::leaf(entry), &proof.path);
        // The entry names its log and place; a root that covers another claim is a forgery by the log itself.
        let in_place = Header::parse(entry).is_some_and(|header| {
            header.seq == proof.index && header.log == proof.checkpoint.origin().as_str()
        });
        (included && in_place).then_some(proof).ok_or(InvalidProof)
    }

    /// Which record.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The head that covers it.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    fn parse(text: &[u8], keys: &[VerifierKey]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (proof, note) = text.split_once("\n\n")?;
        let checkpoint = Checkpoint::verify(note.as_bytes(), keys).ok()?;
        let mut lines = proof.split('\n');
        (lines.next()? == MAGIC).then_some(())?;
        let mut line = lines.next()?;
        if line.starts_with("extra ") {
            line = lines.next()?;
        }
        let index = number(line.strip_prefix("index ")?)?;
        let path = lines.map(Hash::from_base64).collect::<Option<_>>()?;
        Some(Self {
            index,
            path,
            checkpoint,
        })
    }
}

/// A proof that proves nothing: the record is not the one, or the file was changed, or the keys are not the log's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the proof does not show that this record is in a log of these keys")]
pub struct InvalidProof;

const MAGIC: &str = "c2sp.org/tlog-proof@v1";
