//! Rows to leaf types and back: the one place where flat data gets its meaning.

pub(crate) mod audit;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use portcullis_allowlist::Allowlist;
use portcullis_envelope::{
    Context, CredentialContext, CredentialStanding, InvalidContext, MasterKeys, SealedRecord,
};
use portcullis_key::KeyDigest;
use portcullis_limits::{Account, Cap, Counter, Level, Limit, NanoUsd, Rate, Share, Unit, Window};
use portcullis_scope::{Environment, Models, Providers, Scope, Status};
use portcullis_store::{
    AccountKey, Blob, CapRow, CredentialRow, CredentialSlot, KeyRow, OrgId, OrganizationRow,
    ProjectRow, RateRow, RulesRow, SecretRow, ShareRow, UnixMicros,
};

use crate::admin::CapRule;
use crate::limits::rules::{OwnLimits, ProjectRules};
use crate::node::cell::Cell;
use crate::node::opens::LastOpen;
use crate::node::slot::{Rules, Secret};
use crate::node::vault::{OrgRules, SealedCredential};
use crate::vault::keys::OrgKeys;

/// A row whose content cannot be what was written. Fail closed: whatever it stands for is refused.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{what} cannot be read: {why}")]
pub(crate) struct BadRow {
    what: &'static str,
    why: String,
}

impl BadRow {
    pub(crate) fn new(what: &'static str, why: impl ToString) -> Self {
        Self {
            what,
            why: why.to_string(),
        }
    }
}

/// The time of a row; the end of the calendar when it is out of `chrono`'s range.
pub(crate) fn time(at: UnixMicros) -> DateTime<Utc> {
    let end = if at.0 < 0 {
        DateTime::<Utc>::MIN_UTC
    } else {
        DateTime::<Utc>::MAX_UTC
    };
    DateTime::from_timestamp_micros(at.0).unwrap_or(end)
}

/// The row form of a time.
pub(crate) fn micros(at: DateTime<Utc>) -> UnixMicros {
    UnixMicros(at.timestamp_micros())
}

/// What a key's row allows, as it stands now. Cells are carried over from the rules before.
pub(crate) fn rules(row: &KeyRow, before: Option<&Rules>) -> Result<Rules, BadRow> {
    let mut newest: Vec<&SecretRow> = row.secrets.iter().collect();
    newest.sort_by_key(|secret| std::cmp::Reverse(secret.version));
    let mut slots = [None, None];
    for (slot, secret) in slots.iter_mut().zip(newest) {
        let cell = before.and_then(|rules| rules.cell(secret.version));
        *slot = Some(Arc::new(Secret {
            version: secret.version,
            digest: digest(secret)?,
            scope: scope(row, secret)?,
            cell: cell.unwrap_or_else(|| Arc::new(Cell::new())),
        }));
    }
    Ok(Rules {
        generation: row.generation,
        allowlist: allowlist(row.rules.allow_ips.as_deref())?,
        limits: key_limits(row)?,
        secrets: slots,
    })
}

/// The rules under which nothing is valid, for a key whose row cannot be read.
pub(crate) fn no_rules(generation: u64) -> Rules {
    Rules {
        generation,
        allowlist: Allowlist::Unrestricted,
        limits: OwnLimits {
            caps: Vec::new(),
            rate: None,
        },
        secrets: [None, None],
    }
}

/// The scope of whoever presents this secret of the key.
fn scope(row: &KeyRow, secret: &SecretRow) -> Result<Scope, BadRow> {
    Ok(Scope {
        status: status(row, secret),
        expires_at: secret.expires_at.map(time),
        environment: Environment::parse(row.environment.as_str())
            .map_err(|e| BadRow::new("the key's environment", e))?,
        providers: providers(&row.rules)?,
        models: models(&row.rules)?,
    })
}

/// The status of a key as one of its secrets sees it: a revoked secret is a revoked key to whoever holds it.
pub(crate) fn status(row: &KeyRow, secret: &SecretRow) -> Status {
    if row.revoked_at.is_some() || secret.revoked_at.is_some() {
        Status::Revoked
    } else if row.disabled_at.is_some() {
        Status::Disabled
    } else {
        Status::Active
    }
}

pub(crate) fn providers(rules: &RulesRow) -> Result<Providers, BadRow> {
    Providers::parse(rules.providers.as_deref())
        .map_err(|e| BadRow::new("the allowed providers", e))
}

pub(crate) fn models(rules: &RulesRow) -> Result<Models, BadRow> {
    Models::parse(rules.allow_models.as_deref(), &rules.deny_models)
        .map_err(|e| BadRow::new("the allowed or denied models", e))
}

