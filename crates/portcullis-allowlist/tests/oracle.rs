//! Sets of networks against two other readings: one by one with `ipnet`, and `prefix-trie`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use portcullis_allowlist::{Allowlist, Networks, parse_cidr};
use prefix_trie::joint::JointPrefixSet;
use proptest::collection::vec;
use proptest::prelude::*;

/// Addresses that lie close together, all over the space, and at its ends.
fn v4() -> impl Strategy<Value = Ipv4Addr> {
    prop_oneof![
        4 => (0_u32..64).prop_map(|n| Ipv4Addr::from_bits(0x0a00_0000 + n)),
        2 => (0_u32..1024).prop_map(|n| Ipv4Addr::from_bits(0x0a00_0000 + (n << 8))),
        1 => (0_u32..4).prop_map(Ipv4Addr::from_bits),
        1 => (0_u32..4).prop_map(|n| Ipv4Addr::from_bits(u32::MAX - n)),
        2 => any::<u32>().prop_map(Ipv4Addr::from_bits),
    ]
}

/// None of them IPv4-mapped: that is IPv4.
fn v6() -> impl Strategy<Value = Ipv6Addr> {
    let base = 0x2001_0db8_u128 << 96;
    prop_oneof![
        4 => (0_u128..64).prop_map(move |n| Ipv6Addr::from_bits(base + n)),
        2 => (0_u128..1024).prop_map(move |n| Ipv6Addr::from_bits(base + (n << 64))),
        1 => (0_u128..4).prop_map(Ipv6Addr::from_bits),
        1 => (0_u128..4).prop_map(|n| Ipv6Addr::from_bits(u128::MAX - n)),
        2 => any::<u128>().prop_map(|n| Ipv6Addr::from_bits(n | 1 << 127)),
    ]
}

fn network() -> impl Strategy<Value = IpNet> {
    let v4_length = prop_oneof![6 => 22_u8..=32, 1 => 0_u8..=32, 1 => Just(32)];
    let v6_length = prop_oneof![3 => 54_u8..=64, 3 => 120_u8..=128, 1 => 0_u8..=128];
    prop_oneof![
        (v4(), v4_length).prop_map(|(address, length)| {
            let network = Ipv4Net::new(address, length).map(|network| network.trunc());
            IpNet::V4(network.unwrap_or_default())
        }),
        (v6(), v6_length).prop_map(|(address, length)| {
            let network = Ipv6Net::new(address, length).map(|network| network.trunc());
            IpNet::V6(network.unwrap_or_default())
        }),
    ]
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![v4().prop_map(IpAddr::V4), v6().prop_map(IpAddr::V6)]
}

/// Each network's first and last address, and their neighbours.
fn edges(networks: &[IpNet]) -> Vec<IpAddr> {
    let around = |network: &IpNet| match network {
        IpNet::V4(network) => {
            let (first, last) = (network.network().to_bits(), network.broadcast().to_bits());
            [first.wrapping_sub(1), first, last, last.wrapping_add(1)]
                .map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits)))
        }
        IpNet::V6(network) => {
            let (first, last) = (network.network().to_bits(), network.broadcast().to_bits());
            [first.wrapping_sub(1), first, last, last.wrapping_add(1)]
                .map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits)))
        }
    };
    networks.iter().flat_map(around).collect()
}

/// `::ffff:a.b.c.d` lies next to networks that the generators make: it is IPv4.
fn naive(networks: &[IpNet], address: IpAddr) -> Option<usize> {
    let address = address.to_canonical();
    networks
        .iter()
        .position(|network| network.contains(&address))
}

