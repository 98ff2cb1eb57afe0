//! One address in a header, with whatever stands around it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Why there is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeProblem {
    Malformed,
    Obfuscated,
}

/// An element of `X-Forwarded-For`, or the value of a header that holds one address: `ip`, `ip:port`,
/// `[ipv6]`, `[ipv6]:port`. The port is checked and dropped.
pub(crate) fn address(text: &[u8]) -> Result<IpAddr, NodeProblem> {
    let text = text.trim_ascii();
    // First what nearly every element is.
    if let Some(address) = parse(text) {
        return Ok(address);
    }
    node(text, is_port)
}

/// The address in one element of `Forwarded` (RFC 7239 section 4): the value of its parameter `for`.
pub(crate) fn forwarded(element: &[u8]) -> Result<IpAddr, NodeProblem> {
    let mut found = None;
    let mut rest = element;
    loop {
        rest = rest.trim_ascii_start();
        if let Some((name, value, after)) = pair(rest)? {
            if name.eq_ignore_ascii_case(b"for") && found.replace(value).is_some() {
                return Err(NodeProblem::Malformed); // twice: one of them is somebody's invention
            }
            rest = after;
        }
        match rest.trim_ascii_start() {
            [] => break,
            [b';', after @ ..] => rest = after,
            [_, ..] => return Err(NodeProblem::Malformed),
        }
    }
    match found {
        Some(value) => node(value, |port| is_port(port) || is_hidden(port)),
        None => Err(NodeProblem::Malformed),
    }
}

/// `node` of RFC 7239 section 6, with `is_port` for what may follow the colon.
fn node(text: &[u8], is_port: impl Fn(&[u8]) -> bool) -> Result<IpAddr, NodeProblem> {
    let (host, port) = match text.strip_prefix(b"[") {
        Some(bracketed) => {
            let end = position(bracketed, b']').ok_or(NodeProblem::Malformed)?;
            let (host, after) = (bracketed.get(..end), bracketed.get(end + 1..));
            let address = host.and_then(parse::<Ipv6Addr>).map(IpAddr::V6);
            let port = match after {
                None | Some([]) => None,
                Some([b':', port @ ..]) => Some(port),
                Some([_, ..]) => return Err(NodeProblem::Malformed),
            };
            (address, port)
        }
        None => match position(text, b':') {
            Some(colon) => {
                let (host, port) = (text.get(..colon), text.get(colon + 1..));
                let host = host.unwrap_or_default();
                if is_obfuscated(host) {
                    return Err(NodeProblem::Obfuscated);
                }
                (parse::<Ipv4Addr>(host).map(IpAddr::V4), port)
            }
            None if is_obfuscated(text) => return Err(NodeProblem::Obfuscated),
            None => (parse::<Ipv4Addr>(text).map(IpAddr::V4), None),
        },
    };
    match host {
        Some(address) if port.is_none_or(is_port) => Ok(address),
        Some(_) | None => Err(NodeProblem::Malformed),
    }
}

/// A name, a value without its quotes, and what follows them.
type Pair<'a> = (&'a [u8], &'a [u8], &'a [u8]);

/// The `name=value` at the start of `text`; `None` when nothing stands before the next semicolon.
fn pair(text: &[u8]) -> Result<Option<Pair<'_>>, NodeProblem> {
    if text.is_empty() || text.starts_with(b";") {
        return Ok(None);
    }
    let (name, rest) = token(text).ok_or(NodeProblem::Malformed)?;
    let rest = rest.strip_prefix(b"=").ok_or(NodeProblem::Malformed)?;
    let value = match rest.strip_prefix(b"\"") {
        Some(quoted) => quoted_string(quoted),
        None => token(rest),
    };
    let (value, after) = value.ok_or(NodeProblem::Malformed)?;
    Ok(Some((name, value, after)))
}

/// `token` of RFC 9110 section 5.6.2, and what follows.
fn token(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| !is_token_byte(*byte));
    let end = end.unwrap_or(text.len());
    if end == 0 {
        return None;
    }
    text.split_at_checked(end)
}

/// The rest of a `quoted-string` of RFC 9110 section 5.6.4, up to the closing quote, and what
/// follows that. Escapes are left in: no address has one.
fn quoted_string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut escaped = false;
    let end = text.iter().position(|byte| {
        let closes = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        closes
    })?;
    let value = text.get(..end)?;
    let visible = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
    value
        .iter()
        .all(visible)
        .then_some((value, text.get(end + 1..)?))
}

/// Whether a proxy says here that it does not tell: `unknown`, or `_` and a name.
fn is_obfuscated(text: &[u8]) -> bool {
    text.eq_ignore_ascii_case(b"unknown") || is_hidden(text)
}

/// `obfnode` and `obfport` of RFC 7239 section 6.
fn is_hidden(text: &[u8]) -> bool {
    let named = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    matches!(text, [b'_', name @ ..] if !name.is_empty() && name.iter().all(named))
}

fn is_port(text: &[u8]) -> bool {
    let digits = (1..=5).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    digits && parse::<u16>(text).is_some()
}

pub(crate) const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

fn parse<T: FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn position(text: &[u8], wanted: u8) -> Option<usize> {
    text.iter().position(|byte| *byte == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_checked_and_dropped() {
        for text in ["203.0.113.9:1", "203.0.113.9:65535", "203.0.113.9:00080"] {
            assert_eq!(
                address(text.as_bytes()),
                Ok([203, 0, 113, 9].into()),
                "{text}"
            );
        }
        for text in [
            "203.0.113.9:",
            "203.0.113.9:65536",
            "203.0.113.9:+80",
            "203.0.113.9:8 0",
            "203.0.113.9:_hidden",
            "203.0.113.9:80:80",
            "[2001:db8::1]:",
            "[2001:db8::1]80",
            "[2001:db8::1",
            "[203.0.113.9]:80",
        ] {
            let problem = Err(NodeProblem::Malformed);
            assert_eq!(address(text.as_bytes()), problem, "{text}");
        }
    }

    #[test]
    fn a_forwarded_element_has_one_for_however_it_is_quoted() {
        for text in [
            "for=203.0.113.9",
            "For=\"203.0.113.9\"",
            "FOR=\"203.0.113.9:51234\"",
            "for=\"203.0.113.9:_p.1\"",
            "proto=https;for=203.0.113.9;by=10.0.0.1",
            "host=\"a,b;for=192.0.2.1\\\"\";for=203.0.113.9",
            ";for=203.0.113.9;",
            "for=203.0.113.9; proto=https ; by=_gw",
        ] {
            let found = forwarded(text.as_bytes());
            assert_eq!(found, Ok([203, 0, 113, 9].into()), "{text}");
        }
        for text in [
            "",
            "for",
            "for=",
            "for=\"\"",
            "203.0.113.9",
            "proto=https",
            "for=203.0.113.9;for=192.0.2.1",
            "for=203.0.113.9:51234",
            "for=[2001:db8::1]",
            "for=\"2001:db8::1\"",
            "for=\"203.0.113.9",
            "for=\"203.0.113\\.9\"",
            "for=\"203.0.113.9\"x",
            "for = 203.0.113.9",
            "for=203.0.113.9 192.0.2.1",
        ] {
            let problem = Err(NodeProblem::Malformed);
            assert_eq!(forwarded(text.as_bytes()), problem, "{text}");
        }
    }
}
