//! The formats of other systems, behind one type.

use super::{Disclosure, Syslog, cef, csv, ecs, ocsf};

/// A format for records that leave the gateway.
///
/// What [`Format::export`] returns for one record after another is a stream of that format; nothing has to be put in
/// between. A record is one line, whatever its texts hold. It names its log and sequence, so that a second copy is known as
/// one, and its leaf hash, so that a copy can be held against a signed head.
///
/// ```
/// use portcullis_audit::*;
/// # let signer = Ed25519Signer::from_seed(&[1; 32]);
/// # let head = Head::create(Origin::system("gate.example")?, &signer)?;
/// # let event = Event::new(Timestamp::from_micros(0), Actor::System, Action::NodeStarted, Target::Instance);
/// # let entry = head.append(&[event], &mut getrandom::SysRng, &signer)?.entries.remove(0);
/// let record = Record::parse(&entry.bytes)?;
/// let line = Format::Cef.export(&Disclosure::new(&record, &entry.openings)?);
/// assert!(line.starts_with(b"CEF:0|Portcullis|Portcullis|"));
/// assert!(String::from_utf8(line)?.contains("|node.started|Node started|1|rt=0 externalId=0 "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Common Event Format, version 0 of the header. Lines end with LF.
    Cef,
    /// Comma-separated values (RFC 4180) in UTF-8, with cells that no spreadsheet takes for formulas. Lines end with CRLF.
    Csv,
    /// Elastic Common Schema 8.17, JSON. Lines end with LF.
    Ecs,
    /// Open Cybersecurity Schema Framework 1.8.0, JSON. Lines end with LF.
    Ocsf,
    /// The syslog protocol (RFC 5424), framed as the receiver wants it.
    Syslog(Syslog),
}

impl Format {
    /// The name of the format: a [`Word`](crate::Word), to be recorded with [`Exported`](crate::Exported).
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Cef => "cef",
            Self::Csv => "csv",
            Self::Ecs => "ecs",
            Self::Ocsf => "ocsf",
            Self::Syslog(_) => "syslog",
        }
    }

    /// What stands before the first record of a file: the names of the columns for [`Format::Csv`], nothing else.
    #[must_use]
    pub fn header(&self) -> Vec<u8> {
        match self {
            Self::Csv => csv::header(),
            Self::Cef | Self::Ecs | Self::Ocsf | Self::Syslog(_) => Vec::new(),
        }
    }

    /// One record.
    ///
    /// # Security
    /// Holds every private field that the [`Disclosure`] holds: what is exported cannot be erased here any more.
    #[must_use]
    pub fn export(&self, disclosure: &Disclosure<'_>) -> Vec<u8> {
        match self {
            Self::Cef => cef::export(disclosure),
            Self::Csv => csv::export(disclosure),
            Self::Ecs => ecs::export(disclosure),
            Self::Ocsf => ocsf::export(disclosure),
            Self::Syslog(syslog) => syslog.export(disclosure),
        }
    }
}
