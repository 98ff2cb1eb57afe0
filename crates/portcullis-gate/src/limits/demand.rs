//! What one attempt asks of the limits that its caller is under.

use std::sync::Arc;

use portcullis_limits::{Ask, Demand, Level, LimitRefusal, NanoUsd, Price, Rate, Unit, Window};

use super::debits::NotHeld;
use super::quota::{Quota, RateLimits};
use super::rules::{Generations, Merged};
use crate::call::Bill;
use crate::caller::Caller;
use crate::clock::Reading;
use crate::dispatch::{Dispatch, Estimate, Target};
use crate::node::slot::Rules;
use crate::refusal::{Refusal, Unavailable};

/// What a request was found to need.
pub(crate) struct Demanded {
    pub(crate) bill: Bill,
    /// What has to be held, if anything limits it.
    pub(crate) ask: Option<Ask>,
    pub(crate) meters: Meters,
}

/// Where it is read off what is left of a key's own rates.
pub(crate) struct Meters {
    rate: Option<Rate>,
    caps: Arc<Merged>,
}

impl Caller {
    /// Steps B7 and B8 of `spec/decisions.md`, as far as they need not wait: the rate, and what has to be held.
    pub(crate) fn demand(
        &self,
        dispatch: &Dispatch<'_>,
        rules: &Rules,
        now: Reading,
    ) -> Result<Demanded, Refusal> {
        let meters = Meters {
            rate: rules.limits.rate,
            caps: self.caps(rules)?,
        };
        if let Some(rate) = meters.rate
            && let Err(too_soon) = self.slot.rate.admit(rate, now.monotonic)
        {
            return Err(self.limited(too_soon.into(), &meters, now));
        }
        let prices = self.node.prices.load();
        let entry = match &dispatch.target {
            Target::Model(model) => prices.model(dispatch.provider, model),
            Target::ModelList | Target::Opaque => None,
        };
        let mut bill = Bill {
            price: entry.map(|entry| entry.price),
            ..Bill::default()
        };
        let allowance = &meters.caps.allowance;
        if allowance.is_unrestricted() {
            return Ok(Demanded {
                bill,
                ask: None,
                meters,
            });
        }
        let mut demand = Demand {
            bound: None,
            price: bill.price,
        };
        if allowance.limits(Unit::Tokens) || allowance.limits(Unit::Usd) {
            let limited = self.bound(dispatch, entry)?;
            demand.bound = limited.bound;
            bill.bound = limited.bound;
            bill.body = limited.body;
            bill.hides_usage = limited.adds_usage;
        }
        if matches!(dispatch.estimate, Estimate::Nothing) {
            demand.price = Some(FREE);
        }
        let ask = allowance.ask(demand);
        let ask = ask.map_err(|why| self.limited(why, &meters, now))?;
        Ok(Demanded {
            bill,
            ask: Some(ask),
            meters,
        })
    }

    /// What the caller is told when nothing could be held.
    pub(crate) fn not_held(&self, why: NotHeld, meters: &Meters, now: Reading) -> Refusal {
        match why {
            NotHeld::Limit(why) => self.limited(why, meters, now),
            NotHeld::Unavailable(kind) => Refusal::Unavailable(Unavailable::Store(kind)),
        }
    }

    /// All caps that the caller is under at this moment.
    fn caps(&self, rules: &Rules) -> Result<Arc<Merged>, Refusal> {
        let (slot, org) = (&self.slot, self.slot.org.rules());
        let merged = slot.org.project(self.project(), |project| {
            let generations = Generations {
                key: rules.generation,
                project: project.generation,
                org: org.generation,
            };
            slot.caps.at(slot.id, generations, &slot.org.books, || {
                let wider = project.caps.iter().chain(&org.caps);
                rules.limits.caps.iter().chain(wider)
            })
        });
        // A project whose row nobody has seen could have any cap.
        merged.ok_or(Refusal::Unavailable(Unavailable::Stale))
    }

    fn limited(&self, why: LimitRefusal, meters: &Meters, now: Reading) -> Refusal {
        Refusal::Limit {
            key: self.key(),
            why,
            retry_after: why.retry_after(now.utc),
            limits: Box::new(self.rate_limits(meters, now)),
        }
    }

    /// What is left of the key's own rates; those of its project and organization are not its holder's to know.
    pub(crate) fn rate_limits(&self, meters: &Meters, now: Reading) -> RateLimits {
        let counted = |unit| Self::counted(&meters.caps, unit, now);
        let requests = meters.rate.map(|rate| self.rated(rate, now));
        RateLimits {
            requests: requests.or_else(|| counted(Unit::Requests)),
            tokens: counted(Unit::Tokens),
        }
    }

    fn rated(&self, rate: Rate, now: Reading) -> Quota {
        let state = self.slot.rate.state();
        Quota {
            limit: u64::from(rate.burst().get()),
            remaining: u64::from(rate.remaining(state, now.monotonic)),
            resets_in: rate.resets_in(state, now.monotonic),
        }
    }

    /// The key's cap with the shortest window that waiting can help with.
    fn counted(caps: &Merged, unit: Unit, now: Reading) -> Option<Quota> {
        let allowance = &caps.allowance;
        let own = allowance.caps().filter(|(counter, _)| {
            let is_rate = matches!(
                counter.window,
                Window::Minute | Window::Hour | Window::Day(_)
            );
            counter.unit == unit && counter.level == Level::Key && is_rate
        });
        let (counter, limit) = own.min_by_key(|(counter, _)| counter.window)?;
        let (period, account) = allowance.standing(counter, now.utc)?;
        let wait = period.end.and_then(|end| (end - now.utc).to_std().ok());
        let left = limit.saturating_sub(account.used());
        Some(Quota {
            limit: u64::try_from(limit).unwrap_or(0),
            remaining: u64::try_from(left).unwrap_or(0),
            resets_in: wait.unwrap_or_default(),
        })
    }
}

/// What a call costs that uses nothing.
const FREE: Price = Price {
    input: NanoUsd::ZERO,
    cached_input: NanoUsd::ZERO,
    output: NanoUsd::ZERO,
    fee: NanoUsd::ZERO,
};
