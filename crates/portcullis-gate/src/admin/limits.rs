//! What keys, projects and organizations may use up, and what they have.

mod cap_rule;
mod spending;

use std::fmt;
use std::num::NonZeroU32;

use portcullis_audit::Action;
use portcullis_limits::{Cap, Caps, Level, Limit, NanoUsd};
use portcullis_store::{
    AuditAction, AuditTarget, CapRow, Change, Guard, KeyId, LimitsRow, OrgId, ProjectId, RateRow,
};

pub use self::cap_rule::{CapRule, InvalidCapRule};
pub use self::spending::Spending;
use super::{Admin, AdminError};
use crate::audit::settings;
use crate::convert;

/// What a key may use up. The default is unrestricted; the caps of its project and its organization hold beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyLimits {
    /// Its caps, at most one for each unit and window, and at most [`CapRule::MOST`].
    pub caps: Vec<CapRule>,
    /// How fast its requests may come.
    pub rate: Option<RateRule>,
}

/// How fast requests may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateRule {
    /// So many requests
    pub requests: NonZeroU32,
    /// in so many seconds,
    pub seconds: NonZeroU32,
    /// so many of them at once after a rest.
    pub burst: NonZeroU32,
}

impl RateRule {
    /// `requests` a minute, all of which may come at once after a minute of rest.
    #[must_use]
    pub fn per_minute(requests: NonZeroU32) -> Self {
        Self {
            requests,
            seconds: MINUTE,
            burst: requests,
        }
    }
}

impl Admin {
    /// Replaces what a key may use up. What was used stays used.
    ///
    /// # Errors
    /// [`AdminError::NoKey`], [`AdminError::Caps`], [`AdminError::TooManyCaps`], [`AdminError::NegativeCap`], or the store's.
    pub async fn set_limits(&self, id: KeyId, limits: KeyLimits) -> Result<(), AdminError> {
        self.change_limits(id, |_| limits).await
    }

    /// Changes some of a key's limits and keeps the others: `change` is given those in force.
    ///
    /// # Errors
    /// As [`set_limits`](Self::set_limits), and [`AdminError::Conflict`] when somebody else changed the key meanwhile.
    pub async fn change_limits(
        &self,
        id: KeyId,
        change: impl FnOnce(KeyLimits) -> KeyLimits,
    ) -> Result<(), AdminError> {
        let row = self.key_row(id).await?;
        let before = KeyLimits::of(&row.limits)?;
        let after = change(before.clone());
        let (limits, record) = (
            after.checked()?,
            settings::limits(&before, &after).map(Action::KeyLimitsChanged),
        );
        let set = self
            .set(row.org, AuditAction::KeyLimitsChanged, AuditTarget::Key(id))
            .require(Guard::KeyAt {
                id,
                generation: row.generation,
            })
            .change(Change::SetKeyLimits { key: id, limits });
        self.unless_changed((set, record), || format!("key {id}"))
            .await
    }

    /// Changes what all keys of a project may use up together: `change` is given the caps in force.
    ///
    /// # Errors
    /// [`AdminError::NoProject`], [`AdminError::Caps`], [`AdminError::TooManyCaps`], [`AdminError::NegativeCap`],
    /// [`AdminError::Conflict`], or the store's.
    pub async fn change_project_caps(
        &self,
        org: OrgId,
        id: ProjectId,
        change: impl FnOnce(Vec<CapRule>) -> Vec<CapRule>,
    ) -> Result<(), AdminError> {
        let row = self
            .stores()
            .project(org, id)
            .await?
            .ok_or(AdminError::NoProject)?;
        let before = rules(&row.caps)?;
        let after = change(before.clone());
        let (caps, record) = (
            checked(&after)?,
            settings::caps(&before, &after).map(Action::ProjectLimitsChanged),
        );
        let set = self
            .set(
                org,
                AuditAction::ProjectLimitsChanged,
                AuditTarget::Project(id),
            )
            .require(Guard::ProjectAt {
                id,
                generation: row.generation,
            })
            .change(Change::SetProjectCaps { project: id, caps });
        self.unless_changed((set, record), || format!("project {id}"))
            .await
    }

