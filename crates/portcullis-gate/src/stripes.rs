//! Several of one thing, so that threads which only add to it do not meet.

use std::array;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Several of one thing. Each thread has one that it uses first; two threads share one only where there are more than
/// [`COUNT`] of them.
pub(crate) struct Stripes<T>([Alone<T>; COUNT]);

/// Alone on its cache lines: processors fetch them in pairs.
#[repr(align(128))]
struct Alone<T>(T);

impl<T> Stripes<T> {
    /// One for each place, from zero.
    pub(crate) fn new(mut make: impl FnMut(usize) -> T) -> Self {
        Self(array::from_fn(|place| Alone(make(place))))
    }

    /// All of them, each at its place.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|Alone(one)| one)
    }

    /// All of them, this thread's own first.
    pub(crate) fn own_first(&self) -> impl Iterator<Item = &T> {
        let (others, own_on) = self.0.split_at(MINE.with(|mine| mine % COUNT));
        own_on.iter().chain(others).map(|Alone(one)| one)
    }

    /// This thread's own.
    pub(crate) fn own(&self) -> &T {
        let Self([Alone(first), ..]) = self;
        self.own_first().next().unwrap_or(first)
    }
}

/// How many there are: as many as threads that serve requests on most machines.
pub(crate) const COUNT: usize = 16;

/// The number of the next thread that asks for its own.
static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// This thread's number. In the order of asking: so the first threads share with nobody, which a hash of their names
    /// would not promise.
    static MINE: usize = NEXT.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::thread;

    use super::*;

    #[test]
    fn a_thread_begins_at_its_own_and_comes_to_all() {
        let stripes = Stripes::new(|place| place);
        let own = *stripes.own();
        let order: Vec<usize> = stripes.own_first().copied().collect();
        assert_eq!(order, (own..COUNT).chain(0..own).collect::<Vec<_>>());
        assert_eq!(own, *stripes.own(), "its own stays its own");
        assert!(stripes.iter().copied().eq(0..COUNT));
    }

    #[test]
    fn threads_begin_at_different_ones() {
        let stripes = Stripes::new(|place| place);
        let own = || *stripes.own();
        // Other tests of this process take numbers too, so that two neighbours may be more than one apart.
        let starts: BTreeSet<usize> = thread::scope(|scope| {
            let threads: Vec<_> = (0..COUNT).map(|_| scope.spawn(own)).collect();
            threads.into_iter().map(|it| it.join().unwrap()).collect()
        });
        assert!(starts.len() > COUNT / 4, "{starts:?}");
    }
}
