//! What an export may tell.

use std::net::IpAddr;

use crate::{Field, Opening, PrivateText, Record};

/// A record, with the private fields that may be told.
///
/// A field whose opening is not given is absent from every format, as if the record had never had it: that is how an export
/// looks after an erasure.
#[derive(Clone, Debug)]
pub struct Disclosure<'a> {
    record: &'a Record,
    actor: Option<&'a PrivateText>,
    address: Option<IpAddr>,
    note: Option<&'a PrivateText>,
    subject: Option<&'a PrivateText>,
}

impl<'a> Disclosure<'a> {
    /// The record without any private field.
    #[must_use]
    pub const fn closed(record: &'a Record) -> Self {
        Self {
            record,
            actor: None,
            address: None,
            note: None,
            subject: None,
        }
    }

    /// The record with the private fields that these openings open. To leave one out is to give no opening for it.
    ///
    /// # Errors
    /// An opening is not what the record committed to: the side table was changed, or the opening is another record's.
    pub fn new(
        record: &'a Record,
        openings: impl IntoIterator<Item = &'a Opening>,
    ) -> Result<Self, WrongOpening> {
        let mut disclosure = Self::closed(record);
        for opening in openings {
            disclosure.open(opening)?;
        }
        Ok(disclosure)
    }

    fn open(&mut self, opening: &'a Opening) -> Result<(), WrongOpening> {
        let Opening { field, value, .. } = opening;
        let wrong = WrongOpening {
            seq: self.record.seq(),
            field: *field,
        };
        if !self.record.is_opened_by(opening) {
            return Err(wrong);
        }
        match field {
            Field::Actor => self.actor = Some(value),
            Field::Address => self.address = Some(value.expose().parse().map_err(|_| wrong)?),
            Field::Note => self.note = Some(value),
            Field::Subject => self.subject = Some(value),
        }
        Ok(())
    }

    /// The record.
    #[must_use]
    pub const fn record(&self) -> &'a Record {
        self.record
    }

    pub(super) fn actor(&self) -> Option<&'a str> {
        self.actor.map(PrivateText::expose)
    }

    pub(super) const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    pub(super) fn note(&self) -> Option<&'a str> {
        self.note.map(PrivateText::expose)
    }

    pub(super) fn subject(&self) -> Option<&'a str> {
        self.subject.map(PrivateText::expose)
    }
}

/// An opening that does not open a field of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {seq} did not commit to this value of the field {field}")]
pub struct WrongOpening {
    seq: u64,
    field: Field,
}
