//! A queue by time.

use std::collections::VecDeque;

/// Things by the second at which something is due for them.
///
/// Nothing is taken out but from the front: a thing whose time has changed stays where it is, and whoever comes to it
/// looks what has become of it. Times come nearly in order, so that putting in is putting at the end.
pub(super) struct Due<T>(VecDeque<(i64, Vec<T>)>);

impl<T> Due<T> {
    pub(super) fn push(&mut self, second: i64, thing: T) {
        match self.0.back_mut() {
            Some((last, things)) if *last == second => things.push(thing),
            Some(_) | None => self.open(second).push(thing),
        }
    }

    /// One of the first second, if that is before `end`, and the second.
    pub(super) fn pop_before(&mut self, end: i64) -> Option<(i64, T)> {
        while let Some((second, things)) = self.0.front_mut().filter(|it| it.0 < end) {
            if let Some(thing) = things.pop() {
                return Some((*second, thing));
            }
            self.0.pop_front();
        }
        None
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|(_, things)| things.len()).sum()
    }

    #[expect(clippy::indexing_slicing, reason = "it was found there, or put there")]
    fn open(&mut self, second: i64) -> &mut Vec<T> {
        let place = self.0.partition_point(|(other, _)| *other < second);
        if self.0.get(place).is_none_or(|(other, _)| *other != second) {
            // As many as in the second before: few of them grow.
            let like = self.0.back().map_or(0, |(_, things)| things.len());
            self.0.insert(place, (second, Vec::with_capacity(like)));
        }
        &mut self.0[place].1
    }
}

impl<T> Default for Due<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emptied(due: &mut Due<u32>, end: i64) -> Vec<(i64, u32)> {
        std::iter::from_fn(|| due.pop_before(end)).collect()
    }

    #[test]
    fn what_comes_out_of_order_goes_out_in_order() {
        let mut due = Due::default();
        for (second, thing) in [
            (5, 50),
            (7, 70),
            (6, 60),
            (5, 51),
            (9, 90),
            (7, 71),
            (-1, 10),
        ] {
            due.push(second, thing);
        }
        assert_eq!(emptied(&mut due, 5), [(-1, 10)]);
        assert_eq!(
            emptied(&mut due, 8),
            [(5, 51), (5, 50), (6, 60), (7, 71), (7, 70)]
        );
        due.push(8, 80);
        assert_eq!(emptied(&mut due, i64::MAX), [(8, 80), (9, 90)]);
        assert_eq!(emptied(&mut due, i64::MAX), []);
    }
}
