//! What a request pays for its address: one look-up in a list, and finding the address behind
//! proxies.
//!
//! Each list is asked beside its peers in the same run: a scan of `Vec<IpNet>`, `ip_network_table` and `prefix-trie`. The goals are ratios, so that
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
use std::net::IpAddr;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue};
use ip_network::IpNetwork;
use ip_network_table::IpNetworkTable;
use ipnet::IpNet;
use portcullis_allowlist::{AddressSource, ListHeader, Networks};
use prefix_trie::joint::JointPrefixSet;

mod lists;

use lists::{ADDRESSES, Case, cases, generated_v4, generated_v6};

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
    scan: &'a [IpNet],
    ours: Networks,
    table: IpNetworkTable<()>,
    trie: JointPrefixSet<IpNet>,
}

impl<'a> Lists<'a> {
    /// All of them, and they agree on every address.
    fn new(case: &'a Case) -> Self {
        let networks = &case.networks;
        let lists = Self {
            scan: networks,
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
        chase(
            group,
            BenchmarkId::new("scan", name),
            addresses,
            |address| self.scan.iter().any(|network| network.contains(&address)),
        );
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
