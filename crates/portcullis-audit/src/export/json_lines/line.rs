//! The lines as they stand in the JSON.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{Field, Hash, Opening, PrivateText, Record};

/// The members of all lines.
#[derive(Deserialize)]
pub(super) struct Line<'a> {
    #[serde(borrow)]
    pub(super) checkpoint: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) entry: Option<&'a RawValue>,
    pub(super) first: Option<u64>,
    pub(super) leaf: Option<&'a str>,
    pub(super) log: &'a str,
    pub(super) openings: Option<Openings<'a>>,
    pub(super) peaks: Option<Vec<&'a str>>,
    pub(super) seq: Option<u64>,
    pub(super) size: Option<u64>,
    pub(super) v: Option<u64>,
}

/// Nobody adds members here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Openings<'a> {
    #[serde(borrow)]
    actor: Option<RawOpening<'a>>,
    address: Option<RawOpening<'a>>,
    note: Option<RawOpening<'a>>,
    subject: Option<RawOpening<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOpening<'a> {
    salt: &'a str,
    #[serde(borrow)]
    value: Cow<'a, str>,
}

impl Openings<'_> {
    /// Whether every opening is one of the record's.
    pub(super) fn open(&self, seq: u64, entry: &[u8]) -> bool {
        let Ok(record) = Record::parse(entry) else {
            return false;
        };
        let raw = [&self.actor, &self.address, &self.note, &self.subject];
        Field::ALL.into_iter().zip(raw).all(|(field, raw)| {
            raw.as_ref().is_none_or(|raw| {
                let opening = raw.opening(seq, field);
                opening.is_some_and(|opening| record.is_opened_by(&opening))
            })
        })
    }
}

impl RawOpening<'_> {
    fn opening(&self, seq: u64, field: Field) -> Option<Opening> {
        Some(Opening {
            seq,
            field,
            salt: *Hash::from_hex(self.salt)?.as_bytes(),
            value: PrivateText::new(&self.value).ok()?,
        })
    }
}
