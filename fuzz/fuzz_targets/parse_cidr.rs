//! Any text: reading a network does not panic, accepts nothing that the standard library refuses, and
//! what is read is given back as it was written.
#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use portcullis_allowlist::{Allowlist, parse_cidr, parse_cidr_truncating};

fuzz_target!(|text: &str| {
    let list = Allowlist::parse(Some(&[text]));
    let Ok(network) = parse_cidr(text) else {
        let error = list.expect_err("a list of a bad entry is none");
        assert_eq!(error.entries().len(), 1);
        return;
    };
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let read: IpAddr = address.parse().expect("the standard library reads it, too");
    assert_eq!(network.addr(), read.to_canonical());
    if let Some(length) = length {
        let bits: u8 = length.parse().expect("a prefix length is a number");
        assert_eq!(bits.to_string(), length);
        let mapped = if read.to_canonical() == read { 0 } else { 96 };
        assert_eq!(network.prefix_len() + mapped, bits);
    } else {
        assert_eq!(network.prefix_len(), network.max_prefix_len());
    }
    assert_eq!(network, network.trunc());
    assert_eq!(parse_cidr(&network.to_string()), Ok(network));
    assert_eq!(parse_cidr_truncating(text), Ok(network));

    let list = list.expect("a list of a good entry is one");
    assert_eq!(list.to_lines(), Some(vec![text.to_owned()]));
    assert!(list.contains(read));
    // The last address of `::/80` is IPv4-mapped, and so no IPv6 address.
    let last = network.broadcast();
    assert_eq!(list.contains(last), last.to_canonical() == last);
});
