//! The abbreviated form of a key, for people.

use std::fmt;

use crate::presented::PresentedKey;

/// A key in the form that lists and logs may show, for example `mr_live_3fK9...x2Qa`.
///
/// The prefix, the first four characters of the public id, and the last four characters of the
/// key. Those four belong to the checksum, not to the secret. It can be built without allocating.
///
/// # Security
///
/// The checksum depends on the secret, so its last four characters narrow 256 bits down to about
/// 232: out of reach, and the reason why the display form is no place for more of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyDisplay<'a> {
    prefix: &'a str,
    head: [u8; 4],
    tail: [u8; 4],
}

impl<'a> KeyDisplay<'a> {
    pub(crate) const fn of(key: &PresentedKey<'a>) -> Self {
        let [a, b, c, d, .., w, x, y, z] = *key.tail();
        Self {
            prefix: key.prefix(),
            head: [a, b, c, d],
            tail: [w, x, y, z],
        }
    }
}

impl fmt::Display for KeyDisplay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.head.map(char::from);
        let [w, x, y, z] = self.tail.map(char::from);
        write!(f, "{}{a}{b}{c}{d}...{w}{x}{y}{z}", self.prefix)
    }
}

impl fmt::Debug for KeyDisplay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyDisplay({self})")
    }
}
