//! One entry of a list, read strictly.

use std::net::IpAddr;

use ipnet::IpNet;

/// Reads an address or a network in CIDR notation: `203.0.113.7`, `10.0.0.0/8`, `2001:db8::/32`.
///
/// An address alone is the network of that one address. `::ffff:10.0.0.0/104` is `10.0.0.0/8`:
/// operating systems show IPv4 clients like this on a dual-stack listener, so both sides of every
/// comparison are brought to the IPv4 form.
///
/// `IpNet::from_str` is not used: it reads `010.0.0.0/8`, which other programs take for `8.0.0.0/8`
/// (CVE-2021-29922), and keeps the host bits of `10.0.0.5/8`. The address is read by the standard
/// library, the prefix length is 1 to 3 digits without a sign or a leading zero.
///
/// ```
/// use portcullis_allowlist::{CidrProblem, parse_cidr};
///
/// assert_eq!(parse_cidr("::ffff:10.0.0.0/104")?.to_string(), "10.0.0.0/8");
/// let error = parse_cidr("10.0.0.5/8").unwrap_err();
/// assert!(error.to_string().ends_with("did you mean 10.0.0.0/8?"));
/// # Ok::<(), CidrProblem>(())
/// ```
///
/// # Errors
/// [`CidrProblem`], with the cure.
pub fn parse_cidr(text: &str) -> Result<IpNet, CidrProblem> {
    let written = Written::read(text)?;
    without_host_bits(written.network()?)
}

/// [`parse_cidr`], except that host bits are cleared: `10.0.0.5/8` is `10.0.0.0/8`.
///
/// For lists of others that are known to be written so. In a list of one's own, host bits are more
/// often a wrong prefix length than a habit.
///
/// # Errors
/// [`CidrProblem`], never [`CidrProblem::HostBits`].
pub fn parse_cidr_truncating(text: &str) -> Result<IpNet, CidrProblem> {
    Ok(Written::read(text)?.network()?.trunc())
}

/// What is wrong with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CidrProblem {
    /// Nothing is written.
    #[error(
        "an entry is an address or a network, such as 203.0.113.7 or 10.0.0.0/8; remove it or fill it in"
    )]
    Empty,
    /// White space before, after or inside.
    #[error("an entry has no white space; write one network per entry")]
    WhiteSpace,
    /// Neither an IPv4 nor an IPv6 address stands before the `/`.
    #[error(
        "not an IPv4 or IPv6 address; write all four numbers of an IPv4 address; there are no \
         wildcards, ranges, host names or ports"
    )]
    NotAnAddress,
    /// An IPv4 number starts with 0, and programs differ on whether that is octal.
    #[error(
        "an IPv4 number with a leading zero is read as octal by some programs; write it without"
    )]
    LeadingZero,
    /// An IPv6 zone (`%eth0`), which names an interface of one machine.
    #[error("a zone id such as %eth0 has no meaning in a list; leave it out")]
    ZoneId,
    /// A netmask instead of a prefix length.
    #[error("a netmask is not accepted; write a prefix length, such as /8 for /255.0.0.0")]
    Netmask,
    /// What follows the `/` is no prefix length of this family.
    #[error(
        "the prefix length is a plain number, 0 to 32 for IPv4 and 0 to 128 for IPv6, without sign \
         and leading zero"
    )]
    PrefixLength,
    /// Bits are set beyond the prefix length.
    #[error("bits are set beyond the prefix length; did you mean {suggestion}?")]
    HostBits {
        /// The network with these bits cleared.
        suggestion: IpNet,
    },
    /// An IPv4-mapped address with a prefix length below 96, which covers more than IPv4.
    #[error(
        "::ffff:a.b.c.d takes a prefix length of 96 to 128; better write the IPv4 network itself"
    )]
    MappedTooWide,
}

/// An entry as it is written, IPv4-mapped addresses brought to IPv4.
#[derive(Clone, Copy)]
pub(crate) struct Written {
    address: IpAddr,
    length: Option<u8>,
}

