//! Reading records back.

use serde::Deserialize;

use super::Record;
use crate::action::RawDetails;
use crate::event::RecordedActor;
use crate::{Action, Field, Hash, KeyId, ObjectId, Origin, Outcome, Target, Timestamp};

impl Record {
    /// Reads the bytes of an entry.
    ///
    /// # Errors
    /// [`InvalidRecord::Version`] for records of a later version, which can be verified and not read;
    /// [`InvalidRecord::Form`] for everything else: not JSON, not canonical, an unknown action or member, too long.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidRecord> {
        if bytes.len() > Self::MAX_LEN {
            return Err(InvalidRecord::Form);
        }
        let version = |raw: RawVersion| match raw.v == u64::from(Self::VERSION) {
            true => InvalidRecord::Form,
            false => InvalidRecord::Version(raw.v),
        };
        let raw: Raw<'_> = serde_json::from_slice(bytes)
            .map_err(|_| serde_json::from_slice(bytes).map_or(InvalidRecord::Form, version))?;
        if raw.v != Self::VERSION {
            return Err(InvalidRecord::Version(raw.v.into()));
        }
        let record = raw.record().ok_or(InvalidRecord::Form)?;
        // One comparison for every rule of the canonical form: order, white space, escapes, numbers, members left unread.
        if record.to_bytes() == bytes {
            Ok(record)
        } else {
            Err(InvalidRecord::Form)
        }
    }
}

/// Bytes that are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRecord {
    /// Not the canonical bytes of any record of this version.
    #[error("the bytes are no audit record")]
    Form,

    /// A record of another version of the schema.
    #[error("the record has version {0} of the schema; this program reads version 1")]
    Version(u64),
}

#[derive(Deserialize)]
struct RawVersion {
    v: u64,
}

/// The members as they stand in the JSON. Strings are borrowed: no value of a record needs an escape.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw<'a> {
    action: &'a str,
    actor: RawActor<'a>,
    at: &'a str,
    commitments: Option<RawCommitments<'a>>,
    details: Option<RawDetails<'a>>,
    log: &'a str,
    outcome: &'a str,
    prev: Option<&'a str>,
    request: Option<&'a str>,
    seq: u64,
    target: RawTarget<'a>,
    v: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawActor<'a> {
    id: Option<&'a str>,
    kind: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCommitments<'a> {
    actor: Option<&'a str>,
    address: Option<&'a str>,
    note: Option<&'a str>,
    subject: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTarget<'a> {
    id: Option<&'a str>,
    kind: &'a str,
    version: Option<u32>,
}

impl Raw<'_> {
    fn record(&self) -> Option<Record> {
        let mut outcomes = Outcome::ALL.into_iter();
        let outcome = outcomes.find(|outcome| outcome.as_str() == self.outcome)?;
        let mut commitments = [None; Field::ALL.len()];
        if let Some(raw) = &self.commitments {
            let values = [raw.actor, raw.address, raw.note, raw.subject];
            for (commitment, value) in commitments.iter_mut().zip(values) {
                *commitment = read(value, Hash::from_hex)?;
            }
        }
        Some(Record {
            log: Origin::new(self.log).ok()?,
            seq: self.seq,
            prev: read(self.prev, Hash::from_hex)?,
            at: Timestamp::parse(self.at)?,
            actor: self.actor.actor()?,
            action: Action::read(self.action, self.details.as_ref())?,
            target: self.target.target()?,
            outcome,
            request: read(self.request, |text| ObjectId::parse(text).ok())?,
            commitments,
        })
    }
}

impl RawActor<'_> {
    fn actor(&self) -> Option<RecordedActor> {
        match (self.kind, self.id) {
            ("key", Some(id)) => KeyId::parse(id).ok().map(RecordedActor::Key),
            ("operator", None) => Some(RecordedActor::Operator),
            ("stranger", None) => Some(RecordedActor::Stranger),
            ("system", None) => Some(RecordedActor::System),
            ("user", None) => Some(RecordedActor::User),
            _ => None,
        }
    }
}

impl RawTarget<'_> {
    fn target(&self) -> Option<Target> {
        let object = |id| ObjectId::parse(id).ok();
        let key = |id| KeyId::parse(id).ok();
        match (self.kind, self.id, self.version) {
            ("credential", Some(id), None) => object(id).map(Target::Credential),
            ("instance", None, None) => Some(Target::Instance),
            ("key", Some(id), None) => key(id).map(Target::Key),
            ("key_secret", Some(id), Some(version)) => {
                key(id).map(|id| Target::KeySecret(id, version))
            }
            ("organization", Some(id), None) => object(id).map(Target::Organization),
            ("project", Some(id), None) => object(id).map(Target::Project),
            _ => None,
        }
    }
}

/// Absent stays absent; what is there must be readable.
#[expect(
    clippy::option_option,
    reason = "absent is a value, unreadable is a failure"
)]
fn read<'a, T>(
    text: Option<&'a str>,
    parse: impl FnOnce(&'a str) -> Option<T>,
) -> Option<Option<T>> {
    match text {
        Some(text) => parse(text).map(Some),
        None => Some(None),
    }
}
