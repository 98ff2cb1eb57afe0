use super::*;

fn set(entries: impl IntoIterator<Item = String>) -> Networks {
    Networks::parse(&entries.into_iter().collect::<Vec<_>>()).unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Distinct networks all over the space, of a few lengths, as an odd multiplier scatters them.
fn scattered_v4(count: u32) -> Networks {
    let network = |n: u32| {
        let length = [24, 28, 32][usize::try_from(n % 3).unwrap()];
        let base = std::net::Ipv4Addr::from_bits(n.wrapping_mul(0x9e37_79b1));
        IpNet::new(base.into(), length).unwrap().trunc()
    };
    Networks::new(&(0..count).map(network).collect::<Vec<_>>()).unwrap()
}

fn scattered_v6(count: u128) -> Networks {
    let network = |n: u128| {
        let length = [48, 64, 128][usize::try_from(n % 3).unwrap()];
        let bits = n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835) >> 3 | 1 << 125;
        let base = std::net::Ipv6Addr::from_bits(bits);
        IpNet::new(base.into(), length).unwrap().trunc()
    };
    Networks::new(&(0..count).map(network).collect::<Vec<_>>()).unwrap()
}

#[test]
fn a_list_of_one_network_takes_at_most_160_bytes() {
    for entry in [
        "203.0.113.0/24",
        "203.0.113.7",
        "2001:db8::/32",
        "2001:db8::1",
    ] {
        let size = set([entry.to_owned()]).memory_size();
        assert!(size <= 160, "{entry}: {size} bytes");
    }
}

#[test]
fn a_long_list_takes_at_most_12_bytes_for_an_ipv4_network_and_40_for_an_ipv6_one() {
    for (networks, budget) in [(scattered_v4(100_000), 12), (scattered_v6(100_000), 40)] {
        assert_eq!(networks.len(), 100_000);
        let size = networks.memory_size();
        assert!(
            size <= budget * networks.len(),
            "{size} bytes for {}",
            networks.len()
        );
    }
}

#[test]
fn what_a_list_takes_is_counted_whole() {
    // Hand-made: the handle, two counters, the two families and the pointer to the layout; then a
    // base and a length.
    let fixed = 3 * size_of::<usize>() + size_of::<Compiled>();
    assert_eq!(set(["10.0.0.0/8".to_owned()]).memory_size(), fixed + 5);
    assert_eq!(set(["2001:db8::1".to_owned()]).memory_size(), fixed + 17);
    let spelled = set(["2001:DB8::1".to_owned()]).memory_size();
    let layout = size_of::<Layout>() + size_of::<(u32, Box<str>)>() + 11;
    assert_eq!(spelled, fixed + 17 + layout);
}

#[test]
fn a_long_list_is_merged_and_still_given_back_as_written() {
    let written: Vec<String> = (0..=255)
        .map(|n| format!("10.0.{n}.0/24"))
        .chain((0..=255).map(|n| format!("2001:db8:{n:x}::/48")))
        .collect();
    let networks = set(written.clone());
    assert_eq!(networks.to_lines(), written);
    assert_eq!(networks.len(), 512);
    for (address, held) in [
        ("9.255.255.255", false),
        ("10.0.0.0", true),
        ("10.0.255.255", true),
        ("10.1.0.0", false),
        ("2001:db8::", true),
        ("2001:db8:ff:ffff:ffff:ffff:ffff:ffff", true),
        ("2001:db8:100::", false),
        ("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", false),
    ] {
        assert_eq!(networks.contains(ip(address)), held, "{address}");
    }
}

#[test]
fn everything_is_one_range() {
    // All halves of everything, so that merging climbs to the root.
    for (v6, width) in [(false, 32_u8), (true, 128)] {
        let halves = (1..=width).map(|length| {
            let network = if v6 {
                let bits = 1_u128 << (128 - u32::from(length));
                IpNet::new(std::net::Ipv6Addr::from_bits(bits).into(), length)
            } else {
                let bits = 1_u32 << (32 - u32::from(length));
                IpNet::new(std::net::Ipv4Addr::from_bits(bits).into(), length)
            };
            network.unwrap()
        });
        let halves: Vec<_> = halves.collect();
        let zero = if v6 { "::" } else { "0.0.0.0" };
        let most = Networks::new(&halves).unwrap();
        let all = Networks::new(&[halves, vec![IpNet::from(ip(zero))]].concat()).unwrap();
        let last = if v6 { "ffff::ffff" } else { "255.255.255.255" };
        assert!(!most.contains(ip(zero)) && most.contains(ip(last)));
        assert!(all.contains(ip(zero)) && all.contains(ip(last)));
        assert!(all.memory_size() < most.memory_size());
    }
}

#[test]
fn a_rule_is_named_by_its_place_in_the_whole_list() {
    let networks = set([
        "2001:db8::/32",
        "10.0.0.0/8",
        "2001:db8::1",
        "10.1.0.0/16",
        "::ffff:10.2.0.1",
    ]
    .map(str::to_owned));
    let index = |address| networks.rule_for(ip(address)).map(|rule| rule.index);
    assert_eq!(index("2001:db8::1"), Some(0));
    assert_eq!(index("10.1.2.3"), Some(1));
    assert_eq!(index("::ffff:10.2.0.1"), Some(1));
    assert_eq!(index("192.0.2.1"), None);
    let rules: Vec<_> = networks.rules().map(|rule| rule.to_string()).collect();
    assert_eq!(rules[4], "entry 4 (10.2.0.1/32)");
}

#[test]
fn debug_shows_a_few_networks_of_a_long_list() {
    let shown = format!("{:?}", scattered_v4(1000));
    assert!(
        shown.len() < 300 && shown.ends_with("] and 992 more"),
        "{shown}"
    );
}
