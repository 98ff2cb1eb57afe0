//! A record in its own words: what other schemas have no attributes for.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Disclosure, json, mapping};
use crate::{Hash, Record};

/// A record in its own words, with its place in the log. Private fields are here only where the schema has no attribute for
/// them.
#[derive(Serialize)]
pub(super) struct Audit<'a> {
    action: &'static str,
    actor: Party<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Box<RawValue>>,
    leaf: String,
    log: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev: Option<String>,
    seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    target: Party<'a>,
}

impl<'a> Audit<'a> {
    /// `entry` is the record's bytes.
    pub(super) fn of(record: &'a Record, entry: &[u8]) -> Self {
        Self {
            action: record.action().word(),
            actor: Party {
                id: mapping::actor_id(record.actor()),
                kind: record.actor().kind(),
                name: None,
                version: None,
            },
            address: None,
            details: json::details(record.action()),
            leaf: Hash::leaf(entry).to_string(),
            log: record.log().as_str(),
            note: None,
            outcome: record.outcome().as_str(),
            prev: record.prev().map(ToString::to_string),
            seq: record.seq(),
            subject: None,
            target: Party {
                id: mapping::target_id(record.target()),
                kind: record.target().kind(),
                name: None,
                version: mapping::target_version(record.target()),
            },
        }
    }

    /// With private fields that have no other place.
    pub(super) fn telling(self, private: Private<'a>) -> Self {
        Self {
            actor: Party {
                name: private.actor,
                ..self.actor
            },
            address: private.address,
            note: private.note,
            subject: private.subject,
            ..self
        }
    }
}

/// Private fields that an event has not told yet.
#[derive(Default)]
pub(super) struct Private<'a> {
    pub(super) actor: Option<&'a str>,
    pub(super) address: Option<String>,
    pub(super) note: Option<&'a str>,
    pub(super) subject: Option<&'a str>,
}

impl<'a> Private<'a> {
    pub(super) fn of(disclosure: &Disclosure<'a>) -> Self {
        Self {
            actor: disclosure.actor(),
            address: disclosure.address().map(|ip| ip.to_string()),
            note: disclosure.note(),
            subject: disclosure.subject(),
        }
    }
}

/// Who acted, or to what it was done.
#[derive(Serialize)]
struct Party<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
}
