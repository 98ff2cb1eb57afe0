//! Classes and activities of OCSF 1.8.0, and what ECS 8.17 calls the same.

use super::Entity;
use crate::Word;

/// A class of OCSF, with what only events of this class have.
#[derive(Clone, Copy)]
pub(in crate::export) enum Class<'a> {
    ApiActivity,
    ApplicationLifecycle,
    Authentication,
    DetectionFinding,
    EntityManagement(Entity<'a>),
    /// With the role.
    UserAccess(&'a Word),
}

impl Class<'_> {
    /// `class_uid`.
    pub(in crate::export) const fn uid(self) -> u32 {
        match self {
            Self::ApiActivity => 6003,
            Self::ApplicationLifecycle => 6002,
            Self::Authentication => 3002,
            Self::DetectionFinding => 2004,
            Self::EntityManagement(_) => 3004,
            Self::UserAccess(_) => 3005,
        }
    }

    /// `class_name`.
    pub(in crate::export) const fn name(self) -> &'static str {
        match self {
            Self::ApiActivity => "API Activity",
            Self::ApplicationLifecycle => "Application Lifecycle",
            Self::Authentication => "Authentication",
            Self::DetectionFinding => "Detection Finding",
            Self::EntityManagement(_) => "Entity Management",
            Self::UserAccess(_) => "User Access Management",
        }
    }

    /// `category_uid` and `category_name`.
    pub(in crate::export) const fn category(self) -> (u8, &'static str) {
        match self {
            Self::ApiActivity | Self::ApplicationLifecycle => (6, "Application Activity"),
            Self::DetectionFinding => (2, "Findings"),
            Self::Authentication | Self::EntityManagement(_) | Self::UserAccess(_) => {
                (3, "Identity & Access Management")
            }
        }
    }

    /// Whether its events have an `actor` without the profile of a host.
    pub(in crate::export) const fn has_actor(self) -> bool {
        match self {
            Self::ApiActivity
            | Self::Authentication
            | Self::EntityManagement(_)
            | Self::UserAccess(_) => true,
            Self::ApplicationLifecycle | Self::DetectionFinding => false,
        }
    }

    /// `event.category` of ECS, and whether its administrators are told apart by an `event.type` of their own.
    pub(in crate::export) const fn ecs_category(self) -> (&'static str, bool) {
        match self {
            Self::ApiActivity => ("api", false),
            Self::ApplicationLifecycle => ("process", false),
            Self::Authentication => ("authentication", false),
            Self::DetectionFinding => ("intrusion_detection", false),
            Self::EntityManagement(entity) if entity.is_identity() => ("iam", true),
            Self::EntityManagement(_) => ("configuration", false),
            Self::UserAccess(_) => ("iam", true),
        }
    }
}

/// An activity within a class: `activity_id`, `activity_name`, and the `event.type` of ECS.
#[derive(Clone, Copy)]
pub(in crate::export) struct Activity {
    pub(in crate::export) id: u8,
    pub(in crate::export) name: &'static str,
    pub(in crate::export) ecs_type: &'static str,
}

impl Activity {
    // Entity Management.
    pub(super) const CREATE: Self = Self::new(1, "Create", "creation");
    pub(super) const READ: Self = Self::new(2, "Read", "info");
    pub(super) const UPDATE: Self = Self::new(3, "Update", "change");
    pub(super) const DELETE: Self = Self::new(4, "Delete", "deletion");
    pub(super) const ENABLE: Self = Self::new(8, "Enable", "change");
    pub(super) const DISABLE: Self = Self::new(9, "Disable", "change");
    pub(super) const SUSPEND: Self = Self::new(12, "Suspend", "change");
    pub(super) const RESUME: Self = Self::new(13, "Resume", "change");
    // User Access Management.
    pub(super) const ASSIGN: Self = Self::new(1, "Assign Privileges", "change");
    pub(super) const REVOKE: Self = Self::new(2, "Revoke Privileges", "change");
    // Authentication.
    pub(super) const LOGON: Self = Self::new(1, "Logon", "start");
    // API Activity: a model call creates a completion.
    pub(in crate::export) const CALL: Self = Self::new(1, "Create", "access");
    pub(super) const DENIED_CALL: Self = Self::new(1, "Create", "denied");
    // Detection Finding.
    pub(super) const FINDING: Self = Self::new(1, "Create", "info");
    pub(super) const RESOLVED: Self = Self::new(3, "Close", "info");
    // Application Lifecycle. The last two are our own words: `Other` of the schema.
    pub(super) const START: Self = Self::new(3, "Start", "start");
    pub(super) const STOP: Self = Self::new(4, "Stop", "end");
    pub(super) const HEAD: Self = Self::new(99, "Audit Head", "info");
    pub(super) const HEARTBEAT: Self = Self::new(99, "Heartbeat", "info");

    /// Whether somebody should look at it now.
    pub(in crate::export) fn is_alert(self) -> bool {
        self.id == Self::FINDING.id
    }

    const fn new(id: u8, name: &'static str, ecs_type: &'static str) -> Self {
        Self { id, name, ecs_type }
    }
}
