//! What one attempt has to hold.

use chrono::{DateTime, Utc};

use crate::hold::Release;
use crate::{
    AttemptId, Cap, CapReached, Caps, Counter, LimitRefusal, NanoUsd, Price, TokenBound, Unit,
};

/// What an attempt may cost at most, as far as anybody can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// The most tokens that it can use; `None` when nobody can tell.
    pub bound: Option<TokenBound>,
    /// The price of the model that is really sent; `None` when it has none.
    pub price: Option<Price>,
}

impl Demand {
    /// What is asked of a cap in `unit`; `None` when it does not fit.
    fn asks(&self, unit: Unit) -> Result<Option<i64>, LimitRefusal> {
        let bound = || self.bound.ok_or(LimitRefusal::EndpointNotAllowed);
        match unit {
            Unit::Requests => Ok(Some(1)),
            Unit::Tokens => {
                let tokens = bound()?.total();
                Ok(tokens.and_then(|tokens| i64::try_from(tokens).ok()))
            }
            Unit::Usd => {
                let bound = bound()?;
                let price = self.price.ok_or(LimitRefusal::ModelNotPriced)?;
                Ok(price.hold(bound).map(NanoUsd::nanos))
            }
        }
    }
}

/// What an attempt asks of its counters: every amount known, none held yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    attempt: AttemptId,
    price: Option<Price>,
    caps: Caps,
    asked: Asked,
}

impl Claim {
    /// Works out what `demand` asks of every cap.
    ///
    /// # Errors
    /// [`LimitRefusal::EndpointNotAllowed`], [`LimitRefusal::ModelNotPriced`]: a cap needs what is `None`.
    /// [`LimitRefusal::CapReached`]: the demand is larger than a whole cap, so waiting does not help.
    pub fn new(attempt: AttemptId, caps: &Caps, demand: Demand) -> Result<Self, LimitRefusal> {
        let limits = caps.iter().map(|cap| (cap.counter(), cap.amount()));
        Ok(Self {
            attempt,
            price: demand.price,
            asked: Asked::of(limits, &demand)?,
            caps: caps.clone(),
        })
    }

    /// Who asks.
    #[must_use]
    pub const fn attempt(&self) -> AttemptId {
        self.attempt
    }

    /// The caps it is under and what it asks of each, in the order of their counters: what a store has to
    /// lock, to load, and to compare in its one statement.
    pub fn parts(&self) -> impl Iterator<Item = (&Cap, i64)> {
        let asked = |cap: &Cap| self.asked.on(cap.counter().unit);
        self.caps.iter().map(move |cap| (cap, asked(cap)))
    }

    /// Undoes a reserve whose answer nobody waits for any more, whether it has been carried out or
    /// not: if the release comes first, it leaves a tombstone.
    pub const fn release(&self) -> Release {
        Release {
            attempt: self.attempt,
        }
    }

    pub(crate) const fn price(&self) -> Option<Price> {
        self.price
    }
}

/// What is asked of a cap in each unit; of one in requests, always one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    tokens: i64,
    usd: i64,
}

impl Asked {
    /// What `demand` asks of counters none of which may reach more than the amount beside it.
    pub(crate) fn of<'a, Limits>(limits: Limits, demand: &Demand) -> Result<Self, LimitRefusal>
    where
        Limits: Iterator<Item = (&'a Counter, i64)>,
    {
        let (mut asked, mut known) = (Self::default(), None);
        for (counter, limit) in limits {
            let unit = counter.unit;
            // Caps come unit by unit, and all of one unit are asked for the same.
            if known != Some(unit) {
                let amount = demand.asks(unit)?;
                asked.set(unit, amount.ok_or_else(|| reached(counter, None))?);
                known = Some(unit);
            }
            if asked.on(unit) > limit {
                return Err(reached(counter, None).into());
            }
        }
        Ok(asked)
    }

    pub(crate) const fn on(&self, unit: Unit) -> i64 {
        match unit {
            Unit::Requests => 1,
            Unit::Tokens => self.tokens,
            Unit::Usd => self.usd,
        }
    }

    const fn set(&mut self, unit: Unit, amount: i64) {
        match unit {
            Unit::Requests => {}
            Unit::Tokens => self.tokens = amount,
            Unit::Usd => self.usd = amount,
        }
    }
}

/// The refusal in the name of the cap on `counter`.
pub(crate) const fn reached(counter: &Counter, resets_at: Option<DateTime<Utc>>) -> CapReached {
    CapReached {
        level: counter.level,
        unit: counter.unit,
        window: counter.window,
        resets_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Level, Limit, Window};

    const ATTEMPT: AttemptId = AttemptId {
        request: [7; 16],
        attempt: 1,
    };

    fn claim(limit: Limit, demand: Demand) -> Result<Claim, LimitRefusal> {
        let cap = Cap::new(Level::Key, "k", Window::Total, limit);
        Claim::new(ATTEMPT, &Caps::from(cap), demand)
    }

    fn demand(output: u64) -> Demand {
        let rate = NanoUsd::parse("1").unwrap();
        Demand {
            bound: Some(TokenBound {
                input: 1_000,
                output,
                choices: 1,
            }),
            price: Some(Price {
                input: rate,
                cached_input: rate,
                output: rate,
                fee: NanoUsd::ZERO,
            }),
        }
    }

    #[test]
    fn a_claim_asks_each_cap_in_its_own_unit() {
        for (limit, amount) in [
            (Limit::Requests(9), 1),
            (Limit::Tokens(9_000), 3_000),
            (Limit::Usd(NanoUsd::MAX), 3_000_000),
        ] {
            let claim = claim(limit, demand(2_000)).unwrap();
            assert_eq!(
                claim.parts().map(|(_, amount)| amount).collect::<Vec<_>>(),
                [amount]
            );
        }
    }

    #[test]
    fn a_model_without_a_price_is_refused_under_a_usd_cap_only() {
        let unpriced = Demand {
            price: None,
            ..demand(1)
        };
        let refusal = claim(Limit::Usd(NanoUsd::MAX), unpriced).unwrap_err();
        assert_eq!(refusal.code(), "model_not_priced");
        assert!(claim(Limit::Tokens(9_000), unpriced).is_ok());
    }

    #[test]
    fn a_demand_that_nobody_can_bound_is_refused_under_a_cap_on_tokens_or_usd() {
        let unbounded = Demand {
            bound: None,
            ..demand(1)
        };
        for limit in [Limit::Usd(NanoUsd::MAX), Limit::Tokens(u64::MAX)] {
            let refusal = claim(limit, unbounded).unwrap_err();
            assert_eq!(refusal.code(), "endpoint_not_allowed");
        }
        assert!(claim(Limit::Requests(1), unbounded).is_ok());
        assert!(Claim::new(ATTEMPT, &Caps::unrestricted(), unbounded).is_ok());
    }

    #[test]
    fn a_demand_larger_than_the_whole_cap_is_not_told_to_wait() {
        for limit in [
            Limit::Tokens(2_999),
            Limit::Usd(NanoUsd::from_nanos(2_999_999)),
        ] {
            let refusal = claim(limit, demand(2_000)).unwrap_err();
            assert_eq!(refusal.code(), "budget_exceeded");
            assert_eq!(refusal.retry_after(DateTime::UNIX_EPOCH), None);
        }
    }

    #[test]
    fn a_demand_that_overflows_is_refused_even_by_the_largest_cap() {
        for limit in [Limit::Tokens(u64::MAX), Limit::Usd(NanoUsd::MAX)] {
            assert!(claim(limit, demand(u64::MAX)).is_err());
        }
    }
}
