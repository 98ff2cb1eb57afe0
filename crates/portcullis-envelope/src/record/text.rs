//! The text form of a sealed record: `pcs1:{key version}:{base64url}`.

use base64ct::{Base64UrlUnpadded, Encoding};

use super::{MalformedRecord, SealedRecord};
use crate::version;

pub(super) fn parse(text: &str) -> Result<SealedRecord, MalformedRecord> {
    let rest = text
        .strip_prefix(PREFIX)
        .ok_or(MalformedRecord::PlaintextRefused)?;
    let (format, rest) = rest.split_once(':').ok_or(MalformedRecord::TextSyntax)?;
    if format != FORMAT {
        // A number says that a newer version wrote it; anything else says that nobody did.
        let found = format.parse().map_err(|_| MalformedRecord::TextSyntax)?;
        return Err(MalformedRecord::UnsupportedVersion { found });
    }
    let (version, encoded) = rest.split_once(':').ok_or(MalformedRecord::TextSyntax)?;
    let version = version::parse(version).ok_or(MalformedRecord::TextSyntax)?;
    let bytes =
        Base64UrlUnpadded::decode_vec(encoded).map_err(|_| MalformedRecord::TextEncoding)?;
    let record = SealedRecord::from_vec(bytes)?;
    match record.header().key_version() {
        header if header == version => Ok(record),
        header => Err(MalformedRecord::TextVersion {
            text: version,
            header,
        }),
    }
}

pub(super) fn write(record: &SealedRecord) -> String {
    let version = record.header().key_version();
    let encoded = Base64UrlUnpadded::encode_string(record.as_bytes());
    format!("{PREFIX}{FORMAT}:{version}:{encoded}")
}

/// Whether a text begins as a record of any format version does: `pcs`, digits, a colon.
pub(super) fn resembles(text: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(PREFIX.as_bytes()) else {
        return false;
    };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0 && rest.get(digits) == Some(&b':')
}

/// What every text form begins with, in every format version.
const PREFIX: &str = "pcs";

/// The format version, as the text form writes it.
const FORMAT: &str = "1";
