//! What has been used of every cap.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use portcullis_limits::{Counter, Level};
use portcullis_store::{AccountKey, CapRow, OrgId, ShareRow, Tenants};

use super::CapRule;
use crate::admin::{Admin, AdminError};
use crate::convert;
use crate::pages::Pages;

/// What has been used of one cap in its current period, in the cap's unit: requests, tokens, or nano-dollars.
///
/// As the durable books know it: half a second behind what runs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spending {
    /// Whose cap it is.
    pub level: Level,
    /// The id of that key, project or organization.
    pub subject: String,
    /// What people call it.
    pub name: String,
    /// The cap.
    pub cap: CapRule,
    /// When the period began.
    pub starts_at: DateTime<Utc>,
    /// When the counter starts again; `None` = never.
    pub resets_at: Option<DateTime<Utc>>,
    /// Charged, within what was held.
    pub settled: i64,
    /// Debited by the serving process, for what runs now and comes next.
    pub reserved: i64,
    /// Charged beyond what was held. It blocks what follows until the period ends.
    pub debt: i64,
    /// Debited by a process that is gone: used or not, nobody knows. It counts as used and is never refunded.
    pub unaccounted: i64,
}

impl Spending {
    /// All that counts against the cap.
    #[must_use]
    pub fn used(&self) -> i64 {
        let charged = self.settled.saturating_add(self.debt);
        charged
            .saturating_add(self.reserved)
            .saturating_add(self.unaccounted)
    }
}

/// Who has caps.
struct Owner {
    level: Level,
    subject: String,
    name: String,
    caps: Vec<CapRow>,
}

impl Admin {
    /// What has been used of every cap of an organization: its own, then those of its projects, then those of its keys.
    ///
    /// # Errors
    /// [`AdminError::NoOrganization`], or the store's.
    pub async fn spending(&self, org: OrgId) -> Result<Vec<Spending>, AdminError> {
        let owners = self.owners(org).await?;
        let mut shares: HashMap<AccountKey, Vec<ShareRow>> = HashMap::new();
        for share in self.stores().shares(org).await? {
            shares.entry(share.key.clone()).or_default().push(share);
        }
        let now = self.now();
        let mut all = Vec::new();
        for owner in owners {
            for cap in super::rules(&owner.caps)? {
                all.push(spending(org, &owner, cap, &shares, now));
            }
        }
        Ok(all)
    }

    async fn owners(&self, org: OrgId) -> Result<Vec<Owner>, AdminError> {
        let row = self.organization_row(org).await?;
        let mut owners = vec![Owner {
            level: Level::Organization,
            subject: org.to_string(),
            name: row.name,
            caps: row.caps,
        }];
        owners.extend(
            self.stores()
                .projects(org)
                .await?
                .into_iter()
                .map(|row| Owner {
                    level: Level::Project,
                    subject: row.id.to_string(),
                    name: row.name,
                    caps: row.caps,
                }),
        );
        let mut pages = Pages::of(PAGE);
        while let Some(page) = pages.part() {
            let rows = self.stores().keys(Tenants::One(org), page).await?;
            pages.read(&rows, |row| row.id);
            owners.extend(rows.into_iter().map(|row| Owner {
                level: Level::Key,
                subject: row.id.to_string(),
                name: row.name,
                caps: row.limits.caps,
            }));
        }
        Ok(owners)
    }
}

fn spending(
    org: OrgId,
    owner: &Owner,
    cap: CapRule,
    shares: &HashMap<AccountKey, Vec<ShareRow>>,
    now: DateTime<Utc>,
) -> Spending {
    let period = cap.window.period(now);
    let counter = Counter {
        unit: cap.limit.unit(),
        window: cap.window,
        level: owner.level,
        subject: owner.subject.as_str().into(),
    };
    let of_period = shares.get(&convert::account_key(org, &counter, period.start));
    let sum = |part: fn(&ShareRow) -> i64| {
        let parts = of_period.into_iter().flatten().map(part);
        parts.fold(0_i64, i64::saturating_add)
    };
    Spending {
        level: owner.level,
        subject: owner.subject.clone(),
        name: owner.name.clone(),
        cap,
        starts_at: period.start,
        resets_at: period.end,
        settled: sum(|share| share.settled),
        reserved: sum(|share| share.out),
        debt: sum(|share| share.debt),
        unaccounted: sum(|share| share.unaccounted),
    }
}

const PAGE: usize = 500;