impl Written {
    pub(crate) fn read(text: &str) -> Result<Self, CidrProblem> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| diagnose(text, address))?;
        let length = length
            .map(|length| prefix_length(length, width(address)))
            .transpose()?;
        Self { address, length }.canonical()
    }

    /// Whether it is an address alone.
    pub(crate) const fn is_bare(self) -> bool {
        self.length.is_none()
    }

    pub(crate) fn network(self) -> Result<IpNet, CidrProblem> {
        let length = self.length.unwrap_or_else(|| width(self.address));
        IpNet::new(self.address, length).map_err(|_| CidrProblem::PrefixLength)
    }

    fn canonical(self) -> Result<Self, CidrProblem> {
        let address = self.address.to_canonical();
        if address == self.address {
            return Ok(self);
        }
        let length = match self.length {
            Some(length) => Some(length.checked_sub(96).ok_or(CidrProblem::MappedTooWide)?),
            None => None,
        };
        Ok(Self { address, length })
    }
}

pub(crate) fn without_host_bits(network: IpNet) -> Result<IpNet, CidrProblem> {
    let suggestion = network.trunc();
    if suggestion == network {
        Ok(network)
    } else {
        Err(CidrProblem::HostBits { suggestion })
    }
}

/// A network made elsewhere, as [`parse_cidr`] would have read it.
pub(crate) fn accept(network: IpNet) -> Result<IpNet, CidrProblem> {
    let written = Written {
        address: network.addr(),
        length: Some(network.prefix_len()),
    };
    without_host_bits(written.canonical()?.network()?)
}

const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn prefix_length(text: &str, width: u8) -> Result<u8, CidrProblem> {
    let digits = text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = digits && (text == "0" || !text.starts_with('0'));
    let length = plain.then(|| text.parse().ok()).flatten();
    match length {
        Some(length) if length <= width => Ok(length),
        Some(_) | None if text.parse::<IpAddr>().is_ok() => Err(CidrProblem::Netmask),
        Some(_) | None => Err(CidrProblem::PrefixLength),
    }
}

/// Why `address`, which stands before the `/` of `text`, is none.
fn diagnose(text: &str, address: &str) -> CidrProblem {
    if text.is_empty() {
        CidrProblem::Empty
    } else if text.contains(char::is_whitespace) {
        CidrProblem::WhiteSpace
    } else if address.contains('%') {
        CidrProblem::ZoneId
    } else if without_leading_zeros(address).parse::<IpAddr>().is_ok() {
        CidrProblem::LeadingZero
    } else {
        CidrProblem::NotAnAddress
    }
}

/// `address` with the leading zeros of its dotted part removed.
fn without_leading_zeros(address: &str) -> String {
    let (head, dotted) = match address.rsplit_once(':') {
        Some((head, dotted)) => (format!("{head}:"), dotted),
        None => (String::new(), address),
    };
    let numbers = dotted.split('.').map(|number| {
        let trimmed = number.trim_start_matches('0');
        if trimmed.is_empty() && !number.is_empty() {
            "0"
        } else {
            trimmed
        }
    });
    head + &numbers.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_bits_are_an_error_that_quotes_the_masked_form() {
        for (text, suggestion) in [
            ("10.0.0.5/8", "10.0.0.0/8"),
            ("1.2.3.4/0", "0.0.0.0/0"),
            ("2001:db8::1/64", "2001:db8::/64"),
            ("::ffff:10.0.0.5/104", "10.0.0.0/8"),
        ] {
            let error = parse_cidr(text).unwrap_err();
            assert!(
                error
                    .to_string()
                    .contains(&format!("did you mean {suggestion}?")),
                "{error}"
            );
            assert_eq!(parse_cidr(suggestion).unwrap().to_string(), suggestion);
            assert_eq!(parse_cidr_truncating(text).unwrap().to_string(), suggestion);
        }
    }

    #[test]
    fn truncating_forgives_nothing_but_host_bits() {
        for text in [
            "010.0.0.5/8",
            "10.0.0.5/08",
            "10.0.0.5/33",
            "fe80::1%eth0/64",
            "",
        ] {
            assert_eq!(parse_cidr_truncating(text), parse_cidr(text), "{text}");
            assert!(parse_cidr(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_network_made_elsewhere_is_held_to_the_same_rules() {
        let made = |address: &str, length| IpNet::new(address.parse().unwrap(), length).unwrap();
        assert!(accept(made("10.0.0.5", 8)).is_err());
        assert_eq!(
            accept(made("::ffff:10.0.0.0", 104)).unwrap(),
            made("10.0.0.0", 8)
        );
        assert_eq!(
            accept(made("::ffff:10.0.0.0", 95)),
            Err(CidrProblem::MappedTooWide)
        );
    }
}
