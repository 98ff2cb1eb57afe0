//! What an attempt holds, line by line.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use smallvec::SmallVec;

use crate::{Cap, Counter};

/// What an attempt holds on one counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The counter.
    pub counter: Counter,
    /// The start of the period in which the hold was made, and to which it belongs.
    pub start: DateTime<Utc>,
    /// How much is held, in the integers of the counter's unit.
    pub amount: i64,
}

/// What an attempt holds on all its counters.
///
/// The counters are shared with the caps that the attempt is under, so that a hold on few counters allocates nothing.
#[derive(Clone)]
pub struct Lines {
    /// Of these the counters count, not the amounts.
    caps: Arc<[Cap]>,
    /// As many as there are caps, in their order.
    parts: Parts,
    /// Where the ledger put the attempt that holds them; it looks there first.
    place: u32,
}

/// The period and the amount of each line.
pub(crate) type Parts = SmallVec<[(DateTime<Utc>, i64); FEW]>;

impl Lines {
    pub(crate) const fn new(caps: Arc<[Cap]>, parts: Parts) -> Self {
        Self {
            caps,
            parts,
            place: u32::MAX,
        }
    }

    /// Adds the line of the next cap.
    pub(crate) fn push(&mut self, start: DateTime<Utc>, amount: i64) {
        self.parts.push((start, amount));
    }

    pub(crate) const fn put_at(&mut self, place: u32) {
        self.place = place;
    }

    pub(crate) const fn place(&self) -> u32 {
        self.place
    }

    /// The lines, one after the other.
    pub fn iter(&self) -> impl Iterator<Item = Line> {
        self.parts().map(|(cap, start, amount)| Line {
            counter: cap.counter().clone(),
            start,
            amount,
        })
    }

    /// The lines, to work on.
    #[must_use]
    pub fn to_vec(&self) -> Vec<Line> {
        self.iter().collect()
    }

    /// On how many counters something is held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    pub(crate) fn parts(&self) -> impl Iterator<Item = (&Cap, DateTime<Utc>, i64)> {
        let both = self.caps.iter().zip(&self.parts);
        both.map(|(cap, (start, amount))| (cap, *start, *amount))
    }
}

impl Default for Lines {
    /// No line.
    fn default() -> Self {
        Self::new(Arc::default(), Parts::new())
    }
}

impl FromIterator<Line> for Lines {
    fn from_iter<I: IntoIterator<Item = Line>>(lines: I) -> Self {
        let lines = lines.into_iter();
        let split = lines.map(|it| (Cap::on(it.counter, it.amount), (it.start, it.amount)));
        let (caps, parts): (Vec<_>, _) = split.unzip();
        Self::new(caps.into(), parts)
    }
}

impl From<Vec<Line>> for Lines {
    fn from(lines: Vec<Line>) -> Self {
        lines.into_iter().collect()
    }
}

impl<const N: usize> From<[Line; N]> for Lines {
    fn from(lines: [Line; N]) -> Self {
        lines.into_iter().collect()
    }
}

impl PartialEq for Lines {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Lines {}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// How many counters a hold names without an allocation: a key, its project and its organization, one cap each.
pub(crate) const FEW: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Level, Limit, Window};

    fn line(subject: &str, seconds: i64, amount: i64) -> Line {
        let cap = Cap::new(Level::Key, subject, Window::Minute, Limit::Requests(1));
        Line {
            counter: cap.counter().clone(),
            start: DateTime::from_timestamp(seconds, 0).unwrap(),
            amount,
        }
    }

    #[test]
    fn lines_are_the_same_if_counters_periods_and_amounts_are() {
        let lines = Lines::from([line("a", 0, 1), line("b", 60, 2)]);
        assert_eq!(lines, Lines::from(lines.to_vec()));
        for other in [
            vec![line("a", 0, 1)],
            vec![line("a", 0, 1), line("c", 60, 2)],
            vec![line("a", 0, 1), line("b", 120, 2)],
            vec![line("a", 0, 1), line("b", 60, 3)],
            vec![line("b", 60, 2), line("a", 0, 1)],
        ] {
            assert_ne!(lines, Lines::from(other));
        }
        assert!(Lines::default().is_empty());
    }

    #[test]
    fn what_a_cap_allows_is_no_part_of_a_line() {
        let cap = |amount| Cap::on(line("a", 0, 1).counter, amount);
        let start = DateTime::UNIX_EPOCH;
        let under = |amount| {
            let parts = Parts::from_iter([(start, 1)]);
            Lines::new(Arc::from([cap(amount)]), parts)
        };
        assert_eq!(under(5), under(6));
        assert_eq!(
            format!("{:?}", under(5)),
            format!("{:?}", [line("a", 0, 1)])
        );
    }
}
