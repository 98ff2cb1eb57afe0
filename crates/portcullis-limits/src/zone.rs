//! The time zone of a calendar window.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use chrono_tz::Tz;

/// An IANA time zone, such as `Europe/Berlin`; UTC unless somebody chooses.
///
/// The zones are compiled in: nothing is read at run time, and every node of one version agrees on them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Zone(pub(crate) Tz);

impl Zone {
    /// Coordinated Universal Time.
    pub const UTC: Self = Self(Tz::UTC);

    /// Its name in the IANA database.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::UTC
    }
}

impl FromStr for Zone {
    type Err = UnknownZone;

    /// Reads a name of the IANA database, exactly.
    ///
    /// # Errors
    /// [`UnknownZone`] for anything else, an offset such as `+02:00` included.
    fn from_str(name: &str) -> Result<Self, UnknownZone> {
        name.parse().map(Self).map_err(|_| UnknownZone)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Ord for Zone {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name().cmp(other.name())
    }
}

impl PartialOrd for Zone {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A name that is not in the IANA database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time zone is a name of the IANA database, such as `UTC` or `Europe/Berlin`")]
pub struct UnknownZone;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_survives_its_name() {
        for name in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"] {
            assert_eq!(name.parse::<Zone>().unwrap().to_string(), name);
        }
        assert_eq!(Zone::default().name(), "UTC");
    }

    #[test]
    fn a_zone_is_named_exactly_or_not_at_all() {
        for name in [
            "",
            "+02:00",
            "europe/berlin",
            "Europe/Berlin ",
            "CEST",
            "../UTC",
        ] {
            assert_eq!(name.parse::<Zone>(), Err(UnknownZone), "{name:?}");
        }
    }
}
