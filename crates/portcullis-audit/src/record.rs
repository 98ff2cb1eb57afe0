//! One entry of a log, in the one form it has.

mod parse;
#[cfg(test)]
mod tests;

pub use parse::InvalidRecord;

use rand_core::TryCryptoRng;

use crate::event::RecordedActor;
use crate::json::{Count, Object};
use crate::{Action, Event, Field, Hash, ObjectId, Opening, Origin, Outcome, Target, Timestamp};

/// One entry of a log: an [`Event`] with its place, its private fields replaced by commitments.
///
/// Its bytes are canonical JSON (RFC 8785), described by `spec/audit-record.schema.json`. [`Record::parse`] reads those
/// bytes and no others: what it returns is written as exactly what was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    log: Origin,
    seq: u64,
    prev: Option<Hash>,
    at: Timestamp,
    actor: RecordedActor,
    action: Action,
    target: Target,
    outcome: Outcome,
    request: Option<ObjectId>,
    commitments: [Option<Hash>; Field::ALL.len()],
}

impl Record {
    /// The version of the schema, the member `v`.
    pub const VERSION: u8 = 1;

    /// No entry is longer, in bytes. Tiles could hold 65,535.
    pub const MAX_LEN: usize = 60_000;

    /// Puts an event into its place.
    ///
    /// # Errors
    /// Whatever the random source reports.
    pub(crate) fn new<R>(
        event: &Event,
        place: Place<'_>,
        rng: &mut R,
    ) -> Result<(Self, Vec<Opening>), R::Error>
    where
        R: TryCryptoRng + ?Sized,
    {
        let openings = event.openings(place.seq, rng)?;
        let commitment = |field| {
            let of_field = openings.iter().find(|opening| opening.field == field);
            of_field.map(Opening::commitment)
        };
        let record = Self {
            log: place.log.clone(),
            seq: place.seq,
            prev: place.prev,
            at: event.at,
            actor: event.actor.recorded(),
            action: event.action.clone(),
            target: event.target,
            outcome: event.outcome,
            request: event.request,
            commitments: Field::ALL.map(commitment),
        };
        Ok((record, openings))
    }

    /// The log that it belongs to.
    #[must_use]
    pub const fn log(&self) -> &Origin {
        &self.log
    }

    /// Its place in the log: 0 for the first record, then one more for each.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// The leaf hash of the record before it; `None` for the first.
    #[must_use]
    pub const fn prev(&self) -> Option<&Hash> {
        self.prev.as_ref()
    }

    /// When it happened, by the clock of the writer.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// Who acted.
    #[must_use]
    pub const fn actor(&self) -> &RecordedActor {
        &self.actor
    }

    /// What was done.
    #[must_use]
    pub const fn action(&self) -> &Action {
        &self.action
    }

    /// To what.
    #[must_use]
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// How it ended.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The gateway's id of the request.
    #[must_use]
    pub const fn request(&self) -> Option<&ObjectId> {
        self.request.as_ref()
    }

    /// The commitment in place of a private field; `None` where the field had no value.
    #[must_use]
    pub fn commitment(&self, field: Field) -> Option<&Hash> {
        let commitments = Field::ALL.into_iter().zip(&self.commitments);
        let mut of_field = commitments.filter(|(each, _)| *each == field);
        of_field
            .next()
            .and_then(|(_, commitment)| commitment.as_ref())
    }

    /// Whether `opening` is what this record committed to.
    #[must_use]
    pub fn is_opened_by(&self, opening: &Opening) -> bool {
        opening.seq == self.seq && self.commitment(opening.field) == Some(&opening.commitment())
    }

    /// The bytes of the entry: canonical JSON.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(USUAL_LEN);
        self.write(&mut bytes);
        bytes
    }

    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        Object::write(bytes, |record| {
            record.plain("action", self.action.word().as_bytes());
            record.object("actor", |object| write_actor(object, &self.actor));
            record.plain("at", &self.at.text());
            if self.commitments.iter().any(Option::is_some) {
                record.object("commitments", |object| {
                    for (field, commitment) in Field::ALL.into_iter().zip(&self.commitments) {
                        if let Some(commitment) = commitment {
                            object.plain(field.as_str(), &commitment.hex());
                        }
                    }
                });
            }
            self.action.write_details(record);
            record.plain("log", self.log.as_str().as_bytes());
            record.plain("outcome", self.outcome.as_str().as_bytes());
            if let Some(prev) = &self.prev {
                record.plain("prev", &prev.hex());
            }
            if let Some(request) = &self.request {
                record.plain("request", &request.hyphenated());
            }
            record.integer("seq", Count::new(self.seq));
            record.object("target", |object| write_target(object, &self.target));
            record.integer("v", Count::new(Self::VERSION.into()));
        });
    }
}

/// Where a record goes.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) log: &'a Origin,
    pub(crate) seq: u64,
    pub(crate) prev: Option<Hash>,
}

fn write_actor(object: &mut Object<'_>, actor: &RecordedActor) {
    match actor {
        RecordedActor::Key(id) => object.plain("id", id.as_bytes()),
        RecordedActor::Operator
        | RecordedActor::Stranger
        | RecordedActor::System
        | RecordedActor::User => {}
    }
    object.plain("kind", actor.kind().as_bytes());
}

fn write_target(object: &mut Object<'_>, target: &Target) {
    match target {
        Target::Credential(id) | Target::Organization(id) | Target::Project(id) => {
            object.plain("id", &id.hyphenated());
        }
        Target::Key(id) | Target::KeySecret(id, _) => object.plain("id", id.as_bytes()),
        Target::Instance => {}
    }
    object.plain("kind", target.kind().as_bytes());
    if let Target::KeySecret(_, version) = target {
        object.integer("version", Count::new((*version).into()));
    }
}

/// What most records need, so that the buffer is made once.
const USUAL_LEN: usize = 640;
