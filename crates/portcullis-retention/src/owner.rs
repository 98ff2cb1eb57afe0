//! Whose a row is.

use std::fmt;
use std::sync::Arc;

/// Whose rows these are: an organization's and a project's, an organization's, or nobody's (the system log).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// The id of the organization; opaque here.
    pub organization: Option<Arc<str>>,
    /// The id of the project, `None` where the row or its table has none.
    pub project: Option<Arc<str>>,
}

impl Owner {
    /// Rows of the instance itself.
    #[must_use]
    pub const fn instance() -> Self {
        Self {
            organization: None,
            project: None,
        }
    }

    /// Rows of an organization that belong to no project.
    #[must_use]
    pub fn organization(organization: &str) -> Self {
        Self {
            organization: Some(organization.into()),
            project: None,
        }
    }

    /// Rows of a project.
    #[must_use]
    pub fn project(organization: &str, project: &str) -> Self {
        Self {
            organization: Some(organization.into()),
            project: Some(project.into()),
        }
    }
}

impl fmt::Display for Owner {
    /// `ORGANIZATION/PROJECT`, `-` where there is none; control characters are escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |id: &Option<Arc<str>>| id.as_deref().unwrap_or("-").escape_debug().to_string();
        write!(f, "{}/{}", show(&self.organization), show(&self.project))
    }
}
