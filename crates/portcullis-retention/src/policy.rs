//! How long each class is kept, for an organization or a project.

use crate::{DataClass, Days, Rate};

/// The limits that hold for some rows: a complete and consistent set.
///
/// An organization changes the instance's policy freely; a project may only shorten its organization's.
///
/// ```
/// use portcullis_retention::{DataClass, Days, Policy, Settings};
///
/// let days = |count| Days::new(count).unwrap();
/// let organization = Policy::standard().changed(Settings::none().with(DataClass::RequestMeta, days(90)))?;
/// let project = organization.narrowed(Settings::none().with(DataClass::BodySample, days(1)))?;
/// assert_eq!(project.days(DataClass::RequestMeta), days(90));
///
/// let longer = Settings::none().with(DataClass::RequestMeta, days(91));
/// assert!(organization.narrowed(longer).is_err());
/// # Ok::<(), portcullis_retention::InvalidPolicy>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    days: [Days; DataClass::ALL.len()],
    sampling: Rate,
}

impl Policy {
    /// [`DataClass::default_days`] and [`Rate::DEFAULT`].
    #[must_use]
    pub const fn standard() -> Self {
        Self {
            days: [
                DataClass::RequestMeta.default_days(),
                DataClass::BodySample.default_days(),
                DataClass::Audit.default_days(),
                DataClass::Rollup.default_days(),
                DataClass::Opening.default_days(),
            ],
            sampling: Rate::DEFAULT,
        }
    }

    /// How long rows of `class` are kept.
    #[must_use]
    pub const fn days(&self, class: DataClass) -> Days {
        let [request_meta, body_sample, audit, rollup, opening] = self.days;
        match class {
            DataClass::RequestMeta => request_meta,
            DataClass::BodySample => body_sample,
            DataClass::Audit => audit,
            DataClass::Rollup => rollup,
            DataClass::Opening => opening,
        }
    }

    /// How many bodies are sampled.
    #[must_use]
    pub const fn sampling(&self) -> Rate {
        self.sampling
    }

    /// This policy with what an organization wrote, longer or shorter.
    ///
    /// # Errors
    /// [`InvalidPolicy::OutlivesOther`] when a class would outlive the one it hangs on. Nothing is clamped.
    pub fn changed(&self, settings: Settings) -> Result<Self, InvalidPolicy> {
        let mut changed = *self;
        for (mine, wanted) in changed.days.iter_mut().zip(settings.days) {
            *mine = wanted.unwrap_or(*mine);
        }
        changed.sampling = settings.sampling.unwrap_or(self.sampling);
        changed.consistent()
    }

    /// This policy, an organization's, with what one of its projects wrote.
    ///
    /// # Errors
    /// [`InvalidPolicy`] when the project would keep or sample more than its organization, when it sets a limit for
    /// the audit log, or as [`changed`](Self::changed) does.
    pub fn narrowed(&self, settings: Settings) -> Result<Self, InvalidPolicy> {
        if settings.days(DataClass::Audit).is_some() {
            return Err(InvalidPolicy::AuditOfProject);
        }
        for class in DataClass::ALL {
            let (limit, days) = (self.days(class), settings.days(class));
            if let Some(days) = days.filter(|days| *days > limit) {
                return Err(InvalidPolicy::LongerThanOrganization { class, days, limit });
            }
        }
        let limit = self.sampling;
        match settings.sampling.filter(|rate| *rate > limit) {
            Some(rate) => Err(InvalidPolicy::SamplesMoreThanOrganization { rate, limit }),
            None => self.changed(settings),
        }
    }

    fn consistent(self) -> Result<Self, InvalidPolicy> {
        for class in DataClass::ALL {
            let Some(other) = class.within() else {
                continue;
            };
            let (days, limit) = (self.days(class), self.days(other));
            if days > limit {
                return Err(InvalidPolicy::OutlivesOther {
                    class,
                    days,
                    other,
                    limit,
                });
            }
        }
        Ok(self)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::standard()
    }
}

/// What somebody wrote: some limits, the rest inherited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Settings {
    days: [Option<Days>; DataClass::ALL.len()],
    sampling: Option<Rate>,
}

