use std::fmt;
use std::str::FromStr;

use crate::{CredentialId, KeyId, OrgId, ProjectId};

/// To what it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuditTarget {
    /// A credential.
    Credential(CredentialId),
    /// The instance as a whole.
    Instance,
    /// A key.
    Key(KeyId),
    /// One secret of a key, by its version.
    KeySecret(KeyId, u32),
    /// An organization.
    Organization(OrgId),
    /// A project.
    Project(ProjectId),
}

impl fmt::Display for AuditTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential(id) => write!(f, "credential:{id}"),
            Self::Instance => f.write_str("instance"),
            Self::Key(id) => write!(f, "key:{id}"),
            Self::KeySecret(id, version) => write!(f, "key:{id}/secret:{version}"),
            Self::Organization(id) => write!(f, "organization:{id}"),
            Self::Project(id) => write!(f, "project:{id}"),
        }
    }
}

impl FromStr for AuditTarget {
    type Err = InvalidTarget;

    /// Reads what [`Display`](fmt::Display) writes, and nothing else.
    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        let target = parse(text).ok_or(InvalidTarget)?;
        // A second spelling of the same id is not ours.
        if target.to_string() == text {
            Ok(target)
        } else {
            Err(InvalidTarget)
        }
    }
}

/// A text that names no target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a target is written instance, credential:ID, key:ID, key:ID/secret:VERSION, organization:ID or project:ID"
)]
pub struct InvalidTarget;

fn parse(text: &str) -> Option<AuditTarget> {
    let Some((kind, id)) = text.split_once(':') else {
        return (text == "instance").then_some(AuditTarget::Instance);
    };
    match (kind, id.split_once("/secret:")) {
        ("credential", None) => id.parse().map(AuditTarget::Credential).ok(),
        ("key", None) => id.parse().map(AuditTarget::Key).ok(),
        ("key", Some((key, version))) => {
            let version = version.parse().ok()?;
            Some(AuditTarget::KeySecret(key.parse().ok()?, version))
        }
        ("organization", None) => id.parse().map(AuditTarget::Organization).ok(),
        ("project", None) => id.parse().map(AuditTarget::Project).ok(),
        _ => None,
    }
}