    /// Changes what all keys of an organization may use up together: `change` is given the caps in force.
    ///
    /// # Errors
    /// [`AdminError::NoOrganization`], [`AdminError::Caps`], [`AdminError::TooManyCaps`], [`AdminError::NegativeCap`],
    /// [`AdminError::Conflict`], or the store's.
    pub async fn change_organization_caps(
        &self,
        id: OrgId,
        change: impl FnOnce(Vec<CapRule>) -> Vec<CapRule>,
    ) -> Result<(), AdminError> {
        let row = self.organization_row(id).await?;
        let before = rules(&row.caps)?;
        let after = change(before.clone());
        let (caps, record) = (
            checked(&after)?,
            settings::caps(&before, &after).map(Action::OrganizationLimitsChanged),
        );
        let target = AuditTarget::Organization(id);
        let set = self
            .set(id, AuditAction::OrganizationLimitsChanged, target)
            .require(Guard::OrganizationAt {
                generation: row.generation,
            })
            .change(Change::SetOrganizationCaps { caps });
        self.unless_changed((set, record), || format!("organization {id}"))
            .await
    }
}

impl KeyLimits {
    /// In their stored form, if they can be enforced.
    pub(super) fn checked(&self) -> Result<LimitsRow, AdminError> {
        let rate = self.rate.map(|rate| RateRow {
            requests: rate.requests.get(),
            seconds: rate.seconds.get(),
            burst: rate.burst.get(),
        });
        Ok(LimitsRow {
            caps: checked(&self.caps)?,
            rate,
        })
    }

    pub(super) fn of(row: &LimitsRow) -> Result<Self, AdminError> {
        let rate = row.rate.map(rate).transpose()?;
        Ok(Self {
            caps: rules(&row.caps)?,
            rate,
        })
    }
}

fn rate(row: RateRow) -> Result<RateRule, AdminError> {
    let parts = (
        NonZeroU32::new(row.requests),
        NonZeroU32::new(row.seconds),
        NonZeroU32::new(row.burst),
    );
    match parts {
        (Some(requests), Some(seconds), Some(burst)) => Ok(RateRule {
            requests,
            seconds,
            burst,
        }),
        _ => Err(AdminError::BadRow(
            "a stored rate has a zero in it".to_owned(),
        )),
    }
}

/// Caps as their owner sees them.
pub(super) fn rules(rows: &[CapRow]) -> Result<Vec<CapRule>, AdminError> {
    let rule = |row: &CapRow| {
        let (window, limit) =
            convert::cap_parts(row).map_err(|why| AdminError::BadRow(why.to_string()))?;
        Ok(CapRule { window, limit })
    };
    rows.iter().map(rule).collect()
}

/// Caps in their stored form, if they can be enforced together.
fn checked(caps: &[CapRule]) -> Result<Vec<CapRow>, AdminError> {
    if caps.len() > CapRule::MOST {
        return Err(AdminError::TooManyCaps { given: caps.len() });
    }
    for cap in caps {
        if let Limit::Usd(amount) = cap.limit
            && amount < NanoUsd::ZERO
        {
            return Err(AdminError::NegativeCap { given: amount });
        }
    }
    // All of one owner: which one does not matter for whether two are the same.
    Caps::new(
        caps.iter()
            .map(|cap| Cap::new(Level::Key, "", cap.window, cap.limit)),
    )?;
    Ok(caps
        .iter()
        .map(|cap| convert::cap_row(cap.window, cap.limit))
        .collect())
}

impl fmt::Display for KeyLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.caps.is_empty() && self.rate.is_none() {
            return f.write_str("none");
        }
        let caps = self.caps.iter().map(ToString::to_string);
        let all: Vec<_> = caps.chain(self.rate.map(|rate| rate.to_string())).collect();
        f.write_str(&all.join(", "))
    }
}

impl fmt::Display for RateRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            requests,
            seconds,
            burst,
        } = self;
        if *seconds == MINUTE {
            write!(f, "{requests} requests a minute")?;
        } else {
            write!(f, "{requests} requests in {seconds} s")?;
        }
        if burst == requests {
            Ok(())
        } else {
            write!(f, ", {burst} at once")
        }
    }
}

const MINUTE: NonZeroU32 = NonZeroU32::new(60).unwrap();
