mod action;
mod actor;
mod target;

pub use action::{AuditAction, UnknownAction};
pub use actor::{Actor, ActorKind, InvalidActor};
pub use target::{AuditTarget, InvalidTarget};

use std::net::IpAddr;

use crate::UnixMicros;

/// Who did what to what, and when: what an action leaves behind in the same transaction as its change.
///
/// Typed ids only; there is no field that takes free text, so a secret cannot be recorded by mistake. Each part has a text
/// form that reads back, because a draft may have to wait in the outbox of its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditDraft {
    at: UnixMicros,
    actor: Actor,
    action: AuditAction,
    target: AuditTarget,
    address: Option<IpAddr>,
}

impl AuditDraft {
    /// The draft of one action.
    #[must_use]
    pub fn new(at: UnixMicros, actor: Actor, action: AuditAction, target: AuditTarget) -> Self {
        Self {
            at,
            actor,
            action,
            target,
            address: None,
        }
    }

    /// The same draft with the address that the action came from. It is personal data: whoever seals it keeps it where it can
    /// be erased.
    #[must_use]
    pub fn from_address(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// When it was done.
    #[must_use]
    pub fn at(&self) -> UnixMicros {
        self.at
    }

    /// Who did it.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// What was done.
    #[must_use]
    pub fn action(&self) -> AuditAction {
        self.action
    }

    /// To what it was done.
    #[must_use]
    pub fn target(&self) -> AuditTarget {
        self.target
    }
    /// Where it came from, if that is known.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};
    use std::str::FromStr;

    use super::*;

    #[test]
    fn every_actor_reads_back() {
        for actor in [
            Actor::operator("ada@example.com").unwrap(),
            Actor::user("a:b/c ü").unwrap(),
            Actor::system(),
        ] {
            reads_back(&actor);
        }
    }

    #[test]
    fn every_action_reads_back() {
        assert!(AuditAction::ALL.len() > 20);
        AuditAction::ALL.iter().for_each(reads_back);
    }

    #[test]
    fn only_what_takes_access_away_goes_before_its_record() {
        let ends = AuditAction::ALL.iter().filter(|it| it.ends_access());
        let words: Vec<&str> = ends.map(|action| action.as_str()).collect();
        let switched_off = [
            "credential.disabled",
            "key.disabled",
            "key.revoked",
            "key.secret_revoked",
            "organization.suspended",
            "organization_key.disabled",
        ];
        assert_eq!(words, switched_off);
    }

    #[test]
    fn every_target_reads_back() {
        let key = "3fK9aaaaaaaa".parse().unwrap();
        let id = "0198c0de-0000-7000-8000-000000000001";
        for target in [
            AuditTarget::Credential(id.parse().unwrap()),
            AuditTarget::Instance,
            AuditTarget::Key(key),
            AuditTarget::KeySecret(key, u32::MAX),
            AuditTarget::Organization(id.parse().unwrap()),
            AuditTarget::Project(id.parse().unwrap()),
        ] {
            reads_back(&target);
        }
    }

    #[test]
    fn what_is_not_written_so_does_not_read() {
        for actor in [
            "",
            "ada",
            "operator:",
            "root:ada",
            "system:ada",
            "user:a\nb",
            "Operator:ada",
        ] {
            assert!(actor.parse::<Actor>().is_err(), "{actor}");
        }
        for action in ["", "key", "key.", "Key.minted", "key.minted "] {
            assert!(action.parse::<AuditAction>().is_err(), "{action}");
        }
        for target in [
            "",
            "instance:",
            "key:short",
            "key:3fK9aaaaaaaa/secret:",
            "key:3fK9aaaaaaaa/secret:01",
            "key:3fK9aaaaaaaa/secret:+1",
            "key:3fK9aaaaaaaa/secret:4294967296",
            "project:0198c0de00007000800000000000001f",
            "project:0198C0DE-0000-7000-8000-000000000001",
            "project:00000000-0000-0000-0000-000000000000",
            "budget:0198c0de-0000-7000-8000-000000000001",
        ] {
            assert!(target.parse::<AuditTarget>().is_err(), "{target}");
        }
    }

    fn reads_back<T>(value: &T)
    where
        T: FromStr<Err: Debug> + Display + PartialEq + Debug,
    {
        assert_eq!(&value.to_string().parse::<T>().unwrap(), value);
    }
}
