//! A list in the making.

use std::fmt::{self, Write};
use std::sync::Arc;

use ipnet::IpNet;

use crate::cidr::{self, CidrProblem, Written};
use crate::networks::family::{BARE, Family};
use crate::networks::layout::{Layout, WORD};
use crate::networks::{Compiled, Networks};

pub(super) struct Builder {
    v4: (Vec<u32>, Vec<u8>),
    v6: (Vec<u128>, Vec<u8>),
    v6_at: Vec<u64>,
    spelled: Vec<(u32, Box<str>)>,
    capacity: usize,
}

impl Builder {
    /// `capacity` is reserved for the family of the first entry: most lists have one family.
    pub(super) const fn with_capacity(capacity: usize) -> Self {
        Self {
            v4: (Vec::new(), Vec::new()),
            v6: (Vec::new(), Vec::new()),
            v6_at: Vec::new(),
            spelled: Vec::new(),
            capacity,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.v4.0.len() + self.v6.0.len()
    }

    pub(super) fn push_text(&mut self, text: &str) -> Result<(), CidrProblem> {
        let written = Written::read(text)?;
        let network = cidr::without_host_bits(written.network()?)?;
        if !is_spelled(text, network, written.is_bare()) {
            let index = u32::try_from(self.len()).unwrap_or(u32::MAX);
            self.spelled.push((index, text.into()));
        }
        self.push(network, written.is_bare());
        Ok(())
    }

    pub(super) fn push_network(&mut self, network: IpNet) -> Result<(), CidrProblem> {
        self.push(cidr::accept(network)?, false);
        Ok(())
    }

    pub(super) fn finish(self) -> Networks {
        let mixed = !self.v4.0.is_empty() && !self.v6.0.is_empty();
        let v6_at = if mixed { self.v6_at } else { Vec::new() };
        let plain = !mixed && self.spelled.is_empty();
        let layout = (!plain).then(|| Box::new(Layout::new(v6_at, self.spelled)));
        Networks(Arc::new(Compiled {
            v4: Family::new(self.v4.0, self.v4.1),
            v6: Family::new(self.v6.0, self.v6.1),
            layout,
        }))
    }

    fn push(&mut self, network: IpNet, bare: bool) {
        let index = self.len();
        let capacity = if index == 0 { self.capacity } else { 0 };
        let length = if bare { BARE } else { network.prefix_len() };
        match network {
            IpNet::V4(network) => add(&mut self.v4, capacity, network.addr().to_bits(), length),
            IpNet::V6(network) => {
                add(&mut self.v6, capacity, network.addr().to_bits(), length);
                let word = index / WORD;
                self.v6_at.resize(self.v6_at.len().max(word + 1), 0);
                if let Some(word) = self.v6_at.get_mut(word) {
                    *word |= 1 << (index % WORD);
                }
            }
        }
    }
}

fn add<A>((bases, lengths): &mut (Vec<A>, Vec<u8>), capacity: usize, base: A, length: u8) {
    bases.reserve_exact(capacity);
    lengths.reserve_exact(capacity);
    bases.push(base);
    lengths.push(length);
}

/// Whether the network, shown again, is `text`.
fn is_spelled(text: &str, network: IpNet, bare: bool) -> bool {
    let mut rest = Unwritten(text);
    let same = match (bare, network) {
        (true, network) => write!(rest, "{}", network.addr()),
        (false, network) => write!(rest, "{network}"),
    };
    same.is_ok() && rest.0.is_empty()
}

/// Takes what is written off the start of a text, and fails where they differ.
struct Unwritten<'a>(&'a str);

impl Write for Unwritten<'_> {
    fn write_str(&mut self, written: &str) -> fmt::Result {
        self.0 = self.0.strip_prefix(written).ok_or(fmt::Error)?;
        Ok(())
    }
}
