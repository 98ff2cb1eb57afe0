use crate::{NodeId, OrgId, UnixMicros};

/// What a key may use up, as its owner wrote it: no cap and no rate is unrestricted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitsRow {
    /// The caps of the key itself; those of its project and its organization hold beside them.
    pub caps: Vec<CapRow>,
    /// How fast its requests may come.
    pub rate: Option<RateRow>,
}

/// A limit on one counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapRow {
    /// What is counted: `requests`, `tokens` or `usd`.
    pub unit: String,
    /// How long: `minute`, `hour`, `day`, `month` or `total`; a zone may follow `day` and `month`, as in
    /// `month Europe/Berlin`.
    pub window: String,
    /// The most in one period: requests, tokens, nano-dollars.
    pub amount: i64,
}

/// A rate of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateRow {
    /// So many requests
    pub requests: u32,
    /// in so many seconds,
    pub seconds: u32,
    /// so many of them at once after a rest.
    pub burst: u32,
}

/// One counter in one period: what a [`ShareRow`] belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountKey {
    /// The organization, which owns every counter of its projects and keys.
    pub org: OrgId,
    /// What is counted: `requests`, `tokens` or `usd`.
    pub unit: String,
    /// How long, as in [`CapRow::window`].
    pub window: String,
    /// What it belongs to: `key`, `project` or `organization`.
    pub level: String,
    /// The id of the key, project or organization.
    pub subject: String,
    /// The start of the period.
    pub start: UnixMicros,
}

/// What one run of one node has drawn from one counter in one period, in the integers of the counter's unit; nothing
/// in it is negative. The sum over all runs is what counts against the cap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareRow {
    /// Whose it is.
    pub key: AccountKey,
    /// The run: a node's id is new with every start.
    pub run: NodeId,
    /// Debited, and not known to be used.
    pub out: i64,
    /// Used, within what was debited.
    pub settled: i64,
    /// Used beyond what was debited for it.
    pub debt: i64,
    /// Debited by a run that is gone: used or not, nobody knows. It counts as used.
    pub unaccounted: i64,
    /// When it may be forgotten; `None` = never.
    pub keep_until: Option<UnixMicros>,
}

impl ShareRow {
    /// The share of a run that has drawn nothing yet: not there, which is the same as zeros.
    #[must_use]
    pub fn zeros(key: AccountKey, run: NodeId) -> Self {
        Self {
            key,
            run,
            out: 0,
            settled: 0,
            debt: 0,
            unaccounted: 0,
            keep_until: None,
        }
    }

    /// All of it that counts against the cap: `out + settled + debt + unaccounted`. A sum that does not fit is the
    /// largest number, which no cap has room for.
    #[must_use]
    pub fn used(&self) -> i64 {
        self.amounts().iter().copied().fold(0, i64::saturating_add)
    }

    /// Adds the amounts of another run's share of the same account, and keeps the later of both ends. A sum that does not
    /// fit is the largest number: it counts as used.
    pub fn add(&mut self, other: &Self) {
        self.out = self.out.saturating_add(other.out);
        self.settled = self.settled.saturating_add(other.settled);
        self.debt = self.debt.saturating_add(other.debt);
        self.unaccounted = self.unaccounted.saturating_add(other.unaccounted);
        let both = self.keep_until.zip(other.keep_until);
        self.keep_until = both.map(|(one, other)| one.max(other));
    }

    pub(crate) fn has_negative(&self) -> bool {
        self.amounts().iter().any(|amount| *amount < 0)
    }

    fn amounts(&self) -> [i64; 4] {
        [self.out, self.settled, self.debt, self.unaccounted]
    }
}

/// A share inside the transaction of [`BudgetStore::draw`](crate::BudgetStore::draw).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// The share of the run that draws; a share of [zeros](ShareRow::zeros) when it has none yet. What the step leaves
    /// here is written.
    pub share: ShareRow,
    /// What the other runs' shares of the same account have [used](ShareRow::used), together.
    pub others: i64,
}
