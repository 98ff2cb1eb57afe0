//! The ids that a record says in clear.

use crate::{RecordedActor, Target};

/// The id of who acted.
pub(in crate::export) fn actor_id(actor: &RecordedActor) -> Option<String> {
    match actor {
        RecordedActor::Key(id) => Some(id.to_string()),
        RecordedActor::Operator
        | RecordedActor::Stranger
        | RecordedActor::System
        | RecordedActor::User => None,
    }
}

/// The id of what it was done to.
pub(in crate::export) fn target_id(target: &Target) -> Option<String> {
    match target {
        Target::Credential(id) | Target::Organization(id) | Target::Project(id) => {
            Some(id.to_string())
        }
        Target::Instance => None,
        Target::Key(id) | Target::KeySecret(id, _) => Some(id.to_string()),
    }
}

/// The version of a target that has one.
pub(in crate::export) const fn target_version(target: &Target) -> Option<u32> {
    match target {
        Target::KeySecret(_, version) => Some(*version),
        Target::Credential(_)
        | Target::Instance
        | Target::Key(_)
        | Target::Organization(_)
        | Target::Project(_) => None,
    }
}
