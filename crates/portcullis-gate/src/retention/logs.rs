//! The audit logs as tables of a plan: their records, and what opens private fields of them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use portcullis_audit::{Field, Target};
use portcullis_retention::{
    DataClass, Exemption, Group, Inventory, Month, Owner, Partition, Removed, Rules,
};
use portcullis_store::{KeyId, LogId, OrgId, ProjectId, RemovalGuard, UnixMicros};

use super::registry::{OPENINGS, RECORDS};
use crate::admin::{Admin, AdminError};
use crate::audit::reader::AuditRecord;
use crate::convert;

/// How far the logs are looked at.
#[derive(Clone, Copy)]
pub(super) enum Reach<'r> {
    /// As far as records or openings are past their limit.
    Due(&'r Rules, DateTime<Utc>),
    /// All of this organization's log.
    All(OrgId),
}

/// Which openings are to be erased.
pub(super) struct Erasure<'s> {
    pub(super) owner: &'s Owner,
    pub(super) month: Month,
    pub(super) before: Option<DateTime<Utc>>,
    pub(super) except: &'s [Exemption],
    pub(super) limit: u32,
    pub(super) cause: &'static str,
}

impl Admin {
    /// Adds the records of the logs and their openings to an inventory.
    pub(super) async fn with_logs(
        &self,
        inventory: Inventory,
        reach: Reach<'_>,
    ) -> Result<Inventory, AdminError> {
        let mut records = Found::default();
        let mut openings = Found::default();
        for (log, ..) in self.stores().logs().await? {
            let until = match reach {
                Reach::Due(rules, now) => Some(due_until(rules, log, now)),
                Reach::All(org) if log == LogId::Organization(org) => None,
                Reach::All(_) => continue,
            };
            let mut keys = Projects::default();
            let mut walk = Walk::of(self, log).await?;
            while let Some(record) = walk.next(self).await? {
                let at = time(&record);
                if until.is_some_and(|until| at >= until) {
                    break;
                }
                let owner = owner(log, None);
                records.add(owner, at, 1);
                let project = keys.project(self, log, &record).await?;
                let count = u64::try_from(record.openings.len()).unwrap_or(u64::MAX);
                openings.add(self::owner(log, project), at, count);
            }
        }
        Ok(inventory
            .with(RECORDS, records.partitions())
            .with(OPENINGS, openings.partitions()))
    }

    /// Removes the longest run of records from the beginning of a log that are all dated before a time, as far as whole tiles
    /// of 256 go. `None` when the guard says no.
    pub(super) async fn prune_before(
        &self,
        organization: Option<OrgId>,
        before: DateTime<Utc>,
        guard: RemovalGuard,
    ) -> Result<Option<Removed>, AdminError> {
        let log = organization.map_or(LogId::System, LogId::Organization);
        let below = self.audit_records_before(log, before).await?.unwrap_or(0);
        let pruned = self.prune_due(log, below, "retention", guard).await?;
        Ok(pruned.map(|rows| Removed {
            rows,
            finished: true,
        }))
    }

    /// Erases openings, at most so many. `None` when the guard says no.
    pub(super) async fn erase_openings(
        &self,
        what: &Erasure<'_>,
        guard: RemovalGuard,
    ) -> Result<Option<Removed>, AdminError> {
        let org = what.owner.organization.as_deref().map(str::parse);
        let org = org.transpose().map_err(|_| super::unreadable("an owner"))?;
        let log = org.map_or(LogId::System, LogId::Organization);
        let mut keys = Projects::default();
        let mut walk = Walk::of(self, log).await?;
        let mut chosen: Vec<AuditRecord> = Vec::new();
        let mut count = 0;
        let mut finished = true;
        while let Some(record) = walk.next(self).await? {
            let at = time(&record);
            let inside = what.month.range().contains(at) && what.before.is_none_or(|end| at < end);
            let held = what
                .except
                .iter()
                .any(|exemption| exemption.leaves(None, at));
            if record.openings.is_empty() || !inside || held {
                continue;
            }
            let project = keys.project(self, log, &record).await?;
            if owner(log, project) != *what.owner {
                continue;
            }
            if count >= usize::try_from(what.limit).unwrap_or(usize::MAX) {
                finished = false;
                break;
            }
            count += record.openings.len();
            chosen.push(record);
        }
        let fields: BTreeSet<Field> = Field::ALL.into_iter().collect();
        let erased = self.erase_due(log, &chosen, &fields, what.cause, guard);
        let rows = match erased.await {
            Ok(Some(rows)) => rows,
            Ok(None) => return Ok(None),
            Err(AdminError::NotScrubbed) => {
                // They are erased; the next erasure scrubs again.
                tracing::warn!(?log, why = %AdminError::NotScrubbed, "openings were erased");
                u64::try_from(count).unwrap_or(u64::MAX)
            }
            Err(why) => return Err(why),
        };
        Ok(Some(Removed { rows, finished }))
    }
}

