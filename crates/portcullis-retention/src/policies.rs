//! The policies of all organizations and projects, and which of them holds for a row.

mod file;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{DataClass, Days, InvalidPolicy, Policy, Settings};

pub use file::{InvalidPolicyFile, PolicyFileProblem};

/// The policy of the instance, and what organizations and projects changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policies {
    default: Policy,
    /// What was written of the default.
    written: Settings,
    organizations: BTreeMap<Arc<str>, Organization>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Organization {
    policy: Policy,
    /// What was written; `None` if only its projects wrote something.
    written: Option<Settings>,
    projects: BTreeMap<Arc<str>, (Policy, Settings)>,
}

impl Policies {
    /// One policy for everybody.
    #[must_use]
    pub const fn new(default: Policy) -> Self {
        Self {
            default,
            written: Settings::none(),
            organizations: BTreeMap::new(),
        }
    }

    /// The [standard](Policy::standard) policy with what the instance wrote, for everybody.
    ///
    /// # Errors
    /// [`InvalidPolicy`], see [`Policy::changed`].
    pub fn of_instance(settings: Settings) -> Result<Self, InvalidPolicy> {
        let mut policies = Self::new(Policy::standard().changed(settings)?);
        policies.written = settings;
        Ok(policies)
    }

    /// With what one organization wrote. What it wrote before, and what its projects wrote, is forgotten.
    ///
    /// # Errors
    /// [`InvalidPolicy`], see [`Policy::changed`].
    pub fn organization(
        mut self,
        organization: &str,
        settings: Settings,
    ) -> Result<Self, InvalidPolicy> {
        let entry = Organization {
            policy: self.default.changed(settings)?,
            written: Some(settings),
            projects: BTreeMap::new(),
        };
        self.organizations.insert(organization.into(), entry);
        Ok(self)
    }

    /// With what one project wrote, after its organization.
    ///
    /// # Errors
    /// [`InvalidPolicy`], see [`Policy::narrowed`].
    pub fn project(
        mut self,
        organization: &str,
        project: &str,
        settings: Settings,
    ) -> Result<Self, InvalidPolicy> {
        let default = self.default;
        let entry = self.organizations.entry(organization.into());
        let entry = entry.or_insert_with(|| Organization {
            policy: default,
            written: None,
            projects: BTreeMap::new(),
        });
        let policy = entry.policy.narrowed(settings)?;
        entry.projects.insert(project.into(), (policy, settings));
        Ok(self)
    }

    /// What holds for a row of this organization and project. Rows of nobody, as in the system log, are under
    /// the instance's policy, and so is every organization that wrote nothing.
    #[must_use]
    pub fn policy(&self, organization: Option<&str>, project: Option<&str>) -> &Policy {
        let Some(entry) = organization.and_then(|id| self.organizations.get(id)) else {
            return &self.default;
        };
        let own = project.and_then(|id| entry.projects.get(id));
        own.map_or(&entry.policy, |(policy, _)| policy)
    }

    /// The longest limit that anybody has for `class`.
    #[must_use]
    pub fn longest(&self, class: DataClass) -> Days {
        let own = self
            .organizations
            .values()
            .map(|entry| entry.policy.days(class));
        // A project only shortens.
        own.fold(self.default.days(class), Days::max)
    }

    /// What the instance wrote.
    #[must_use]
    pub const fn default_settings(&self) -> Settings {
        self.written
    }

    /// What each organization and each project wrote itself, an organization before its projects.
    pub fn settings(&self) -> impl Iterator<Item = (&str, Option<&str>, Settings)> {
        self.organizations.iter().flat_map(|(organization, entry)| {
            let own = entry.written.map(|settings| (None, settings));
            let projects = entry.projects.iter();
            let projects = projects.map(|(id, (_, settings))| (Some(&**id), *settings));
            own.into_iter()
                .chain(projects)
                .map(move |(project, settings)| (&**organization, project, settings))
        })
    }

    /// The organizations and projects that are named. Compare them with those that exist: a limit for a misspelt id
    /// limits nothing.
    pub fn named(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.organizations.iter().flat_map(|(organization, entry)| {
            let projects = entry.projects.keys().map(|project| Some(&**project));
            std::iter::once(None)
                .chain(projects)
                .map(move |project| (&**organization, project))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(count: u16) -> Settings {
        let days = Days::new(count).unwrap();
        Settings::none()
            .with(DataClass::RequestMeta, days)
            .with(DataClass::BodySample, Days::new(1).unwrap())
    }

    #[test]
    fn the_narrowest_policy_that_is_written_holds() {
        let policies = Policies::new(Policy::standard())
            .organization("o", meta(90))
            .and_then(|it| it.project("o", "p", meta(10)))
            .unwrap();
        let days = |organization, project| {
            let policy = policies.policy(organization, project);
            policy.days(DataClass::RequestMeta).count()
        };
        assert_eq!(days(None, None), 30);
        assert_eq!(days(Some("other"), Some("p")), 30);
        assert_eq!(days(Some("o"), None), 90);
        assert_eq!(days(Some("o"), Some("other")), 90);
        assert_eq!(days(Some("o"), Some("p")), 10);
        assert_eq!(policies.longest(DataClass::RequestMeta).count(), 90);
        assert_eq!(policies.longest(DataClass::Rollup).count(), 400);
        let named: Vec<_> = policies.named().collect();
        assert_eq!(named, [("o", None), ("o", Some("p"))]);
    }

    #[test]
    fn a_project_of_an_organization_that_wrote_nothing_narrows_the_default() {
        let policies = Policies::default();
        assert!(policies.clone().project("o", "p", meta(31)).is_err());
        let policies = policies.project("o", "p", meta(30)).unwrap();
        assert_eq!(policies.policy(Some("o"), None), &Policy::standard());
    }
}
