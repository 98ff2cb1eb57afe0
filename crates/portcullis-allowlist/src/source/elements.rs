//! The elements of a list header, from the right, over all its lines.

use std::net::IpAddr;

use crate::client::{AddressError, MAX_BYTES, MAX_ELEMENTS};
use crate::node::NodeProblem;
use crate::source::ListHeader;

/// Walks the elements of a header from the right.
///
/// Nothing left of the element that is asked for is looked at, so whatever a client put there can
/// neither change an element nor make the walk fail.
pub(super) struct Elements<'a, I> {
    header: ListHeader,
    /// The lines that are not begun.
    lines: I,
    /// What is left of the line that is begun.
    line: Option<&'a [u8]>,
    /// How many bytes may still be read.
    budget: usize,
    number: u8,
}

impl<'a, I: DoubleEndedIterator<Item = &'a [u8]>> Elements<'a, I> {
    pub(super) const fn new(header: ListHeader, lines: I) -> Self {
        Self {
            header,
            lines,
            line: None,
            budget: MAX_BYTES,
            number: 0,
        }
    }

    /// The address in the next element to the left, and its number from the right, from 1.
    pub(super) fn next_address(&mut self) -> Result<Option<(u8, IpAddr)>, AddressError> {
        let Some((number, element)) = self.next()? else {
            return Ok(None);
        };
        let address = located(self.header.address(element), number)?;
        Ok(Some((number, address)))
    }

    /// The next element, and its number.
    ///
    /// An element of nothing is an element: some hop did not say who it is. (RFC 9110 section 5.6.1.2
    /// lets a reader skip it, which here would be to believe the one before.)
    fn next(&mut self) -> Result<Option<(u8, &'a [u8])>, AddressError> {
        let Some(line) = self.line.take().or_else(|| self.lines.next_back()) else {
            return Ok(None);
        };
        if self.number == MAX_ELEMENTS {
            return Err(AddressError::TooManyElements);
        }
        self.number += 1;
        let (rest, element) = self.split(line)?;
        self.line = rest;
        Ok(Some((self.number, element)))
    }

    /// Takes the last element off a line. It costs its length and one byte for the comma, whether
    /// there is one or not: what stands left of it must not count.
    fn split(&mut self, line: &'a [u8]) -> Result<(Option<&'a [u8]>, &'a [u8]), AddressError> {
        let hidden = line.len().saturating_sub(self.budget);
        let read = line.get(hidden..).unwrap_or_default();
        let comma = match self.header {
            ListHeader::XForwardedFor => read.iter().rposition(|byte| *byte == b','),
            ListHeader::Forwarded => last_unquoted_comma(read),
        };
        let element = match comma {
            Some(comma) => read.get(comma + 1..).unwrap_or_default(),
            None => read,
        };
        let budget = self.budget.checked_sub(element.len() + 1);
        self.budget = budget.ok_or(AddressError::TooLong)?;
        let rest = comma.and_then(|comma| line.get(..hidden + comma));
        Ok((rest, element))
    }
}

pub(super) fn located(
    address: Result<IpAddr, NodeProblem>,
    element: u8,
) -> Result<IpAddr, AddressError> {
    address.map_err(|problem| match problem {
        NodeProblem::Malformed => AddressError::Malformed { element },
        NodeProblem::Obfuscated => AddressError::Obfuscated { element },
    })
}

/// The last comma that is not in a quoted string.
///
/// Read from the right, as the last element is the one that a trusted proxy wrote. A quote that a
/// client opened somewhere on the left, and never closed, swallows it when read from there.
fn last_unquoted_comma(line: &[u8]) -> Option<usize> {
    let mut quoted = false;
    let mut at = line.len();
    while let Some(before) = at.checked_sub(1) {
        at = before;
        match line.get(at) {
            Some(b',') if !quoted => return Some(at),
            Some(b'"') => quoted = !quoted || is_escaped(line, at),
            Some(_) | None => {}
        }
    }
    None
}

/// Whether the byte at `at` follows an odd number of backslashes.
fn is_escaped(line: &[u8], at: usize) -> bool {
    let before = line.get(..at).unwrap_or_default();
    let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\');
    backslashes.count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(header: ListHeader, lines: &[&'static str]) -> Vec<&'static str> {
        let lines = lines.iter().map(|line| line.as_bytes());
        let mut elements = Elements::new(header, lines);
        let mut found = Vec::new();
        while let Some((_, element)) = elements.next().unwrap() {
            found.push(std::str::from_utf8(element).unwrap());
        }
        found
    }

    #[test]
    fn lines_and_elements_are_read_from_the_right() {
        let found = elements(ListHeader::XForwardedFor, &["a,b", "", "c, d"]);
        assert_eq!(found, [" d", "c", "", "b", "a"]);
        assert_eq!(elements(ListHeader::XForwardedFor, &[",a,"]), ["", "a", ""]);
        assert_eq!(elements(ListHeader::XForwardedFor, &[]), [""; 0]);
    }

    #[test]
    fn a_comma_in_a_quoted_string_ends_no_element() {
        let header = ListHeader::Forwarded;
        let found = elements(header, &["for=a;host=\"x,y\",for=b"]);
        assert_eq!(found, ["for=b", "for=a;host=\"x,y\""]);
        let found = elements(header, &["for=a,host=\"x\\\",y\\\\\";for=b"]);
        assert_eq!(found, ["host=\"x\\\",y\\\\\";for=b", "for=a"]);
    }

    #[test]
    fn a_quote_that_was_never_closed_swallows_nothing_on_its_right() {
        let found = elements(
            ListHeader::Forwarded,
            &["for=\"a, for=b", "for=\"c,for=\"d\""],
        );
        assert_eq!(found[0], "for=\"d\"");
        let found = elements(ListHeader::Forwarded, &["for=\"a, for=b"]);
        assert_eq!(found[0], " for=b");
    }

    #[test]
    fn the_budget_counts_what_is_read_and_nothing_left_of_it() {
        let (longest, longer) = ("x".repeat(MAX_BYTES - 1), "x".repeat(MAX_BYTES));
        let read = |line: &str| {
            let lines = [line.as_bytes()].into_iter();
            Elements::new(ListHeader::XForwardedFor, lines)
                .next()
                .map(|found| found.map(|(_, element)| element.len()))
        };
        for left in ["", ",", "a,", &format!("{longer},")] {
            assert_eq!(read(&format!("{left}{longest}")), Ok(Some(MAX_BYTES - 1)));
            assert_eq!(read(&format!("{left}{longer}")), Err(AddressError::TooLong));
        }
    }
}