/// Records of a log from its beginning, read in parts.
struct Walk {
    log: LogId,
    from: u64,
    read: std::vec::IntoIter<AuditRecord>,
}

impl Walk {
    async fn of(admin: &Admin, log: LogId) -> Result<Self, AdminError> {
        let head = admin.stores().log_head(log).await?;
        Ok(Self {
            log,
            from: head.map_or(0, |(_, minimum)| minimum),
            read: Vec::new().into_iter(),
        })
    }

    async fn next(&mut self, admin: &Admin) -> Result<Option<AuditRecord>, AdminError> {
        if let Some(record) = self.read.next() {
            return Ok(Some(record));
        }
        let records = admin.audit_records(self.log, self.from, PAGE).await?;
        if let Some(last) = records.last() {
            self.from = last.record.seq().saturating_add(1);
        }
        self.read = records.into_iter();
        Ok(self.read.next())
    }
}

/// Of which projects records are: that of their target, or of the key that is their target.
#[derive(Default)]
struct Projects(BTreeMap<KeyId, Option<ProjectId>>);

impl Projects {
    async fn project(
        &mut self,
        admin: &Admin,
        log: LogId,
        record: &AuditRecord,
    ) -> Result<Option<ProjectId>, AdminError> {
        if log == LogId::System || record.openings.is_empty() {
            return Ok(None);
        }
        let key = match record.record.target() {
            Target::Project(id) => {
                return Ok(ProjectId::from_bytes(*id.as_bytes()).ok());
            }
            Target::Key(key) | Target::KeySecret(key, _) => KeyId::from_bytes(*key.as_bytes()).ok(),
            // Of the organization as a whole, and so of none of its projects.
            Target::Credential(_) | Target::Instance | Target::Organization(_) | _ => None,
        };
        let Some(key) = key else { return Ok(None) };
        if let Some(known) = self.0.get(&key) {
            return Ok(*known);
        }
        let row = admin.stores().key(key).await?;
        let project = row.map(|row| row.project);
        self.0.insert(key, project);
        Ok(project)
    }
}

/// Rows by owner and day.
#[derive(Default)]
struct Found(BTreeMap<(Owner, UnixMicros), Group>);

impl Found {
    fn add(&mut self, owner: Owner, at: DateTime<Utc>, rows: u64) {
        if rows == 0 {
            return;
        }
        let day = convert::micros(at).day();
        let group = self.0.entry((owner.clone(), day)).or_insert(Group {
            owner,
            rows: 0,
            oldest: at,
            newest: at,
        });
        group.rows = group.rows.saturating_add(rows);
        group.oldest = group.oldest.min(at);
        group.newest = group.newest.max(at);
    }

    fn partitions(self) -> Vec<Partition> {
        let mut months: BTreeMap<Month, Vec<Group>> = BTreeMap::new();
        for group in self.0.into_values() {
            if let Some(month) = Month::of(group.oldest) {
                months.entry(month).or_default().push(group);
            }
        }
        let months = months.into_iter();
        months
            .map(|(month, groups)| Partition { month, groups })
            .collect()
    }
}

/// Before when a record or an opening of a log is past its limit. Openings have a limit of their project's, so the shortest.
fn due_until(rules: &Rules, log: LogId, now: DateTime<Utc>) -> DateTime<Utc> {
    let org = log.org().map(|org| org.to_string());
    let of = |project: Option<&str>| {
        let policy = rules.policies.policy(org.as_deref(), project);
        let openings = policy.days(DataClass::Opening).cutoff(now);
        openings.max(policy.days(DataClass::Audit).cutoff(now))
    };
    let named = rules.policies.named();
    let projects = named.filter(|(name, _)| org.as_deref() == Some(*name));
    projects.fold(of(None), |until, (_, project)| until.max(of(project)))
}

fn owner(log: LogId, project: Option<ProjectId>) -> Owner {
    Owner {
        organization: log.org().map(|org| org.to_string().into()),
        project: project.map(|project| project.to_string().into()),
    }
}

fn time(record: &AuditRecord) -> DateTime<Utc> {
    convert::time(UnixMicros(record.record.at().micros()))
}

/// How many records are read at a time.
const PAGE: usize = 256;
