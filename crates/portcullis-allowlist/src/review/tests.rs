use super::*;
use crate::ListHeader;

fn warnings(allowed: &[&str], trusted: &[&str], listener: Listener) -> Vec<String> {
    let list = Allowlist::parse(Some(allowed)).unwrap();
    let source = if trusted.is_empty() {
        AddressSource::peer()
    } else {
        AddressSource::trusted_proxies(ListHeader::XForwardedFor, trusted).unwrap()
    };
    let warnings = review(&list, &source, listener);
    warnings
        .iter()
        .map(|warning| match warning {
            Warning::EveryoneTrusted { rule } | Warning::WideRange { rule } => {
                format!("{} {}", warning.code(), rule.index)
            }
            Warning::OneFamily { refuses_ipv4 } => {
                format!("{} {refuses_ipv4}", warning.code())
            }
            Warning::TrustedIsAllowed { trusted, allowed } => {
                format!("{} {} {}", warning.code(), trusted.index, allowed.index)
            }
            Warning::Shadowed { rule, by } => {
                format!("{} {} {}", warning.code(), rule.index, by.index)
            }
        })
        .collect()
}

#[test]
fn a_sound_configuration_has_no_warning() {
    let allowed = ["203.0.113.0/24", "2001:db8::/32"];
    assert_eq!(
        warnings(&allowed, &["10.0.0.1"], Listener::DualStack),
        [""; 0]
    );
    assert_eq!(warnings(&[], &[], Listener::DualStack), [""; 0]);
    let source = AddressSource::peer();
    let unrestricted = review(&Allowlist::Unrestricted, &source, Listener::DualStack);
    assert_eq!(unrestricted, []);
}

#[test]
fn to_trust_everyone_is_warned_of_without_an_allowlist_too() {
    let trusted = ["10.0.0.0/8", "::/0", "0.0.0.0/0"];
    let source = AddressSource::trusted_proxies(ListHeader::Forwarded, &trusted).unwrap();
    let warnings = review(&Allowlist::Unrestricted, &source, Listener::Ipv4);
    let everyone = |index, network: &str| Warning::EveryoneTrusted {
        rule: Rule {
            index,
            network: network.parse().unwrap(),
        },
    };
    assert_eq!(warnings, [everyone(1, "::/0"), everyone(2, "0.0.0.0/0")]);
}

#[test]
fn a_list_of_one_family_is_warned_of_where_clients_of_the_other_come() {
    let v4 = ["203.0.113.0/24"];
    assert_eq!(
        warnings(&v4, &[], Listener::DualStack),
        ["one_family false"]
    );
    assert_eq!(warnings(&v4, &[], Listener::Ipv6), ["one_family false"]);
    assert_eq!(warnings(&v4, &[], Listener::Ipv4), [""; 0]);
    let v6 = ["2001:db8::/32"];
    assert_eq!(warnings(&v6, &[], Listener::DualStack), ["one_family true"]);
    assert_eq!(warnings(&v6, &[], Listener::Ipv6), [""; 0]);
}

#[test]
fn a_trusted_proxy_on_the_allowlist_is_warned_of_whichever_is_wider() {
    let allowed = ["192.0.2.0/24", "10.0.0.0/8", "10.1.2.3"];
    assert_eq!(
        warnings(
            &allowed,
            &["10.1.0.0/16", "10.0.0.1", "11.0.0.1"],
            Listener::Ipv4
        ),
        [
            "shadowed 2 1",
            "trusted_is_allowed 0 1",
            "trusted_is_allowed 1 1"
        ]
    );
    assert_eq!(
        warnings(&["10.1.2.3"], &["10.0.0.0/8"], Listener::Ipv4),
        ["trusted_is_allowed 0 0"]
    );
}

#[test]
fn a_shadowed_entry_is_named_with_the_one_that_covers_it() {
    let allowed = [
        "10.1.0.0/16",
        "192.0.2.7",
        "10.0.0.0/8",
        "192.0.2.7/32",
        "10.1.2.0/24",
        "2001:db8::/32",
        "2001:db8:1::/48",
        "11.0.0.0/8",
    ];
    assert_eq!(
        warnings(&allowed, &[], Listener::DualStack),
        [
            "shadowed 0 2",
            "shadowed 3 1",
            "shadowed 4 2",
            "shadowed 6 5"
        ]
    );
}

#[test]
fn a_wide_range_is_warned_of() {
    let allowed = [
        "10.0.0.0/8",
        "128.0.0.0/7",
        "2001::/16",
        "2000::/15",
        "0.0.0.0/0",
    ];
    let found = warnings(&allowed, &[], Listener::DualStack);
    let wide: Vec<_> = found.iter().filter(|one| one.starts_with("wide")).collect();
    assert_eq!(wide, ["wide_range 1", "wide_range 3", "wide_range 4"]);
}
