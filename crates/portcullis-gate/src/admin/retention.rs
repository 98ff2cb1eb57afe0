//! What is kept and for how long, who must not lose anything, and what was used.

use chrono::{DateTime, Utc};
use getrandom::SysRng;
use portcullis_audit::{
    Action, Change as AuditChange, Count, Hold, ObjectId, Settings as Changes, Word,
};
use portcullis_retention::{DataClass, Policies, Policy, Settings, Table, TimeRange};
use portcullis_store::{
    AuditAction, AuditTarget, Change, ChangeSet, Guard, HoldId, HoldRow, KeyId, LostRow, OrgId,
    ProjectId, RetentionRow, RollupRow, TraceRow,
};

use super::{Admin, AdminError, Origin, Recorded};
use crate::convert;
use crate::retention::{Keeping, settings, settings_row};

/// A legal hold to be placed: on everything, an organization, a project, or a key.
#[derive(Clone, Debug)]
pub struct NewHold {
    /// The organization; `None` holds everything.
    pub org: Option<OrgId>,
    /// Only this project of it.
    pub project: Option<ProjectId>,
    /// Only this key of it.
    pub key: Option<KeyId>,
    /// Only data of this time.
    pub range: TimeRange,
    /// Why: the matter, the order.
    pub reason: String,
}

/// What requests have used, and how many of them nobody could record.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UsageReport {
    /// The sums of each day, by key, provider, model and outcome.
    pub days: Vec<RollupRow>,
    /// Requests whose traces were lost, of all organizations.
    pub lost: Vec<LostRow>,
}

impl Admin {
    /// What holds for an organization, or for one of its projects; for everybody else if `None`.
    ///
    /// # Errors
    /// [`AdminError::Retention`] for stored limits that contradict each other, or the store's.
    pub async fn retention_policy(
        &self,
        org: Option<OrgId>,
        project: Option<ProjectId>,
    ) -> Result<Policy, AdminError> {
        let (org, project) = (
            org.map(|id| id.to_string()),
            project.map(|id| id.to_string()),
        );
        let policies = self.keeping().await?.rules.policies;
        Ok(*policies.policy(org.as_deref(), project.as_deref()))
    }

    /// What an organization or one of its projects wrote itself; the instance, if both are `None`.
    ///
    /// # Errors
    /// As [`retention_policy`](Self::retention_policy).
    pub async fn retention_settings(
        &self,
        org: Option<OrgId>,
        project: Option<ProjectId>,
    ) -> Result<Settings, AdminError> {
        let rows = self.stores().retention().await?.settings;
        let row = rows
            .iter()
            .find(|row| (row.org, row.project) == (org, project));
        row.map_or(Ok(Settings::none()), settings)
    }

    /// Replaces what an organization or a project wrote; what the instance wrote, if both are `None`. A project only shortens.
    /// It is in force for bodies of requests that begin after it has returned, and for what is removed from then on.
    ///
    /// # Errors
    /// [`AdminError::Retention`] when the limits contradict each other or those of somebody else, with the cure;
    /// [`AdminError::NoOrganization`], [`AdminError::NoProject`], or the store's.
    pub async fn set_retention(
        &self,
        org: Option<OrgId>,
        project: Option<ProjectId>,
        settings: Settings,
    ) -> Result<(), AdminError> {
        let row = settings_row(org, project, &settings);
        self.exists(org, project).await?;
        let mut rows = self.stores().retention().await?;
        let old = rows
            .settings
            .iter()
            .find(|old| (old.org, old.project) == (org, project));
        let old = old.cloned().unwrap_or(RetentionRow {
            org,
            project,
            ..RetentionRow::default()
        });
        rows.settings
            .retain(|old| (old.org, old.project) != (org, project));
        rows.settings.push(row.clone());
        rows.settings.sort_by_key(|row| (row.org, row.project));
        // Before it is written: all limits together, and not this one alone.
        Keeping::new(rows, self.companion_tables())?;
        self.write_settings(&old, row).await
    }

