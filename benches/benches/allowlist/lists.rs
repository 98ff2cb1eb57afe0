//! The lists that are asked, and the addresses that they are asked for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};

use crate::trie;

/// A list, and addresses to ask it for.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) networks: Vec<IpNet>,
    pub(crate) hits: Vec<IpAddr>,
    pub(crate) misses: Vec<IpAddr>,
}

pub(crate) fn cases() -> Vec<Case> {
    let sizes = [
        ("1", 1),
        ("8", 8),
        ("64", 64),
        ("1k", 1_000),
        ("100k", 100_000),
        ("1m", 1_000_000),
    ];
    let generated = sizes
        .into_iter()
        .flat_map(|(name, size)| [generated_v4(name, size), generated_v6(name, size)]);
    generated.chain(tor("geoip")).chain(tor("geoip6")).collect()
}

/// Networks of the lengths that lists have, all over the space.
pub(crate) fn generated_v4(name: &str, size: usize) -> Case {
    let mut random = Random(4);
    let mut address = || IpAddr::V4(Ipv4Addr::from_bits(random.below(0xe000_0000)));
    let lengths = [22, 23, 24, 24, 24, 24, 28, 32, 32, 32];
    case(format!("{name}_v4"), size, &lengths, &mut address)
}

/// As IPv6 is given out: few of the first 16 bits are in use, and nearly all of the next.
pub(crate) fn generated_v6(name: &str, size: usize) -> Case {
    let mut random = Random(6);
    let mut address = || {
        let blocks = [0x2001, 0x2400, 0x2600, 0x2800, 0x2a00, 0x2c00];
        let block = blocks
            .get(random.index(blocks.len()))
            .copied()
            .unwrap_or(0x2001);
        let block = u128::from(block | random.below(16)) << 112;
        IpAddr::V6(Ipv6Addr::from_bits(block | random.wide() >> 16))
    };
    let lengths = [32, 36, 40, 44, 48, 48, 48, 56, 64, 128];
    case(format!("{name}_v6"), size, &lengths, &mut address)
}

fn case(name: String, size: usize, lengths: &[u8], address: &mut dyn FnMut() -> IpAddr) -> Case {
    let mut random = Random(7);
    let mut networks = Vec::with_capacity(size);
    while networks.len() < size {
        let length = lengths.get(random.index(lengths.len())).copied();
        let network = IpNet::new(address(), length.unwrap_or(32));
        networks.extend(network.map(|network| network.trunc()));
    }
    Case::new(name, networks, address)
}

impl Case {
    /// Hits are random addresses in random networks, misses random addresses in none.
    fn new(name: String, networks: Vec<IpNet>, address: &mut dyn FnMut() -> IpAddr) -> Self {
        let mut random = Random(9);
        let trie = trie(&networks);
        let inside = |network: &IpNet, random: &mut Random| match network {
            IpNet::V4(network) => {
                let host = network.hostmask().to_bits() & random.narrow();
                IpAddr::V4(Ipv4Addr::from_bits(network.network().to_bits() | host))
            }
            IpNet::V6(network) => {
                let host = network.hostmask().to_bits() & random.wide();
                IpAddr::V6(Ipv6Addr::from_bits(network.network().to_bits() | host))
            }
        };
        let mut hits = Vec::with_capacity(ADDRESSES);
        while hits.len() < ADDRESSES {
            let network = networks.get(random.index(networks.len()));
            hits.extend(network.map(|network| inside(network, &mut random)));
        }
        let mut misses = Vec::with_capacity(ADDRESSES);
        while misses.len() < ADDRESSES {
            let address = address();
            if !trie.is_covered(&IpNet::from(address)) {
                misses.push(address);
            }
        }
        Self {
            name,
            networks,
            hits,
            misses,
        }
    }
}

/// The networks of the United States in one of Tor's tables, `start,end,country` a line.
#[expect(
    clippy::print_stderr,
    reason = "who reads the numbers should know that some are missing"
)]
fn tor(file: &str) -> Option<Case> {
    let path = Path::new("/usr/share/tor").join(file);
    let Ok(table) = std::fs::read_to_string(&path) else {
        eprintln!(
            "{} is not there, so the real list is skipped: apt-get install tor-geoipdb",
            path.display()
        );
        return None;
    };
    let mut networks = Vec::new();
    for line in table.lines().filter(|line| line.ends_with(",US")) {
        let mut fields = line.split(',');
        let (start, end) = (fields.next()?, fields.next()?);
        if file == "geoip" {
            let address = |text: &str| text.parse().map(Ipv4Addr::from_bits);
            let subnets = Ipv4Subnets::new(address(start).ok()?, address(end).ok()?, 0);
            networks.extend(subnets.map(IpNet::from));
        } else {
            let subnets = Ipv6Subnets::new(start.parse().ok()?, end.parse().ok()?, 0);
            networks.extend(subnets.map(IpNet::from));
        }
    }
    let mut random = Random(11);
    let mut address = || match file {
        "geoip" => IpAddr::V4(Ipv4Addr::from_bits(random.below(0xe000_0000))),
        _ => IpAddr::V6(Ipv6Addr::from_bits(random.wide() >> 3 | 1 << 125)),
    };
    Some(Case::new(format!("tor_us_{file}"), networks, &mut address))
}

/// SplitMix64: the same lists in every run, from a few lines.
struct Random(u64);

impl Random {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn narrow(&mut self) -> u32 {
        u32::try_from(self.next() >> 32).unwrap_or(0)
    }

    fn wide(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }

    fn below(&mut self, end: u32) -> u32 {
        let scaled = u64::from(self.narrow()) * u64::from(end);
        u32::try_from(scaled >> 32).unwrap_or(0)
    }

    fn index(&mut self, len: usize) -> usize {
        u32::try_from(len).map_or(0, |len| usize::try_from(self.below(len)).unwrap_or(0))
    }
}

/// How many addresses a list is asked for in turn; a power of two.
pub(crate) const ADDRESSES: usize = 1 << 14;
