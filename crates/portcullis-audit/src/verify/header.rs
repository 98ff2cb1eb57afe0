use serde::Deserialize;

use crate::{Hash, Record};

/// What links a record into its log. It is all that verifying needs, so records of later versions are verified too.
pub(crate) struct Header<'a> {
    pub(crate) action: &'a str,
    pub(crate) log: &'a str,
    pub(crate) prev: Option<Hash>,
    pub(crate) seq: u64,
}

impl<'a> Header<'a> {
    /// `None` for bytes that are no record of any version.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len() > Record::MAX_LEN {
            return None;
        }
        let raw: Raw<'_> = serde_json::from_slice(bytes).ok()?;
        let prev = match raw.prev {
            Some(digits) => Some(Hash::from_hex(digits)?),
            None => None,
        };
        Some(Self {
            action: raw.action,
            log: raw.log,
            prev,
            seq: raw.seq,
        })
    }
}

/// A member that comes twice is refused.
#[derive(Deserialize)]
struct Raw<'a> {
    action: &'a str,
    log: &'a str,
    prev: Option<&'a str>,
    seq: u64,
}
