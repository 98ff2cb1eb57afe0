//! A sealed record: its bytes, its text, and what its header says.

mod header;
mod record_type;
mod text;

use std::fmt;

pub(crate) use self::header::Prefix;
pub use self::header::{Header, MalformedRecord};
pub use self::record_type::RecordType;

/// A sealed record, format version 1, well-formed by construction.
///
/// Well-formed says nothing about who made it: only [`open`](crate::open) does.
///
/// It holds no plaintext and no secret, so it may be copied, compared and stored. What it belongs to
/// stands in the row beside it, not in the record.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedRecord {
    header: Header,
    bytes: Vec<u8>,
}

impl SealedRecord {
    /// The most bytes that one record seals: 64 KiB.
    pub const MAX_PLAINTEXT: usize = 65_536;

    /// Reads the binary form.
    ///
    /// # Errors
    ///
    /// [`MalformedRecord`] for anything that [`as_bytes`](Self::as_bytes) does not return: above all
    /// a plaintext, which is refused by name and never accepted as "not sealed yet".
    pub fn parse(bytes: &[u8]) -> Result<Self, MalformedRecord> {
        Self::from_vec(bytes.to_vec())
    }

    /// Reads the text form.
    ///
    /// # Errors
    ///
    /// [`MalformedRecord`] for any text that [`to_text`](Self::to_text) does not return: another
    /// spelling of the same bytes too, and a version that is not the header's.
    pub fn from_text(text: &str) -> Result<Self, MalformedRecord> {
        text::parse(text)
    }

    /// The binary form.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The text form, `pcs1:{key version}:{base64url}`: an operator sees under which version of its
    /// key a record was sealed.
    #[must_use]
    pub fn to_text(&self) -> String {
        text::write(self)
    }

    /// What the record says about itself: enough to find the key, and to tell which records wait for
    /// a rotation, without opening any.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Whether bytes begin as a sealed record does, of whatever version, in either form.
    pub(crate) fn resembles(bytes: &[u8]) -> bool {
        header::resembles(bytes) || text::resembles(bytes)
    }

    fn from_vec(bytes: Vec<u8>) -> Result<Self, MalformedRecord> {
        let header = Header::parse(&bytes)?;
        Ok(Self { header, bytes })
    }

    /// Joins a header and the bytes that begin with it.
    pub(crate) fn assemble(header: Header, bytes: Vec<u8>) -> Self {
        Self { header, bytes }
    }

    /// The header, as it stands in the record.
    pub(crate) fn header_bytes(&self) -> &[u8] {
        self.bytes.get(..Header::LEN).unwrap_or_default()
    }

    /// Ciphertext and tag.
    pub(crate) fn body(&self) -> &[u8] {
        self.bytes.get(Header::LEN..).unwrap_or_default()
    }
}

impl fmt::Debug for SealedRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SealedRecord").field(&self.header).finish()
    }
}

/// The bytes of an AES-GCM-SIV tag.
pub(crate) const TAG_LEN: usize = 16;

#[cfg(test)]
mod tests;
