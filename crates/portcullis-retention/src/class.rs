//! What kinds of data there are, each with a clock of its own.

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use crate::Days;

/// A kind of data with a limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DataClass {
    /// What is recorded of a request beside its content: model, tokens, cost, latency, status.
    RequestMeta,
    /// A sampled request or response body.
    BodySample,
    /// Records of the audit log, which leave from its beginning only.
    Audit,
    /// Sums over many requests, without content and without a person: costs by day and key.
    Rollup,
    /// What opens the committed personal fields of audit records; without it the record stays and
    /// verifies, and the field is unreadable.
    Opening,
}

impl DataClass {
    /// Every class.
    pub const ALL: [Self; 5] = [
        Self::RequestMeta,
        Self::BodySample,
        Self::Audit,
        Self::Rollup,
        Self::Opening,
    ];

    /// The word for it in configuration and rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RequestMeta => "request_meta",
            Self::BodySample => "body_sample",
            Self::Audit => "audit",
            Self::Rollup => "rollup",
            Self::Opening => "opening",
        }
    }

    /// How long it is kept where nobody wrote anything: 30, 7, 400, 400 and 400 days.
    ///
    /// A rollup is for comparing a month with the same month of the year before, so it covers thirteen
    /// calendar months. The longest thirteen have 397 days (366 and 31); 400 is that, rounded up.
    #[must_use]
    pub const fn default_days(self) -> Days {
        Days::constant(match self {
            Self::RequestMeta => days(30),
            Self::BodySample => days(7),
            Self::Audit | Self::Rollup | Self::Opening => days(400),
        })
    }

    /// The class that this one hangs on and must not outlive: a body without the row of its request, or
    /// an opening without its record, is data that nobody can account for.
    #[must_use]
    pub const fn within(self) -> Option<Self> {
        match self {
            Self::BodySample => Some(Self::RequestMeta),
            Self::Opening => Some(Self::Audit),
            Self::RequestMeta | Self::Audit | Self::Rollup => None,
        }
    }

    /// The place of this class in arrays of one value for each class.
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::RequestMeta => 0,
            Self::BodySample => 1,
            Self::Audit => 2,
            Self::Rollup => 3,
            Self::Opening => 4,
        }
    }
}

impl fmt::Display for DataClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DataClass {
    type Err = UnknownClass;

    /// Reads the word, exactly.
    ///
    /// # Errors
    /// [`UnknownClass`] for anything else.
    fn from_str(text: &str) -> Result<Self, UnknownClass> {
        let mut all = Self::ALL.into_iter();
        all.find(|class| class.as_str() == text).ok_or(UnknownClass)
    }
}

/// A word that is no class of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a class is `request_meta`, `body_sample`, `audit`, `rollup` or `opening`")]
pub struct UnknownClass;

/// A limit that is written in this file.
const fn days(count: u16) -> NonZeroU16 {
    match NonZeroU16::new(count) {
        Some(days) => days,
        None => NonZeroU16::MIN,
    }
}

#[cfg(test)]
mod tests {
    use chrono::{Months, NaiveDate};

    use super::*;

    #[test]
    fn classes_survive_their_text_form_and_index_their_place() {
        for (place, class) in DataClass::ALL.into_iter().enumerate() {
            assert_eq!(class.to_string().parse(), Ok(class));
            assert_eq!(class.index(), place);
        }
        assert_eq!("Audit".parse::<DataClass>(), Err(UnknownClass));
        assert_eq!("cache".parse::<DataClass>(), Err(UnknownClass));
    }

    #[test]
    fn the_default_rollup_covers_thirteen_months_whenever_they_begin() {
        let days = i64::from(DataClass::Rollup.default_days().count());
        let longest = (0..12 * 28) // leap years repeat within 28 years
            .map(|month| NaiveDate::from_ymd_opt(2000, 1, 1).unwrap() + Months::new(month))
            .map(|begin| (begin + Months::new(13) - begin).num_days())
            .max()
            .unwrap();
        assert_eq!(longest, 397);
        assert!(days >= longest);
    }

    #[test]
    fn defaults_are_those_of_the_documentation_and_keep_the_order_of_classes() {
        let days = DataClass::ALL.map(|class| class.default_days().count());
        assert_eq!(days, [30, 7, 400, 400, 400]);
        for class in DataClass::ALL {
            if let Some(outer) = class.within() {
                assert!(class.default_days() <= outer.default_days());
            }
        }
    }
}
