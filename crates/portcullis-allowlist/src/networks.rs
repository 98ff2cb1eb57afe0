//! A set of networks: what an allowlist, a denylist and a list of trusted proxies have in common.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

mod bits;
mod builder;
mod family;
mod layout;
mod merged;

use crate::cidr::CidrProblem;
use crate::invalid::{BadEntry, InvalidList, MAX_ENTRIES};
use bits::Bits;
use builder::Builder;
use family::Family;
use layout::{Layout, Place};

/// Networks of both families: read once, immutable, cheap to clone, asked without allocating.
///
/// An empty set contains nothing. IPv4-mapped addresses (`::ffff:0:0/96`) are IPv4 on both sides: in
/// the list, and in what is asked. No other IPv6 address stands for an IPv4 one, so `::/0` is every
/// IPv6 address and `0.0.0.0/0` is none of them.
///
/// Up to 16 networks of a family are compared one by one. More are merged into sorted ranges with an
/// index, beside the list as it was written: 1 million IPv4 networks take 11 MB, IPv6 ones 36 MB.
#[derive(Clone, PartialEq, Eq)]
pub struct Networks(Arc<Compiled>);

#[derive(PartialEq, Eq)]
struct Compiled {
    v4: Family<u32>,
    v6: Family<u128>,
    layout: Option<Box<Layout>>,
}

/// One network of a list, and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its place in the list, from 0.
    pub index: usize,
    /// The network, IPv4-mapped ones as IPv4.
    pub network: IpNet,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {} ({})", self.index, self.network)
    }
}

impl Networks {
    /// Reads a list, one address or network an entry, each as [`parse_cidr`](crate::parse_cidr) reads
    /// it.
    ///
    /// # Errors
    /// [`InvalidList`] with every entry that is no network.
    pub fn parse<S: AsRef<str>>(entries: &[S]) -> Result<Self, InvalidList> {
        Self::collect(entries, |builder, entry| {
            let text = entry.as_ref();
            let shown = |problem| (text.to_owned(), problem);
            builder.push_text(text).map_err(shown)
        })
    }

    /// A set of networks that are values already.
    ///
    /// # Errors
    /// [`InvalidList`] with every network that [`parse_cidr`](crate::parse_cidr) would refuse: host
    /// bits are set, or it is wider than the IPv4-mapped addresses it starts with.
    pub fn new(networks: &[IpNet]) -> Result<Self, InvalidList> {
        Self::collect(networks, |builder, network| {
            let shown = |problem| (network.to_string(), problem);
            builder.push_network(*network).map_err(shown)
        })
    }

    /// Whether `address` lies in one of the networks. Does not allocate.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => self.0.v4.contains(address.to_bits()),
            IpAddr::V6(address) => self.0.v6.contains(address.to_bits()),
        }
    }

    /// The first network of the list that holds `address`.
    ///
    /// It reads the list as it was written, from its start: for an explanation, not for each request
    /// to a long list. Does not allocate.
    #[must_use]
    pub fn rule_for(&self, address: IpAddr) -> Option<Rule> {
        let place = match address.to_canonical() {
            IpAddr::V4(address) => Place::V4(self.0.v4.position(address.to_bits())?),
            IpAddr::V6(address) => Place::V6(self.0.v6.position(address.to_bits())?),
        };
        let index = self.places().position(|other| other == place)?;
        let (network, _) = self.network(place)?;
        Some(Rule { index, network })
    }

    /// The networks, in the order of the list.
    pub fn rules(&self) -> impl Iterator<Item = Rule> {
        let networks = self.places().filter_map(|place| self.network(place));
        networks
            .enumerate()
            .map(|(index, (network, _))| Rule { index, network })
    }

    /// The list as it was written, entry by entry. [`Networks::parse`] reads it back.
    #[must_use]
    pub fn to_lines(&self) -> Vec<String> {
        let places = self.places().enumerate();
        places
            .filter_map(|(index, place)| self.line(index, place))
            .collect()
    }

    /// How many entries the list has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.v4.len() + self.0.v6.len()
    }

    /// Whether the list has no entry, and so contains no address.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes the set takes: its handle, and what all its clones share. What the allocator
    /// adds is not counted.
    #[must_use]
    pub fn memory_size(&self) -> usize {
        let counters = 2 * size_of::<usize>(); // of the `Arc`
        let layout = self.0.layout.as_deref();
        size_of::<Self>()
            + counters
            + size_of::<Compiled>()
            + self.0.v4.heap_size()
            + self.0.v6.heap_size()
            + layout.map_or(0, |layout| size_of_val(layout) + layout.heap_size())
    }

    /// Reads all entries, each into the builder, or into its text and its problem.
    fn collect<T>(
        entries: &[T],
        read: impl Fn(&mut Builder, &T) -> Result<(), (String, CidrProblem)>,
    ) -> Result<Self, InvalidList> {
        if entries.len() > MAX_ENTRIES {
            return Err(InvalidList::too_many());
        }
        let mut builder = Builder::with_capacity(entries.len());
        let mut bad = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            if let Err((text, problem)) = read(&mut builder, entry) {
                bad.push(BadEntry::new(index, &text, problem.into()));
            }
        }
        InvalidList::check(bad)?;
        Ok(builder.finish())
    }

    fn places(&self) -> impl Iterator<Item = Place> {
        layout::places(self.0.layout.as_deref(), self.0.v4.len(), self.0.v6.len())
    }

    /// The network, and whether it was written as an address alone.
    fn network(&self, place: Place) -> Option<(IpNet, bool)> {
        fn made<A: Bits>((base, length, bare): (A, u8, bool)) -> Option<(IpNet, bool)> {
            let network = IpNet::new(base.into_address(), length).ok()?;
            Some((network, bare))
        }
        match place {
            Place::V4(at) => made(self.0.v4.nth(at)?),
            Place::V6(at) => made(self.0.v6.nth(at)?),
        }
    }

    fn line(&self, index: usize, place: Place) -> Option<String> {
        let layout = self.0.layout.as_deref();
        if let Some(text) = layout.and_then(|layout| layout.spelling(index)) {
            return Some(text.to_owned());
        }
        let (network, bare) = self.network(place)?;
        Some(if bare {
            network.addr().to_string()
        } else {
            network.to_string()
        })
    }
}

impl fmt::Debug for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.rules().take(SHOWN_RULES);
        f.debug_list()
            .entries(shown.map(|rule| rule.network))
            .finish()?;
        match self.len().saturating_sub(SHOWN_RULES) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// How many networks `Debug` shows.
const SHOWN_RULES: usize = 8;

#[cfg(test)]
mod tests;
