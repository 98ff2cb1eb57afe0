//! Reading a PROXY protocol header off the start of a connection.

use proxy_header::{ParseConfig, ProxyHeader as Decoded};

use crate::peer::ProxyHeader;

impl ProxyHeader {
    /// Reads a header of version 1 or 2 at the start of `bytes`: what it says, and how many bytes it
    /// takes. `None` when it is not complete; read more bytes and ask again.
    ///
    /// The header is made of what
    /// [the specification](https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt) allows:
    /// version 1 is one line of at most 107 bytes with single spaces and plain port numbers. TLV fields
    /// of version 2 are passed over; a header with more than 4 KiB of them is refused. Does not
    /// allocate.
    ///
    /// # Security
    /// Call it for a peer that
    /// [`AddressSource::expects_proxy_header`](crate::AddressSource::expects_proxy_header) names, and
    /// close the connection on an error: nothing behind a bad header is a request.
    ///
    /// # Errors
    /// [`InvalidProxyHeader`] when the bytes are no header, whatever may follow.
    pub fn read(bytes: &[u8]) -> Result<Option<(Self, usize)>, InvalidProxyHeader> {
        if starts_like(bytes, V2_SIGNATURE) {
            read_v2(bytes)
        } else if starts_like(bytes, V1_START) {
            read_v1(bytes)
        } else {
            Err(InvalidProxyHeader)
        }
    }
}

/// The start of a connection is no PROXY protocol header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection does not start with a PROXY protocol header")]
pub struct InvalidProxyHeader;

type Read = Result<Option<(ProxyHeader, usize)>, InvalidProxyHeader>;

fn read_v1(bytes: &[u8]) -> Read {
    let window = bytes.get(..V1_MAX).unwrap_or(bytes);
    let Some(end) = window.windows(2).position(|pair| pair == b"\r\n") else {
        return incomplete(window.len() < V1_MAX);
    };
    let line = window.get(..end).unwrap_or_default();
    // The parser takes any byte for the first space, signs and leading zeros in ports, and any end of
    // `UNKNOWN`.
    if !is_strict_line(line) {
        return Err(InvalidProxyHeader);
    }
    let (header, length) = decode(window)?;
    let said = source(&header).unwrap_or(ProxyHeader::Unknown);
    Ok(Some((said, length)))
}

fn read_v2(bytes: &[u8]) -> Read {
    let Some((start, _)) = bytes.split_first_chunk::<V2_FIXED>() else {
        return Ok(None);
    };
    let [.., command, _, high, low] = *start;
    let length = V2_FIXED + usize::from(u16::from_be_bytes([high, low]));
    if length > V2_MAX {
        return Err(InvalidProxyHeader);
    }
    let Some(whole) = bytes.get(..length) else {
        return Ok(None);
    };
    let (header, length) = decode(whole)?;
    let said = if command & 0x0f == V2_LOCAL {
        ProxyHeader::Local
    } else {
        source(&header).unwrap_or(ProxyHeader::Unknown)
    };
    Ok(Some((said, length)))
}

/// `PROXY TCP4 src dst sport dport`, or `PROXY UNKNOWN` and anything after a space.
fn is_strict_line(line: &[u8]) -> bool {
    let mut fields = line.split(|byte| *byte == b' ');
    if fields.next() != Some(b"PROXY") {
        return false;
    }
    match fields.next() {
        Some(b"UNKNOWN") => true,
        Some(b"TCP4" | b"TCP6") => {
            let ports = fields.clone().skip(2);
            fields.count() == 4 && ports.into_iter().all(is_plain_port)
        }
        Some(_) | None => false,
    }
}

fn is_plain_port(text: &[u8]) -> bool {
    let plain = text == b"0" || !text.starts_with(b"0");
    plain && !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

fn decode(bytes: &[u8]) -> Result<(Decoded<'_>, usize), InvalidProxyHeader> {
    let config = ParseConfig {
        include_tlvs: false,
        allow_v1: true,
        allow_v2: true,
    };
    Decoded::parse(bytes, config).map_err(|_| InvalidProxyHeader)
}

fn source(header: &Decoded<'_>) -> Option<ProxyHeader> {
    let address = header.proxied_address()?.source.ip();
    Some(ProxyHeader::Source(address))
}

const fn incomplete(may_grow: bool) -> Read {
    if may_grow {
        Ok(None)
    } else {
        Err(InvalidProxyHeader)
    }
}

/// Whether the two agree as far as both go.
fn starts_like(bytes: &[u8], start: &[u8]) -> bool {
    bytes.iter().zip(start).all(|(a, b)| a == b)
}

const V1_START: &[u8] = b"PROXY ";
const V2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const V2_LOCAL: u8 = 0;

/// Signature, version and command, family and protocol, length.
const V2_FIXED: usize = 16;

/// The longest line of version 1, its end included.
const V1_MAX: usize = 107;

/// What is buffered for a header of version 2. The format would allow 64 KiB.
const V2_MAX: usize = 4096;

#[cfg(test)]
mod tests;
