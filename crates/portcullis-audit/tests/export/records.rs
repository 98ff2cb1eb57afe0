//! Records to export.

use std::convert::Infallible;

use portcullis_audit::*;
use rand_core::{TryCryptoRng, TryRng};

use crate::tools::{origin, signer};

/// A record and what opens it.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    pub(crate) record: Record,
    pub(crate) openings: Vec<Opening>,
}

impl Sealed {
    pub(crate) fn open(&self) -> Disclosure<'_> {
        Disclosure::new(&self.record, &self.openings).unwrap()
    }

    pub(crate) fn uid(&self) -> String {
        format!("{}:{}", self.record.log(), self.record.seq())
    }
}

/// The records of these events, the same each time.
pub(crate) fn sealed(events: &[Event]) -> Vec<Sealed> {
    let head = Head::create(origin(), &signer()).unwrap();
    let batch = head.append(events, &mut Predictable(0), &signer()).unwrap();
    let read = |entry: Entry| Sealed {
        record: Record::parse(&entry.bytes).unwrap(),
        openings: entry.openings,
    };
    batch.entries.into_iter().map(read).collect()
}

/// An event that has every private field, with these texts in them.
pub(crate) fn told(action: Action, actor: &str, note: &str, subject: &str) -> Event {
    let text = |text| PrivateText::new(text).unwrap();
    let at = Timestamp::from_micros(1_795_330_515_123_456);
    let target = Target::Organization(ObjectId::from_bytes([7; 16]));
    Event::new(at, Actor::User(text(actor)), action, target)
        .address([192, 0, 2, 7].into())
        .note(text(note))
        .subject(text(subject))
        .request(ObjectId::from_bytes([0xab; 16]))
}

pub(crate) const SYSLOG: Syslog = Syslog::new(32_473, Framing::LineFeed).longest(65_536);

/// Every format, one message a line.
pub(crate) const FORMATS: [Format; 5] = [
    Format::Cef,
    Format::Csv,
    Format::Ecs,
    Format::Ocsf,
    Format::Syslog(SYSLOG),
];

/// Salts that are the same each time, so that records are.
struct Predictable(u8);

impl TryRng for Predictable {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for byte in bytes {
            self.0 = self.0.wrapping_add(1);
            *byte = self.0;
        }
        Ok(())
    }
}

impl TryCryptoRng for Predictable {}
