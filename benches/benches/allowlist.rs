//! What a request pays for its address: one look-up in a list, and finding the address behind
//! proxies.
//!
//! Each list is asked beside its peers in the same run: a scan of `Vec<IpNet>` (up to 1,000 networks,
//! it takes milliseconds beyond), `ip_network_table` and `prefix-trie`. The goals are ratios, so that
//! they hold on any machine:
//!
//! | | at most |
//! |---|---|
//! | `hit/100k_v4`, `hit/1m_v6` | 1.0 times `prefix-trie` |
//! | `build/1m_v4` | 0.6 times `prefix-trie` |
//! | `resolve/three_hops` | 300 ns; beside it `real-ip` and `client-ip`, which read less |
//!
//! Bytes are held by a test of `portcullis-allowlist`.
//!
//! A real list: the IPv4 and IPv6 networks of one country in the tables of Debian's `tor-geoipdb`
//! (`apt-get install tor-geoipdb`, which puts them into `/usr/share/tor`).

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue};
use ip_network::IpNetwork;
use ip_network_table::IpNetworkTable;
use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};
use portcullis_allowlist::{AddressSource, ListHeader, Networks};
use prefix_trie::joint::JointPrefixSet;

/// A list, and addresses to ask it for.
struct Case {
    name: String,
    networks: Vec<IpNet>,
    hits: Vec<IpAddr>,
    misses: Vec<IpAddr>,
}

fn look_up(criterion: &mut Criterion) {
    for case in cases() {
        let lists = Lists::new(&case);
        for (group, addresses) in [("hit", &case.hits), ("miss", &case.misses)] {
            let mut group = criterion.benchmark_group(group);
            lists.bench(&mut group, &case.name, addresses);
            group.finish();
        }
    }
}

fn build(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("build");
    group.sample_size(10);
    for case in [
        generated_v4("1k", 1_000),
        generated_v4("1m", 1_000_000),
        generated_v6("1m", 1_000_000),
    ] {
        let networks = &case.networks;
        group.bench_function(BenchmarkId::new("ours", &case.name), |bench| {
            bench.iter_with_large_drop(|| ours(black_box(networks)));
        });
        group.bench_function(BenchmarkId::new("prefix-trie", &case.name), |bench| {
            bench.iter_with_large_drop(|| trie(black_box(networks)));
        });
        group.bench_function(BenchmarkId::new("ip_network_table", &case.name), |bench| {
            bench.iter_with_large_drop(|| table(black_box(networks)));
        });
    }
    group.finish();
}

struct Lists<'a> {
    scan: Option<&'a [IpNet]>,
    ours: Networks,
    table: IpNetworkTable<()>,
    trie: JointPrefixSet<IpNet>,
}

impl<'a> Lists<'a> {
    /// All of them, and they agree on every address.
    fn new(case: &'a Case) -> Self {
        let networks = &case.networks;
        let lists = Self {
            scan: (networks.len() <= 1_000).then_some(networks),
            ours: ours(networks),
            table: table(networks),
            trie: trie(networks),
        };
        for (addresses, held) in [(&case.hits, true), (&case.misses, false)] {
            for address in addresses {
                assert_eq!(lists.ours.contains(*address), held, "{address}");
                assert_eq!(
                    lists.table.longest_match(*address).is_some(),
                    held,
                    "{address}"
                );
                assert_eq!(
                    lists.trie.is_covered(&IpNet::from(*address)),
                    held,
                    "{address}"
                );
            }
        }
        lists
    }

    fn bench(&self, group: &mut BenchmarkGroup<'_, WallTime>, name: &str, addresses: &[IpAddr]) {
        chase(
            group,
            BenchmarkId::new("ours", name),
            addresses,
            |address| self.ours.contains(address),
        );
        chase(
            group,
            BenchmarkId::new("prefix-trie", name),
            addresses,
            |address| self.trie.is_covered(&IpNet::from(address)),
        );
        chase(
            group,
            BenchmarkId::new("ip_network_table", name),
            addresses,
            |address| self.table.longest_match(address).is_some(),
        );
        if let Some(scan) = self.scan {
            chase(
                group,
                BenchmarkId::new("scan", name),
                addresses,
                |address| scan.iter().any(|network| network.contains(&address)),
            );
        }
    }
}

/// Asks for one address after the other, each chosen by the answer before: a request waits for its
/// look-up, so look-ups must not overlap here either.
fn chase(
    group: &mut BenchmarkGroup<'_, WallTime>,
    id: BenchmarkId,
    addresses: &[IpAddr],
    look_up: impl Fn(IpAddr) -> bool,
) {
    group.bench_function(id, |bench| {
        let mut at = 0;
        bench.iter(|| {
            let answer = addresses.get(at).is_some_and(|address| look_up(*address));
            at = (at + 1 + usize::from(black_box(answer))) & (ADDRESSES - 1);
            answer
        });
    });
}

