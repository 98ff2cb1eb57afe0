//! One key in memory: what never changes of it, and the rules that are replaced under it.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use chrono::{DateTime, Utc};
use portcullis_allowlist::Allowlist;
use portcullis_key::KeyDigest;
use portcullis_limits::RateCell;
use portcullis_scope::Scope;
use portcullis_store::{EnvironmentName, KeyId, OrgId, ProjectId};

use super::cell::{Cell, CutReason};
use super::vault::OrgState;
use crate::limits::rules::{MergedCell, OwnLimits};

/// One slot per key id, for as long as the process runs.
pub(crate) struct Slot {
    pub(crate) id: KeyId,
    pub(crate) org: Arc<OrgState>,
    pub(crate) project: ProjectId,
    pub(crate) environment: EnvironmentName,
    /// The prefix of the key text; a presented key must carry the same.
    pub(crate) prefix: Box<str>,
    rules: ArcSwap<Rules>,
    /// The requests so far; it survives the replacement of the rate.
    pub(crate) rate: RateCell,
    pub(crate) caps: MergedCell,
}

/// What changes: replaced as a whole, and never by an older one.
pub(crate) struct Rules {
    pub(crate) generation: u64,
    /// From where the key may be used.
    pub(crate) allowlist: Allowlist,
    /// What it may use up.
    pub(crate) limits: OwnLimits,
    /// The two newest secrets, the newest first: the current one, and the one in its grace period.
    pub(crate) secrets: [Option<Arc<Secret>>; 2],
}

/// One secret of a key, with the scope that holds for whoever presents it.
pub(crate) struct Secret {
    pub(crate) version: u32,
    pub(crate) digest: KeyDigest,
    /// The key's scope with this secret's own status and expiry.
    pub(crate) scope: Scope,
    pub(crate) cell: Arc<Cell>,
}

impl Slot {
    pub(crate) fn new(
        id: KeyId,
        org: Arc<OrgState>,
        project: ProjectId,
        environment: EnvironmentName,
        prefix: Box<str>,
        rules: Rules,
    ) -> Self {
        Self {
            id,
            org,
            project,
            environment,
            prefix,
            rules: ArcSwap::from_pointee(rules),
            rate: RateCell::new(),
            caps: MergedCell::default(),
        }
    }

    pub(crate) fn org_id(&self) -> OrgId {
        self.org.id
    }

    /// The rules in force, without waiting for anybody.
    pub(crate) fn rules(&self) -> Guard<Arc<Rules>> {
        self.rules.load()
    }

    /// Replaces the rules, unless they are older than those in force, and ends what they no longer allow.
    pub(crate) fn replace(&self, rules: Rules, now: DateTime<Utc>) {
        if rules.generation < self.rules.load().generation {
            return;
        }
        let before = self.rules.swap(Arc::new(rules));
        let after = self.rules.load();
        self.org
            .books
            .recap(&before.limits.caps, &after.limits.caps);
        for old in before.secrets.iter().flatten() {
            let standing = match after.secret(old.version) {
                None => Some(CutReason::Revoked),
                Some(new) => new.scope.check_standing(now).err().map(CutReason::of),
            };
            if let Some(reason) = standing {
                old.cell.cut(reason);
            }
        }
    }

    /// Ends what runs under a secret whose time has come.
    pub(crate) fn cut_if_expired(&self, version: u32, now: DateTime<Utc>) {
        if let Some(secret) = self.rules.load().secret(version)
            && let Err(refusal) = secret.scope.check_standing(now)
        {
            secret.cell.cut(CutReason::of(refusal));
        }
    }

    /// Ends all that runs under the key.
    pub(crate) fn cut(&self, reason: CutReason) {
        for secret in self.rules.load().secrets.iter().flatten() {
            secret.cell.cut(reason);
        }
    }
}

impl Rules {
    /// The secret of a version, if it is one of the two newest.
    pub(crate) fn secret(&self, version: u32) -> Option<&Arc<Secret>> {
        self.secrets
            .iter()
            .flatten()
            .find(|secret| secret.version == version)
    }

    /// The cell of a version, to carry it over into newer rules.
    pub(crate) fn cell(&self, version: u32) -> Option<Arc<Cell>> {
        self.secret(version).map(|secret| Arc::clone(&secret.cell))
    }
}