    /// Writes what a policy file says: the limits of the instance, and of each organization and project that it names by id.
    /// Whom it does not name keeps what they wrote. What is so already is not written again.
    ///
    /// # Errors
    /// As [`set_retention`](Self::set_retention), before anything is written; [`AdminError::UnknownOwner`] for a name that is no id
    /// of an organization or project here.
    pub async fn load_retention(&self, policies: &Policies) -> Result<(), AdminError> {
        let mut rows = self.stores().retention().await?;
        let mut written = vec![settings_row(None, None, &policies.default_settings())];
        for (organization, project, own) in policies.settings() {
            let unknown = || AdminError::UnknownOwner {
                given: project.unwrap_or(organization).to_owned(),
            };
            let org: OrgId = organization.parse().map_err(|_| unknown())?;
            let id = project.map(str::parse::<ProjectId>).transpose();
            let id = id.map_err(|_| unknown())?;
            if self.exists(Some(org), id).await.is_err() {
                return Err(unknown());
            }
            written.push(settings_row(Some(org), id, &own));
        }
        let mut changed = Vec::new();
        for row in written {
            let owner = (row.org, row.project);
            let old = rows
                .settings
                .iter()
                .find(|old| (old.org, old.project) == owner);
            let old = old.cloned().unwrap_or(RetentionRow {
                org: row.org,
                project: row.project,
                ..RetentionRow::default()
            });
            if old != row {
                rows.settings.retain(|old| (old.org, old.project) != owner);
                rows.settings.push(row.clone());
                changed.push((old, row));
            }
        }
        rows.settings.sort_by_key(|row| (row.org, row.project));
        Keeping::new(rows, self.companion_tables())?;
        for (old, row) in changed {
            self.write_settings(&old, row).await?;
        }
        Ok(())
    }

    /// Places a legal hold: from then on nothing under it is removed, by a limit, a purge or an erasure. Its id.
    ///
    /// # Errors
    /// [`AdminError::Hold`] without a reason, [`AdminError::NoOrganization`], [`AdminError::NoProject`], [`AdminError::NoKey`],
    /// or the store's.
    pub async fn place_hold(&self, new: NewHold) -> Result<HoldId, AdminError> {
        let NewHold {
            org,
            project,
            key,
            range,
            reason,
        } = new;
        self.exists(org, project).await?;
        let mut project = project;
        if let Some(key) = key {
            let row = self.stores().key(key).await?;
            let row = row.filter(|row| Some(row.org) == org);
            let row = row.ok_or(AdminError::NoKey(key))?;
            // Tables without keys are held as far as this.
            project = Some(row.project);
        }
        let at = convert::micros(self.now());
        let id = HoldId::generate(at, &mut SysRng).map_err(|_| AdminError::NoRandomness)?;
        let row = HoldRow {
            id,
            org,
            project,
            key,
            from: range.from().map(convert::micros),
            until: range.until().map(convert::micros),
            reason,
            placed_by: self.actor().to_string(),
            placed_at: at,
        };
        crate::retention::hold(&row)?;
        let target = hold_target(&row);
        let set = self.retention_set(org, AuditAction::HoldPlaced, target);
        let set = set.change(Change::PlaceHold(row));
        self.commit_of_hold(set, Action::HoldPlaced(recorded(id)))
            .await?;
        Ok(id)
    }

    /// Lifts a legal hold.
    ///
    /// # Errors
    /// [`AdminError::NoHold`], or the store's.
    pub async fn lift_hold(&self, id: HoldId) -> Result<(), AdminError> {
        let holds = self.holds().await?;
        let row = holds.into_iter().find(|row| row.id == id);
        let row = row.ok_or(AdminError::NoHold(id))?;
        let set = self.retention_set(row.org, AuditAction::HoldReleased, hold_target(&row));
        let set = set.change(Change::LiftHold(id));
        self.commit_of_hold(set, Action::HoldReleased(recorded(id)))
            .await
    }

    async fn commit_of_hold(&self, set: ChangeSet, action: Action) -> Result<(), AdminError> {
        let action = Some(action);
        // There is no guard that could fail.
        let _no_guard = self.commit(Recorded { set, action }).await?;
        Ok(())
    }

    /// All legal holds, by id.
    ///
    /// # Errors
    /// The store's.
    pub async fn holds(&self) -> Result<Vec<HoldRow>, AdminError> {
        Ok(self.stores().retention().await?.holds)
    }

    /// What an organization's keys have used on the days from `since` on, and how many traces were lost on them.
    ///
    /// # Errors
    /// The store's.
    pub async fn usage(&self, org: OrgId, since: DateTime<Utc>) -> Result<UsageReport, AdminError> {
        let from = convert::micros(since).day();
        Ok(UsageReport {
            days: self.stores().rollups(org, from).await?,
            lost: self.stores().lost_traces(from).await?,
        })
    }

