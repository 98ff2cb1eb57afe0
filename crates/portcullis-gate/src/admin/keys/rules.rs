//! What a key may call, and from where.

use std::fmt;

use portcullis_allowlist::Allowlist;
use portcullis_audit::Action;
use portcullis_scope::{Models, Providers};
use portcullis_store::{AuditAction, AuditTarget, Change, Guard, KeyId, RulesRow};

use crate::admin::{Admin, AdminError};

/// What a key may call, and from where. `None` is unrestricted; an empty list is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRules {
    /// The allowed providers.
    pub providers: Option<Vec<String>>,
    /// The allowed models: exact names, `*`, or a segment-aware prefix such as `openai/*`.
    pub allow_models: Option<Vec<String>>,
    /// The denied models; deny beats allow.
    pub deny_models: Vec<String>,
    /// The addresses and ranges from which the key may be used: IPv4 and IPv6, such as `192.0.2.7` or `2001:db8::/32`. The
    /// organization's list must admit an address, too.
    pub allow_ips: Option<Vec<String>>,
}

impl Admin {
    /// Replaces what a key may call, and from where.
    ///
    /// # Errors
    /// [`AdminError::NoKey`], [`AdminError::List`], [`AdminError::Allowlist`], [`AdminError::UnknownProvider`], or the
    /// store's.
    pub async fn set_rules(&self, id: KeyId, rules: KeyRules) -> Result<(), AdminError> {
        self.change_rules(id, |_| rules).await
    }

    /// Changes some of a key's rules and keeps the others: `change` is given those in force.
    ///
    /// # Errors
    /// As [`set_rules`](Self::set_rules), and [`AdminError::Conflict`] when somebody else changed the key meanwhile.
    pub async fn change_rules(
        &self,
        id: KeyId,
        change: impl FnOnce(KeyRules) -> KeyRules,
    ) -> Result<(), AdminError> {
        let row = self.key_row(id).await?;
        let before = row.rules.clone();
        let rules = self.checked_rules(change(KeyRules::of(row.rules)))?;
        let only_addresses = RulesRow {
            allow_ips: before.allow_ips.clone(),
            ..rules.clone()
        } == before
            && rules.allow_ips != before.allow_ips;
        // A word of its own: from where a key may be used is what an auditor asks first.
        let action = only_addresses.then_some(Action::KeyAllowlistChanged);
        let set = self
            .set(row.org, AuditAction::KeyRulesChanged, AuditTarget::Key(id))
            .require(Guard::KeyAt {
                id,
                generation: row.generation,
            })
            .change(Change::SetKeyRules { key: id, rules });
        self.unless_changed((set, action), || format!("key {id}"))
            .await
    }

    /// Rules in their stored form, every entry of them read once: what is stored can be enforced.
    pub(super) fn checked_rules(&self, rules: KeyRules) -> Result<RulesRow, AdminError> {
        Providers::parse(rules.providers.as_deref())?;
        Models::parse(rules.allow_models.as_deref(), &rules.deny_models)?;
        Allowlist::parse(rules.allow_ips.as_deref())?;
        for provider in rules.providers.iter().flatten() {
            self.check_provider(provider)?;
        }
        let KeyRules {
            providers,
            allow_models,
            deny_models,
            allow_ips,
        } = rules;
        Ok(RulesRow {
            providers,
            allow_models,
            deny_models,
            allow_ips,
        })
    }
}

impl KeyRules {
    pub(super) fn of(row: RulesRow) -> Self {
        let RulesRow {
            providers,
            allow_models,
            deny_models,
            allow_ips,
        } = row;
        Self {
            providers,
            allow_models,
            deny_models,
            allow_ips,
        }
    }
}

impl fmt::Display for KeyRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |list: &Option<Vec<String>>| match list {
            None => "any".to_owned(),
            Some(entries) if entries.is_empty() => "none".to_owned(),
            Some(entries) => entries.join(", "),
        };
        write!(
            f,
            "providers: {}; models: {}",
            list(&self.providers),
            list(&self.allow_models)
        )?;
        if !self.deny_models.is_empty() {
            write!(f, "; never: {}", self.deny_models.join(", "))?;
        }
        if self.allow_ips.is_some() {
            write!(f, "; only from: {}", list(&self.allow_ips))?;
        }
        Ok(())
    }
}
