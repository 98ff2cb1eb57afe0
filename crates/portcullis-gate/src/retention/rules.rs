//! From stored rows to the rules of the leaf, and back.

use chrono::{DateTime, Utc};
use portcullis_retention::{
    DataClass, Days, HoldScope, Holds, InvalidPolicy, LegalHold, Policies, Policy, Rate, Registry,
    Rules, Settings, Table, TimeRange,
};
use portcullis_store::{HoldRow, OrgId, ProjectId, RetentionRow, RetentionRows};

use super::registry::registry;
use crate::admin::AdminError;
use crate::convert;

/// All that decides what may be removed: as it was read, and as the leaf takes it.
pub(crate) struct Keeping {
    pub(crate) rows: RetentionRows,
    pub(crate) rules: Rules,
}

impl Keeping {
    pub(crate) fn new(rows: RetentionRows, companions: Vec<Table>) -> Result<Self, AdminError> {
        let rules = Rules {
            registry: checked_registry(companions)?,
            policies: policies(&rows.settings)?,
            holds: holds(&rows.holds)?,
        };
        Ok(Self { rows, rules })
    }
}

fn checked_registry(companions: Vec<Table>) -> Result<Registry, AdminError> {
    registry(companions).map_err(|why| AdminError::Companion(why.to_string()))
}

/// The policies that settings make together.
pub(crate) fn policies(rows: &[RetentionRow]) -> Result<Policies, AdminError> {
    let contradiction = |row: &RetentionRow, why: InvalidPolicy| AdminError::Retention {
        owner: owner(row.org, row.project),
        why,
    };
    let of_instance = rows.iter().find(|row| row.org.is_none());
    let default = match of_instance {
        Some(row) => Policy::standard()
            .changed(settings(row)?)
            .map_err(|why| contradiction(row, why))?,
        None => Policy::standard(),
    };
    let mut policies = Policies::new(default);
    for row in rows {
        let Some(org) = row.org.map(|org| org.to_string()) else {
            continue;
        };
        let own = settings(row)?;
        let added = match row.project {
            None => policies.organization(&org, own),
            Some(project) => policies.project(&org, &project.to_string(), own),
        };
        policies = added.map_err(|why| contradiction(row, why))?;
    }
    Ok(policies)
}

/// What a row says, as somebody wrote it.
pub(crate) fn settings(row: &RetentionRow) -> Result<Settings, AdminError> {
    let bad = || AdminError::BadRow(format!("the limits of {}", owner(row.org, row.project)));
    let mut settings = Settings::none();
    for class in DataClass::ALL {
        if let Some(days) = days(row, class) {
            settings = settings.with(class, Days::new(days).ok_or_else(bad)?);
        }
    }
    if let Some(ppm) = row.sampling_ppm {
        settings = settings.with_sampling(Rate::from_ppm(ppm).ok_or_else(bad)?);
    }
    Ok(settings)
}

/// The row of what somebody wrote.
pub(crate) fn settings_row(
    org: Option<OrgId>,
    project: Option<ProjectId>,
    settings: &Settings,
) -> RetentionRow {
    let days = |class| settings.days(class).map(Days::count);
    RetentionRow {
        org,
        project,
        request_meta: days(DataClass::RequestMeta),
        body_sample: days(DataClass::BodySample),
        audit: days(DataClass::Audit),
        rollup: days(DataClass::Rollup),
        opening: days(DataClass::Opening),
        sampling_ppm: settings.sampling().map(Rate::ppm),
    }
}

/// The limit of one class in a row.
pub(crate) fn days(row: &RetentionRow, class: DataClass) -> Option<u16> {
    match class {
        DataClass::RequestMeta => row.request_meta,
        DataClass::BodySample => row.body_sample,
        DataClass::Audit => row.audit,
        DataClass::Rollup => row.rollup,
        DataClass::Opening => row.opening,
    }
}

/// The holds of all rows. One that cannot be read stops everything: what it holds is not known.
pub(crate) fn holds(rows: &[HoldRow]) -> Result<Holds, AdminError> {
    let read: Result<Vec<LegalHold>, AdminError> = rows.iter().map(hold).collect();
    Holds::new(read?).map_err(|why| AdminError::BadRow(why.to_string()))
}

/// One hold, as the leaf takes it.
pub(crate) fn hold(row: &HoldRow) -> Result<LegalHold, AdminError> {
    let project = row.project.map(|project| project.to_string().into());
    let scope = match (row.org.map(|org| org.to_string().into()), project, row.key) {
        (None, _, _) => HoldScope::Instance,
        (Some(organization), project, Some(key)) => HoldScope::Key {
            organization,
            project,
            key: key.as_str().into(),
        },
        (Some(organization), Some(project), None) => HoldScope::Project {
            organization,
            project,
        },
        (Some(organization), None, None) => HoldScope::Organization { organization },
    };
    let time = |at: Option<_>| at.map(convert::time);
    let range = TimeRange::new(time(row.from), time(row.until))?;
    let id = row.id.to_string();
    Ok(LegalHold::new(
        &id,
        scope,
        range,
        &row.reason,
        &row.placed_by,
    )?)
}

/// A time without what rows do not carry.
pub(crate) fn to_the_microsecond(now: DateTime<Utc>) -> DateTime<Utc> {
    convert::time(convert::micros(now))
}

/// Whom settings are of, in a sentence.
fn owner(org: Option<OrgId>, project: Option<ProjectId>) -> String {
    match (org, project) {
        (None, _) => "the instance".to_owned(),
        (Some(org), None) => format!("organization {org}"),
        (Some(org), Some(project)) => format!("project {project} of organization {org}"),
    }
}

/// An id of the leaf that is none of ours: it was made from one of ours.
pub(crate) fn unreadable(what: &str) -> AdminError {
    AdminError::BadRow(format!("{what} of a plan is none of ours"))
}