    /// An organization's traces of a time, the newest first, at most `limit`.
    ///
    /// # Errors
    /// The store's.
    pub async fn traces(
        &self,
        org: OrgId,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<TraceRow>, AdminError> {
        let (from, until) = (convert::micros(from), convert::micros(until));
        Ok(self.stores().traces(org, from, until, limit).await?)
    }

    /// The tables of all companions.
    pub(crate) fn companion_tables(&self) -> Vec<Table> {
        let companions = match &self.origin {
            Origin::Within(node) => &node.companions,
            Origin::Beside(beside) => &beside.companions,
        };
        companions.iter().flat_map(|it| it.tables()).collect()
    }

    async fn write_settings(
        &self,
        old: &RetentionRow,
        row: RetentionRow,
    ) -> Result<(), AdminError> {
        let (org, project) = (row.org, row.project);
        let action = match project {
            Some(_) => AuditAction::ProjectRetentionChanged,
            None => AuditAction::OrganizationRetentionChanged,
        };
        let target = match (org, project) {
            (_, Some(project)) => AuditTarget::Project(project),
            (Some(org), None) => AuditTarget::Organization(org),
            (None, None) => AuditTarget::Instance,
        };
        let said = Changes::new(changes(old, &row))
            .ok()
            .map(|changes| match project {
                Some(_) => Action::ProjectRetentionChanged(changes),
                None => Action::OrganizationRetentionChanged(changes),
            });
        let mut set = self.retention_set(org, action, target);
        if let Some(project) = project {
            set = set.require(Guard::ProjectExists(project));
        }
        match self
            .commit(Recorded {
                set: set.change(Change::SetRetention(row)),
                action: said,
            })
            .await?
        {
            None => Ok(()),
            Some(_) => Err(AdminError::NoProject),
        }
    }

    fn retention_set(
        &self,
        org: Option<OrgId>,
        action: AuditAction,
        target: AuditTarget,
    ) -> ChangeSet {
        let draft = self.draft(action, target);
        match org {
            Some(org) => ChangeSet::new(org, draft),
            None => ChangeSet::instance(draft),
        }
    }

    async fn exists(
        &self,
        org: Option<OrgId>,
        project: Option<ProjectId>,
    ) -> Result<(), AdminError> {
        let Some(org) = org else {
            return project.map_or(Ok(()), |_| Err(AdminError::NoOrganization));
        };
        let found = self.stores().organization(org).await?;
        found.ok_or(AdminError::NoOrganization)?;
        if let Some(project) = project {
            let found = self.stores().project(org, project).await?;
            found.ok_or(AdminError::NoProject)?;
        }
        Ok(())
    }
}

/// A hold as the log names it.
fn recorded(id: HoldId) -> Hold {
    let hold = ObjectId::from_bytes(*id.as_bytes());
    Hold { hold }
}

fn hold_target(row: &HoldRow) -> AuditTarget {
    match (row.org, row.project, row.key) {
        (_, _, Some(key)) => AuditTarget::Key(key),
        (_, Some(project), None) => AuditTarget::Project(project),
        (Some(org), None, None) => AuditTarget::Organization(org),
        (None, None, None) => AuditTarget::Instance,
    }
}

/// What was changed, for the record: numbers under fixed words.
fn changes(before: &RetentionRow, after: &RetentionRow) -> Vec<AuditChange> {
    let mut changes = Vec::new();
    let mut push = |setting, before: Option<u64>, after: Option<u64>| {
        if before != after
            && let Ok(setting) = Word::new(setting)
        {
            changes.push(AuditChange {
                after: after.map(Count::new),
                before: before.map(Count::new),
                setting,
            });
        }
    };
    for class in DataClass::ALL {
        let days = |row| crate::retention::days(row, class).map(u64::from);
        push(setting(class), days(before), days(after));
    }
    let ppm = |row: &RetentionRow| row.sampling_ppm.map(u64::from);
    push("sampling_ppm", ppm(before), ppm(after));
    changes
}

const fn setting(class: DataClass) -> &'static str {
    match class {
        DataClass::RequestMeta => "request_meta_days",
        DataClass::BodySample => "body_sample_days",
        DataClass::Audit => "audit_days",
        DataClass::Rollup => "rollup_days",
        DataClass::Opening => "opening_days",
    }
}