/// What an organization's row allows. With a list or a cap that cannot be read the organization is shut out.
pub(crate) fn organization_rules(row: &OrganizationRow, master: &MasterKeys) -> OrgRules {
    let shut_out =
        |why: &BadRow| tracing::error!(org = %row.id, %why, "the organization is shut out");
    let list = allowlist(row.allow_ips.as_deref()).inspect_err(shut_out);
    let caps = caps(Level::Organization, &row.id.to_string(), &row.caps).inspect_err(shut_out);
    let keys = OrgKeys::of(row, master).inspect_err(|why| {
        tracing::error!(org = %row.id, %why, "the organization's credentials cannot be opened");
    });
    OrgRules {
        generation: row.generation,
        keys: Arc::new(keys),
        suspended: row.suspended_at.is_some() || list.is_err() || caps.is_err(),
        allowlist: list.unwrap_or(Allowlist::Unrestricted),
        caps: caps.unwrap_or_default(),
    }
}

/// What a project's row allows. With a cap that cannot be read nothing is.
pub(crate) fn project_rules(row: &ProjectRow) -> ProjectRules {
    let id = row.id.to_string();
    let caps = caps(Level::Project, &id, &row.caps).unwrap_or_else(|why| {
        tracing::error!(project = %row.id, %why, "the project is shut out");
        vec![nothing_allowed(Level::Project, &id)]
    });
    ProjectRules {
        generation: row.generation,
        caps,
    }
}

/// The rules of an organization whose row is gone.
pub(crate) fn no_organization() -> OrgRules {
    OrgRules {
        generation: u64::MAX,
        keys: Arc::new(Err(BadRow::new("the organization", "its row is gone"))),
        suspended: true,
        allowlist: Allowlist::Unrestricted,
        caps: Vec::new(),
    }
}

fn allowlist(entries: Option<&[String]>) -> Result<Allowlist, BadRow> {
    Allowlist::parse(entries).map_err(|e| BadRow::new("the allowed addresses", e))
}

/// What a key's row lets it use up.
fn key_limits(row: &KeyRow) -> Result<OwnLimits, BadRow> {
    Ok(OwnLimits {
        caps: caps(Level::Key, row.id.as_str(), &row.limits.caps)?,
        rate: row.limits.rate.map(rate).transpose()?,
    })
}

/// The caps of one key, project or organization.
fn caps(level: Level, subject: &str, rows: &[CapRow]) -> Result<Vec<Cap>, BadRow> {
    let (given, most) = (rows.len(), CapRule::MOST);
    if given > most {
        let why = format!("there are {given}, and at most {most} may be; replace them by fewer");
        return Err(BadRow::new("the caps", why));
    }
    let cap = |row: &CapRow| {
        let (window, limit) = cap_parts(row)?;
        Ok(Cap::new(level, subject, window, limit))
    };
    rows.iter().map(cap).collect()
}

/// What a cap's row says.
pub(crate) fn cap_parts(row: &CapRow) -> Result<(Window, Limit), BadRow> {
    let bad = |why: &dyn ToString| BadRow::new("a cap", why.to_string());
    let unit: Unit = row.unit.parse().map_err(|e| bad(&e))?;
    let window: Window = row.window.parse().map_err(|e| bad(&e))?;
    let count = || u64::try_from(row.amount).map_err(|e| bad(&e));
    let limit = match unit {
        Unit::Requests => Limit::Requests(count()?),
        Unit::Tokens => Limit::Tokens(count()?),
        Unit::Usd => Limit::Usd(NanoUsd::from_nanos(
            i64::try_from(count()?).map_err(|e| bad(&e))?,
        )),
    };
    Ok((window, limit))
}

/// The row of a cap.
pub(crate) fn cap_row(window: Window, limit: Limit) -> CapRow {
    CapRow {
        unit: limit.unit().as_str().to_owned(),
        window: window.to_string(),
        amount: limit.amount(),
    }
}

/// A cap that admits nothing.
pub(crate) fn nothing_allowed(level: Level, subject: &str) -> Cap {
    Cap::new(level, subject, Window::Total, Limit::Requests(0))
}

/// What a rate's row says.
pub(crate) fn rate(row: RateRow) -> Result<Rate, BadRow> {
    let bad = || BadRow::new("the rate", "it has a zero in it");
    let count = NonZeroU32::new(row.requests).ok_or_else(bad)?;
    let burst = NonZeroU32::new(row.burst).ok_or_else(bad)?;
    let seconds = NonZeroU32::new(row.seconds).ok_or_else(bad)?;
    let period = Duration::from_secs(u64::from(seconds.get()));
    Ok(Rate::per(count, period, burst))
}

/// The name of a counter's account in the durable books.
pub(crate) fn account_key(org: OrgId, counter: &Counter, start: DateTime<Utc>) -> AccountKey {
    AccountKey {
        org,
        unit: counter.unit.as_str().to_owned(),
        window: counter.window.to_string(),
        level: counter.level.as_str().to_owned(),
        subject: counter.subject.to_string(),
        start: micros(start),
    }
}