impl Settings {
    /// Nothing: everything is inherited.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            days: [None; DataClass::ALL.len()],
            sampling: None,
        }
    }

    /// With a limit for `class`.
    #[must_use]
    pub fn with(mut self, class: DataClass, days: Days) -> Self {
        if let Some(slot) = self.days.get_mut(class.index()) {
            *slot = Some(days);
        }
        self
    }

    /// With a rate of sampling.
    #[must_use]
    pub const fn with_sampling(mut self, rate: Rate) -> Self {
        self.sampling = Some(rate);
        self
    }

    /// The limit written for `class`.
    #[must_use]
    pub fn days(&self, class: DataClass) -> Option<Days> {
        self.days.get(class.index()).copied().flatten()
    }

    /// The rate written.
    #[must_use]
    pub const fn sampling(&self) -> Option<Rate> {
        self.sampling
    }
}

/// Limits that contradict each other, and the cure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPolicy {
    /// A body would outlive its metadata, or an opening its record.
    #[error(
        "`{class}` ({days}) would outlive `{other}` ({limit}), which it hangs on; write at most \"{limit}\" for \
         `{class}`, or more for `{other}`"
    )]
    OutlivesOther {
        /// What hangs on the other.
        class: DataClass,
        /// Its limit.
        days: Days,
        /// What it hangs on.
        other: DataClass,
        /// The limit of that.
        limit: Days,
    },
    /// A project may only shorten.
    #[error(
        "a project may only shorten, and its organization keeps `{class}` for {limit}; write at most \"{limit}\""
    )]
    LongerThanOrganization {
        /// What it is about.
        class: DataClass,
        /// What the project wrote.
        days: Days,
        /// What its organization has.
        limit: Days,
    },
    /// One log, one limit.
    #[error(
        "an organization has one audit log, pruned as a whole; write `audit` for the organization"
    )]
    AuditOfProject,
    /// A project may only sample less.
    #[error(
        "a project may only sample less, and its organization samples {limit}; write at most \"{limit}\""
    )]
    SamplesMoreThanOrganization {
        /// What the project wrote.
        rate: Rate,
        /// What its organization has.
        limit: Rate,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(count: u16) -> Days {
        Days::new(count).unwrap()
    }

    #[test]
    fn every_class_is_read_back_from_its_own_place() {
        let mut settings = Settings::none();
        for (class, count) in DataClass::ALL.into_iter().zip([50, 10, 60, 70, 20]) {
            settings = settings.with(class, days(count));
        }
        let policy = Policy::standard().changed(settings).unwrap();
        assert_eq!(
            DataClass::ALL.map(|class| policy.days(class).count()),
            [50, 10, 60, 70, 20]
        );
    }

    #[test]
    fn a_body_never_outlives_its_metadata_whichever_of_both_is_written() {
        let short_meta = Settings::none().with(DataClass::RequestMeta, days(3));
        let error = Policy::standard().changed(short_meta).unwrap_err();
        assert!(matches!(
            error,
            InvalidPolicy::OutlivesOther {
                class: DataClass::BodySample,
                ..
            }
        ));
        assert!(Policy::standard().narrowed(short_meta).is_err());
        let both = short_meta.with(DataClass::BodySample, days(3));
        assert!(Policy::standard().narrowed(both).is_ok());
    }

    #[test]
    fn an_opening_never_outlives_its_record() {
        let settings = Settings::none().with(DataClass::Audit, days(399));
        assert_eq!(
            Policy::standard()
                .changed(settings)
                .unwrap_err()
                .to_string(),
            "`opening` (400d) would outlive `audit` (399d), which it hangs on; write at most \"399d\" for `opening`, \
             or more for `audit`"
        );
    }

    #[test]
    fn a_project_may_only_shorten() {
        let organization = Policy::standard();
        for class in [
            DataClass::RequestMeta,
            DataClass::BodySample,
            DataClass::Rollup,
        ] {
            let limit = organization.days(class).count();
            let at = |count| Settings::none().with(class, days(count));
            assert!(organization.narrowed(at(limit)).is_ok());
            assert!(matches!(
                organization.narrowed(at(limit + 1)),
                Err(InvalidPolicy::LongerThanOrganization { .. })
            ));
        }
        let audit = Settings::none().with(DataClass::Audit, days(1));
        assert_eq!(
            organization.narrowed(audit),
            Err(InvalidPolicy::AuditOfProject)
        );
    }

    #[test]
    fn a_project_may_only_sample_less() {
        let organization = Policy::standard();
        let more = Settings::none().with_sampling(Rate::from_ppm(50_001).unwrap());
        assert!(organization.narrowed(more).is_err());
        assert!(organization.changed(more).is_ok());
        let none = Settings::none().with_sampling(Rate::NONE);
        assert_eq!(organization.narrowed(none).unwrap().sampling(), Rate::NONE);
    }
}
