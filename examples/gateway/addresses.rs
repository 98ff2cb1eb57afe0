//! Where clients' addresses come from, and what an operator should know about lists of them.

use std::net::{IpAddr, SocketAddr};

use portcullis::{
    AddressSource, Admin, Allowlist, ListHeader, Listener, OrganizationView, Warning, review,
};

use crate::cli::ClientAddressArgs;
use crate::{Failure, show};

/// The one source that the command line names.
pub(crate) fn source(args: &ClientAddressArgs) -> Result<AddressSource, Failure> {
    let proxies = args.trusted_proxies.as_slice();
    if proxies.is_empty() {
        return Ok(AddressSource::peer());
    }
    if args.proxy_protocol {
        return Ok(AddressSource::proxy_protocol(proxies)?);
    }
    let Some(name) = &args.client_header else {
        return Err(
            "--trusted-proxy needs to be told how the proxy names its client: add --client-header \
                    x-forwarded-for (or forwarded, or another header), or --proxy-protocol"
                .into(),
        );
    };
    let list = match name.to_ascii_lowercase().as_str() {
        "x-forwarded-for" => Some(ListHeader::XForwardedFor),
        "forwarded" => Some(ListHeader::Forwarded),
        _ => None,
    };
    Ok(match (list, args.trusted_hops) {
        (Some(header), None) => AddressSource::trusted_proxies(header, proxies)?,
        (Some(header), Some(hops)) => AddressSource::trusted_hops(header, hops, proxies)?,
        (None, None) => AddressSource::single_header(name, proxies)?,
        (None, Some(_)) => {
            return Err("--trusted-hops counts the entries of x-forwarded-for or forwarded".into());
        }
    })
}

/// Says at start what is likely to be a mistake in the lists that are in force.
pub(crate) async fn review_all(
    admin: &Admin,
    org: &OrganizationView,
    source: &AddressSource,
    address: SocketAddr,
) -> Result<(), Failure> {
    let listener = match address.ip() {
        IpAddr::V4(_) => Listener::Ipv4,
        IpAddr::V6(ip) if ip.is_unspecified() => Listener::DualStack,
        IpAddr::V6(_) => Listener::Ipv6,
    };
    let said = |what: &str, list: &Allowlist| {
        for warning in review(list, source, listener) {
            show::warning(&format!("{what}: {warning}"));
        }
    };
    said(
        "the organization's allowlist",
        &Allowlist::parse(org.allow_ips.as_deref())?,
    );
    for key in admin.keys(org.id).await? {
        if let Some(list) = &key.rules.allow_ips {
            said(
                &format!("the allowlist of key {}", key.id),
                &Allowlist::parse(Some(list))?,
            );
        }
    }
    Ok(())
}

/// Says what is likely to be a mistake in a list that is about to be stored.
pub(crate) fn warn(entries: &Option<Vec<String>>) -> Result<(), Failure> {
    let list = Allowlist::parse(entries.as_deref())?;
    for warning in review(&list, &AddressSource::peer(), Listener::DualStack) {
        // From where clients come is known when the gateway serves; it is said there.
        if !matches!(warning, Warning::OneFamily { .. }) {
            show::warning(&warning.to_string());
        }
    }
    Ok(())
}

/// Shows what a list would say to each of the addresses.
pub(crate) fn try_list(
    whose: &str,
    entries: &Option<Vec<String>>,
    addresses: &[IpAddr],
) -> Result<(), Failure> {
    let list = Allowlist::parse(entries.as_deref())?;
    for (address, verdict) in list.dry_run(addresses.iter().copied()).verdicts() {
        show::verdict(whose, *address, *verdict);
    }
    Ok(())
}