fn made(networks: &[IpNet]) -> Result<Networks, TestCaseError> {
    Networks::new(networks).map_err(|error| TestCaseError::fail(error.to_string()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_set_agrees_with_a_scan_and_with_a_trie(
        networks in prop_oneof![vec(network(), 0..20), vec(network(), 17..120)],
        addresses in vec(address(), 1..64),
    ) {
        let set = made(&networks)?;
        let mut trie = JointPrefixSet::<IpNet>::new();
        for network in &networks {
            trie.insert(*network);
        }
        for address in addresses.into_iter().chain(edges(&networks)) {
            let address = address.to_canonical();
            let expected = naive(&networks, address);
            prop_assert_eq!(set.contains(address), expected.is_some(), "{}", address);
            prop_assert_eq!(trie.is_covered(&IpNet::from(address)), expected.is_some(), "{}", address);
            let rule = set.rule_for(address);
            prop_assert_eq!(rule.map(|rule| rule.index), expected);
            prop_assert_eq!(rule.map(|rule| rule.network), expected.map(|at| networks[at]));
        }
    }

    #[test]
    fn the_order_of_a_list_changes_no_answer(
        networks in vec(network(), 20..100),
        addresses in vec(address(), 1..64),
    ) {
        let (set, mut reversed) = (made(&networks)?, networks.clone());
        reversed.reverse();
        let reversed = made(&reversed)?;
        for address in addresses.into_iter().chain(edges(&networks)) {
            prop_assert_eq!(set.contains(address), reversed.contains(address), "{}", address);
        }
    }

    #[test]
    fn mapped_addresses_are_ipv4_on_both_sides(
        networks in vec(network(), 1..40),
        addresses in vec(v4(), 1..64),
    ) {
        let written: Vec<_> = networks.iter().map(|network| match network {
            IpNet::V4(network) => {
                format!("{}/{}", network.addr().to_ipv6_mapped(), network.prefix_len() + 96)
            }
            IpNet::V6(network) => network.to_string(),
        }).collect();
        let (set, mapped) = (made(&networks)?, Allowlist::parse(Some(&written)));
        let mapped = mapped.map_err(|error| TestCaseError::fail(error.to_string()))?;
        for address in addresses {
            let inside = IpAddr::V6(address.to_ipv6_mapped());
            prop_assert_eq!(mapped.contains(address.into()), set.contains(address.into()));
            prop_assert_eq!(mapped.contains(inside), set.contains(address.into()));
        }
        prop_assert_eq!(mapped.to_lines(), Some(written));
    }

    #[test]
    fn lists_survive_their_stored_form(
        written in vec(
            prop_oneof![
                network().prop_map(|network| network.to_string()),
                address().prop_map(|address| address.to_string()),
                network().prop_map(|network| network.to_string().to_uppercase()),
                v6().prop_map(|address| {
                    let words = address.segments().map(|word| format!("{word:04x}"));
                    words.join(":")
                }),
            ],
            0..80,
        ),
    ) {
        let list = Allowlist::parse(Some(&written));
        let list = list.map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(list.to_lines(), Some(written));
    }

    #[test]
    fn what_is_read_is_what_the_standard_library_reads(text in "[0-9a-f:./%+ -]{0,20}|[0-9]{1,3}(\\.[0-9]{1,3}){3}(/[0-9+]{1,3})?") {
        if let Ok(network) = parse_cidr(&text) {
            let (address, length) = text.split_once('/').unwrap_or((&text, ""));
            let read: IpAddr = address.parse().map_err(|_| TestCaseError::fail("not an address"))?;
            prop_assert_eq!(network.addr(), read.to_canonical());
            prop_assert_eq!(network, network.trunc());
            prop_assert!(length.is_empty() || length.parse::<u8>().is_ok());
            prop_assert_eq!(parse_cidr(&network.to_string()), Ok(network));
        }
    }
}

#[test]
fn the_ends_of_the_space_are_inside() {
    let text = |networks: &[&str]| {
        let entries: Vec<_> = networks.iter().map(|text| parse_cidr(text)).collect();
        entries.into_iter().collect::<Result<Vec<_>, _>>()
    };
    let long = (0..40).map(|n| format!("192.0.2.{n}"));
    let long: Vec<_> = long
        .chain((0..40).map(|n| format!("2001:db8::{n}")))
        .collect();
    for ends in [
        vec![
            "0.0.0.0/32",
            "255.255.255.255/32",
            "::/128",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ],
        vec!["0.0.0.0/0", "::/0"],
        vec!["0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"],
    ] {
        for more in [Vec::new(), long.iter().map(String::as_str).collect()] {
            let networks =
                text(&[ends.clone(), more].concat()).map(|networks| Networks::new(&networks));
            let Ok(Ok(set)) = networks else {
                panic!("{networks:?}");
            };
            for address in [
                IpAddr::V4(Ipv4Addr::from_bits(0)),
                IpAddr::V4(Ipv4Addr::from_bits(u32::MAX)),
                IpAddr::V6(Ipv6Addr::from_bits(0)),
                IpAddr::V6(Ipv6Addr::from_bits(u128::MAX)),
            ] {
                assert!(set.contains(address), "{address} in {set:?}");
            }
        }
    }
}