#[expect(
    clippy::expect_used,
    reason = "a benchmark of a list that cannot be made is none"
)]
fn ours(networks: &[IpNet]) -> Networks {
    Networks::new(networks).expect("no host bits are set")
}

fn trie(networks: &[IpNet]) -> JointPrefixSet<IpNet> {
    let mut trie = JointPrefixSet::new();
    for network in networks {
        trie.insert(*network);
    }
    trie
}

#[expect(
    clippy::expect_used,
    reason = "a benchmark of a list that cannot be made is none"
)]
fn table(networks: &[IpNet]) -> IpNetworkTable<()> {
    let mut table = IpNetworkTable::new();
    for network in networks {
        let network = IpNetwork::new(network.network(), network.prefix_len());
        table.insert(network.expect("no host bits are set"), ());
    }
    table
}

fn cases() -> Vec<Case> {
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
fn generated_v4(name: &str, size: usize) -> Case {
    let mut random = Random(4);
    let mut address = || IpAddr::V4(Ipv4Addr::from_bits(random.below(0xe000_0000)));
    let lengths = [22, 23, 24, 24, 24, 24, 28, 32, 32, 32];
    case(format!("{name}_v4"), size, &lengths, &mut address)
}

/// As IPv6 is given out: few of the first 16 bits are in use, and nearly all of the next.
fn generated_v6(name: &str, size: usize) -> Case {
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

#[expect(
    clippy::expect_used,
    reason = "a benchmark of a source that is refused is none"
)]
fn resolve(criterion: &mut Criterion) {
    let trusted = ["10.0.0.0/8", "192.168.0.0/16", "fd00::/8"];
    let peer = IpAddr::from([10, 0, 0, 1]);
    let client = IpAddr::from([203, 0, 113, 66]);
    let mut headers = HeaderMap::new();
    headers.insert(
        "x-forwarded-for",
        HeaderValue::from_static("203.0.113.66, 10.0.0.3, 10.0.0.2"),
    );
    let forwarded = "for=203.0.113.66;proto=https, for=10.0.0.3, for=10.0.0.2";
    headers.insert("x-other", HeaderValue::from_static("1"));
    let mut with_forwarded = headers.clone();
    with_forwarded.remove("x-forwarded-for");
    with_forwarded.insert("forwarded", HeaderValue::from_static(forwarded));

    let mut group = criterion.benchmark_group("resolve");
    for (name, header, headers) in [
        ("three_hops", ListHeader::XForwardedFor, &headers),
        (
            "three_hops_forwarded",
            ListHeader::Forwarded,
            &with_forwarded,
        ),
    ] {
        let source = AddressSource::trusted_proxies(header, &trusted).expect("three networks");
        let ours = |headers: &HeaderMap| {
            let lines = source.header_name().map(|name| headers.get_all(name));
            let lines = lines.iter().flat_map(|lines| lines.iter());
            source.resolve(peer, lines.map(HeaderValue::as_bytes))
        };
        let resolved = ours(headers).map(|client| client.address());
        assert_eq!(resolved, Ok(client), "what is measured is right");
        group.bench_function(BenchmarkId::new("ours", name), |bench| {
            bench.iter(|| ours(black_box(headers)));
        });

        let trusted: Vec<IpNet> = trusted
            .iter()
            .filter_map(|text| text.parse().ok())
            .collect();
        let resolved = real_ip::real_ip(headers, peer, &trusted);
        assert_eq!(resolved, Some(client), "the peer does the same");
        group.bench_function(BenchmarkId::new("real-ip", name), |bench| {
            bench.iter(|| real_ip::real_ip(black_box(headers), peer, &trusted));
        });
    }
    // It has no trusted proxies: it reads one element, and here the wrong one.
    let last = client_ip::rightmost_x_forwarded_for(&headers).ok();
    assert_eq!(last, Some(IpAddr::from([10, 0, 0, 2])));
    group.bench_function(BenchmarkId::new("client-ip", "three_hops"), |bench| {
        bench.iter(|| client_ip::rightmost_x_forwarded_for(black_box(&headers)).is_ok());
    });
    group.finish();
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
const ADDRESSES: usize = 1 << 14;

fn quick() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
}

criterion_group! {
    name = benches;
    config = quick();
    targets = resolve, build, look_up
}
criterion_main!(benches);