/// The counter that an account of the durable books belongs to.
pub(crate) fn counter(key: &AccountKey) -> Result<Counter, BadRow> {
    let bad = |why: &dyn ToString| BadRow::new("an account", why.to_string());
    Ok(Counter {
        unit: key.unit.parse().map_err(|e| bad(&e))?,
        window: key.window.parse().map_err(|e| bad(&e))?,
        level: key.level.parse().map_err(|e| bad(&e))?,
        subject: key.subject.as_str().into(),
    })
}

/// A share as the leaf reckons with it.
pub(crate) fn share(row: &ShareRow) -> Share {
    Share {
        out: row.out,
        settled: row.settled,
        debt: row.debt,
        unaccounted: row.unaccounted,
    }
}

/// Writes a share into its row.
pub(crate) fn put_share(row: &mut ShareRow, share: Share) {
    let Share {
        out,
        settled,
        debt,
        unaccounted,
    } = share;
    (row.out, row.settled, row.debt, row.unaccounted) = (out, settled, debt, unaccounted);
}

/// What was used, as the books charge it.
pub(crate) fn usage(usage: portcullis_dialect::Usage) -> portcullis_limits::Usage {
    match usage {
        portcullis_dialect::Usage::Exact(counted) => {
            portcullis_limits::Usage::Exact(count(counted))
        }
        portcullis_dialect::Usage::Partial(counted) => {
            portcullis_limits::Usage::Partial(count(counted))
        }
        portcullis_dialect::Usage::Unknown => portcullis_limits::Usage::Unknown,
    }
}

/// What was counted, whether or not it was all.
pub(crate) fn tokens(usage: portcullis_dialect::Usage) -> Option<portcullis_limits::Tokens> {
    match usage {
        portcullis_dialect::Usage::Exact(counted) | portcullis_dialect::Usage::Partial(counted) => {
            Some(count(counted))
        }
        portcullis_dialect::Usage::Unknown => None,
    }
}

fn count(tokens: portcullis_dialect::Tokens) -> portcullis_limits::Tokens {
    let portcullis_dialect::Tokens {
        input,
        cached_input,
        output,
    } = tokens;
    portcullis_limits::Tokens {
        input,
        cached_input,
        output,
    }
}

/// The accounts with which a node starts. Requests and tokens go on where they were written last. Dollars start at nothing:
/// what was used stands in the durable books, which every chunk is debited from; the account is there so that
/// the counter does not go back to an earlier period.
pub(crate) fn counted(
    rows: Vec<ShareRow>,
) -> impl Iterator<Item = Result<(Counter, Account), BadRow>> {
    let mut sums: BTreeMap<AccountKey, Share> = BTreeMap::new();
    for row in rows {
        let share = share(&row);
        let sum = sums.entry(row.key).or_default();
        sum.settled = sum.settled.saturating_add(share.settled);
        sum.debt = sum.debt.saturating_add(share.debt);
    }
    sums.into_iter().map(|(key, sum)| {
        let counter = counter(&key)?;
        let mut account = Account::new(time(key.start));
        if counter.unit != Unit::Usd {
            (account.settled, account.debt) = (sum.settled, sum.debt);
        }
        Ok((counter, account))
    })
}

fn digest(secret: &SecretRow) -> Result<KeyDigest, BadRow> {
    KeyDigest::from_parts(&secret.scheme, secret.pepper, secret.digest.as_slice())
        .map_err(|e| BadRow::new("a key's digest", e))
}

/// The row form of a digest: scheme, pepper id, bytes.
pub(crate) fn digest_parts(digest: &KeyDigest) -> (String, Option<u32>, Blob) {
    (
        digest.scheme().as_str().to_owned(),
        digest.pepper(),
        Blob(digest.as_bytes().to_vec()),
    )
}

/// A credential as the request path keeps it. An unreadable record is kept too, so that it is told apart from a
/// missing one.
pub(crate) fn sealed_credential(row: CredentialRow) -> SealedCredential {
    let sealed = SealedRecord::parse(row.sealed.as_slice());
    SealedCredential {
        id: row.id,
        slot: row.slot,
        generation: row.generation,
        standing: CredentialStanding {
            is_disabled: row.disabled_at.is_some(),
            expires_at: row.expires_at.map(time),
        },
        last_open: LastOpen::default(),
        sealed: sealed.map_err(|why| why.to_string().into()),
    }
}

/// What a credential is sealed to: always from the row that is read.
pub(crate) fn credential_context(
    slot: &CredentialSlot,
    generation: u64,
) -> Result<Context<'_>, InvalidContext> {
    Context::credential(CredentialContext {
        org: slot.org.as_bytes(),
        project: slot
            .project
            .as_ref()
            .map(portcullis_store::ProjectId::as_bytes),
        environment: slot
            .environment
            .as_ref()
            .map_or("", |environment| environment.as_str()),
        provider: slot.provider.as_str(),
        name: slot.name.as_str(),
        generation,
    })
}
