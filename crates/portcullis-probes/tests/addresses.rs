//! What an allowlist costs in memory, as the allocator sees it, and that asking it costs none.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use portcullis_allowlist::{AddressSource, Allowlist, ListHeader, Networks};
use portcullis_probes::memory::{Watched, allocations, kept};

#[global_allocator]
static ALLOCATOR: Watched = Watched;

/// Every second /24, so that no two of them merge.
fn ipv4(count: u32) -> Vec<IpNet> {
    let network = |n: u32| Ipv4Net::new((n << 9).into(), 24).unwrap().into();
    (0..count).map(network).collect()
}

/// Every second /48 of 2000::/3.
fn ipv6(count: u32) -> Vec<IpNet> {
    let network = |n: u32| {
        let bits = (0x2000_u128 << 112) | (u128::from(n) << 81);
        Ipv6Net::new(bits.into(), 48).unwrap().into()
    };
    (0..count).map(network).collect()
}

/// The handle and all that it holds.
fn size_of_list(networks: &[IpNet]) -> usize {
    let (bytes, list) = kept(|| Allowlist::Only(Networks::new(networks).unwrap()));
    size_of_val(&list) + bytes
}

#[test]
fn a_list_of_one_takes_160_bytes_at_most() {
    for one in [ipv4(1), ipv6(1)] {
        let size = size_of_list(&one);
        assert!(size <= 160, "{size} bytes");
    }
}

#[test]
fn a_hundred_thousand_networks_take_12_or_40_bytes_each_at_most() {
    for (networks, most) in [(ipv4(100_000), 12), (ipv6(100_000), 40)] {
        let each = size_of_list(&networks).div_ceil(networks.len());
        assert!(each <= most, "{each} bytes for each");
    }
}

#[test]
fn the_size_that_a_list_tells_is_what_it_takes() {
    for networks in [ipv4(1), ipv4(17), ipv6(40), ipv4(5_000)] {
        let list = Allowlist::Only(Networks::new(&networks).unwrap());
        let (told, taken) = (list.memory_size(), size_of_list(&networks));
        assert!(told.abs_diff(taken) <= 64, "{told} told, {taken} taken");
    }
}

#[test]
fn asking_a_list_allocates_nothing() {
    let mut both = ipv4(5_000);
    both.extend(ipv6(5_000));
    let addresses: [IpAddr; 4] = ["0.0.0.7", "255.255.255.255", "2000::7", "::ffff:0.0.0.7"]
        .map(|text| text.parse().unwrap());
    for networks in [ipv4(1), ipv6(3), both] {
        let list = Allowlist::Only(Networks::new(&networks).unwrap());
        let (count, _) = allocations(|| addresses.map(|address| list.contains(address)));
        assert_eq!(count, 0, "{} networks", networks.len());
    }
}

#[test]
fn finding_the_clients_address_allocates_nothing() {
    let proxy: IpAddr = "10.0.0.1".parse().unwrap();
    let x_forwarded_for =
        AddressSource::trusted_proxies(ListHeader::XForwardedFor, &["10.0.0.0/8"]).unwrap();
    let forwarded = AddressSource::trusted_proxies(ListHeader::Forwarded, &["10.0.0.0/8"]).unwrap();
    let cases = [
        (x_forwarded_for, &b"203.0.113.7, 10.0.0.3, 10.0.0.2"[..]),
        (
            forwarded,
            &b"for=\"[2001:db8::7]:4711\";proto=https, for=10.0.0.2"[..],
        ),
    ];
    for (source, line) in cases {
        for lines in [vec![line], vec![line, b"unknown"], vec![]] {
            let (count, _) = allocations(|| source.resolve(proxy, lines.iter().copied()));
            assert_eq!(count, 0);
        }
    }
}
