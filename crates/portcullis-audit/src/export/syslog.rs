//! The syslog protocol (RFC 5424).

mod facility;
mod framing;
mod message;

pub use facility::Facility;
pub use framing::Framing;

use super::Disclosure;
use message::message;

/// How records become syslog messages.
///
/// The structured data `audit@…` holds the fields of the record and the private fields that are disclosed; the free-form part
/// is the entry itself, byte for byte, so that its hash can be checked where it arrives. The host is the one that the name of
/// the log begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Syslog {
    enterprise: u32,
    facility: Facility,
    framing: Framing,
    longest: usize,
}

impl Syslog {
    /// The least that [`Syslog::longest`] sets: what every receiver over TLS takes (RFC 5425 section 4.3.1).
    pub const MIN_LONGEST: usize = 2_048;

    /// Messages of [`Facility::Audit`], at most 8,192 bytes long: what receivers over TLS should take.
    ///
    /// `enterprise` is your own private enterprise number, as IANA assigned it (RFC 5424 section 7.2.2): it makes the name of
    /// the structured data yours. The number 32473 is for documentation.
    #[must_use]
    pub const fn new(enterprise: u32, framing: Framing) -> Self {
        Self {
            enterprise,
            facility: Facility::Audit,
            framing,
            longest: 8_192,
        }
    }

    /// Under another facility.
    #[must_use]
    pub const fn facility(self, facility: Facility) -> Self {
        Self { facility, ..self }
    }

    /// At most so many bytes, without the framing, and no less than [`Syslog::MIN_LONGEST`].
    ///
    /// A receiver cuts what is longer for it. Here a longer message leaves out the entry, and if it must the private fields
    /// too; the parameter `leftOut` says so. The place in the log and the leaf hash are always there.
    #[must_use]
    pub const fn longest(self, bytes: usize) -> Self {
        let longest = if bytes < Self::MIN_LONGEST {
            Self::MIN_LONGEST
        } else {
            bytes
        };
        Self { longest, ..self }
    }

    pub(super) fn export(&self, disclosure: &Disclosure<'_>) -> Vec<u8> {
        let fits = |message: &Vec<u8>| message.len() <= self.longest;
        let whole = message(self, disclosure, None);
        let message = Some(whole)
            .filter(fits)
            .or_else(|| Some(message(self, disclosure, Some("entry"))).filter(fits))
            .unwrap_or_else(|| {
                let closed = Disclosure::closed(disclosure.record());
                message(self, &closed, Some("entry,private"))
            });
        self.framing.frame(message)
    }
}
