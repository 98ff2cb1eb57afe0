//! Where one message ends and the next begins.

/// How the transport tells messages apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// Nothing: the transport sends each message alone, as UDP does (RFC 5426).
    Datagram,
    /// A line feed after each message: non-transparent framing of RFC 6587 section 3.4.2. No message holds one.
    LineFeed,
    /// The length in front of each message: octet counting of RFC 6587 section 3.4.1, the one form over TLS (RFC 5425
    /// section 4.3).
    OctetCounting,
}

impl Framing {
    pub(super) fn frame(self, mut message: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Datagram => message,
            Self::LineFeed => {
                message.push(b'\n');
                message
            }
            Self::OctetCounting => {
                let mut framed = format!("{} ", message.len()).into_bytes();
                framed.append(&mut message);
                framed
            }
        }
    }
}
