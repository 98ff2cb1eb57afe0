//! What a key may use.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::ask::Ask;
use super::counted::Counted;
use super::hold::Hold;
use crate::claim::Asked;
use crate::{Account, Counter, Demand, LimitRefusal, Period, Unit};

/// The caps that a request is under, and the counters that they limit. Cloning it copies nothing.
///
/// [Open](super::Books::open) it once for each change of the caps, not for each request.
#[derive(Clone)]
pub struct Allowance(Arc<[Limited]>);

/// A counter, and the most that it may reach.
pub(super) struct Limited {
    pub(super) counted: Arc<Counted>,
    pub(super) amount: i64,
}

impl Allowance {
    pub(super) fn new(counters: impl Iterator<Item = (Arc<Counted>, i64)>) -> Self {
        Self(
            counters
                .map(|(counted, amount)| Limited { counted, amount })
                .collect(),
        )
    }

    /// Whether nothing is limited.
    #[must_use]
    pub fn is_unrestricted(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether any of the caps is in `unit`: a request that cannot be bounded in it has to be refused.
    #[must_use]
    pub fn limits(&self, unit: Unit) -> bool {
        self.caps().any(|(counter, _)| counter.unit == unit)
    }

    /// The counters and the most that each may reach, in the order of the counters.
    pub fn caps(&self) -> impl Iterator<Item = (&Counter, i64)> {
        self.0.iter().map(|it| (it.counted.counter(), it.amount))
    }

    /// The period in which one of the counters counts at `now`, and its account in it; as
    /// [`Books::standing`](super::Books::standing), without a look at the other counters of the books.
    #[must_use]
    pub fn standing(&self, counter: &Counter, now: DateTime<Utc>) -> Option<(Period, Account)> {
        let found = self.0.iter().find(|it| it.counted.counter() == counter)?;
        Some(found.counted.lock().standing(now))
    }

    /// Works out what `demand` asks of every cap.
    ///
    /// # Errors
    /// [`LimitRefusal::EndpointNotAllowed`], [`LimitRefusal::ModelNotPriced`]: a cap needs what is `None`.
    /// [`LimitRefusal::CapReached`]: the demand is larger than a whole cap, so waiting does not help.
    #[inline]
    pub fn ask(&self, demand: Demand) -> Result<Ask, LimitRefusal> {
        let asked = Asked::of(self.caps(), &demand)?;
        Ok(Ask::new(Hold::new(self.clone(), demand.price, asked)))
    }

    pub(super) fn limited(&self) -> &[Limited] {
        &self.0
    }
}

impl fmt::Debug for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.caps()).finish()
    }
}
