//! The words for caps and rates, and what they mean together with the caps that are there already.

mod named_cap;

use std::num::NonZeroU32;

use clap::Args;
use portcullis::{CapRule, KeyLimits, Limit, NanoUsd, RateRule, Window, Zone};

use self::named_cap::{CapName, NamedCap, ZoneOf, none_of_this_name};
use crate::Failure;

/// What a key may use up from the beginning.
#[derive(Args, Debug)]
pub(crate) struct NewLimits {
    #[command(flatten)]
    caps: CapArgs,

    #[command(flatten)]
    rate: RateArgs,
}

/// What becomes of a key's limits; what is not named stays.
#[derive(Args, Debug)]
pub(crate) struct ChangedLimits {
    #[command(flatten)]
    pub(crate) caps: ChangedCaps,

    #[command(flatten)]
    rate: RateArgs,

    /// No rate of requests (its caps stay).
    #[arg(long, conflicts_with = "rpm", help_heading = HEADING)]
    no_rpm: bool,
}

/// What becomes of the caps of a key, a project or an organization; what is not named stays.
#[derive(Args, Debug)]
pub(crate) struct ChangedCaps {
    #[command(flatten)]
    caps: CapArgs,

    /// Removes a cap: `usd/month`, or with its zone `usd/month Europe/Berlin` (may be given several times).
    #[arg(long = "no-cap", value_name = "UNIT/WINDOW", help_heading = HEADING)]
    no_caps: Vec<CapName>,

    /// Removes all caps and rates, but those that are named beside it.
    #[arg(long, help_heading = HEADING)]
    no_limits: bool,
}

/// Caps. All that apply to a request must have room for it: those of its key, its project and its organization.
#[derive(Args, Debug)]
struct CapArgs {
    /// At most so many dollars in a calendar month.
    #[arg(long, value_name = "USD", allow_negative_numbers = true, help_heading = HEADING)]
    usd_month: Option<NanoUsd>,

    /// At most so many dollars in a calendar day.
    #[arg(long, value_name = "USD", allow_negative_numbers = true, help_heading = HEADING)]
    usd_day: Option<NanoUsd>,

    /// At most so many dollars, ever.
    #[arg(long, value_name = "USD", allow_negative_numbers = true, help_heading = HEADING)]
    usd_total: Option<NanoUsd>,

    /// At most so many tokens a minute, input and output together.
    #[arg(long, value_name = "TOKENS", value_parser = count, allow_negative_numbers = true, help_heading = HEADING)]
    tpm: Option<u64>,

    /// At most so many tokens a day.
    #[arg(long, value_name = "TOKENS", value_parser = count, allow_negative_numbers = true, help_heading = HEADING)]
    tpd: Option<u64>,

    /// At most so many requests a day.
    #[arg(long, value_name = "REQUESTS", value_parser = count, allow_negative_numbers = true, help_heading = HEADING)]
    rpd: Option<u64>,

    /// Any cap: usd, tokens or requests in a minute, hour, day, month or total, such as `tokens/hour=500000` or `usd/month
    /// Europe/Berlin=50` (may be given several times; at most 32 caps in all).
    #[arg(long = "cap", value_name = "UNIT/WINDOW=AMOUNT", help_heading = HEADING)]
    caps: Vec<CapRule>,

    /// The time zone of --usd-month, --usd-day, --tpd and --rpd, such as Europe/Berlin; that of the cap which they replace,
    /// or UTC, if not given.
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    zone: Option<Zone>,
}

#[derive(Args, Debug)]
struct RateArgs {
    /// So many requests a minute, evenly: whoever is refused may come again after a moment.
    #[arg(long, value_name = "REQUESTS", value_parser = rate, allow_negative_numbers = true, help_heading = HEADING)]
    rpm: Option<NonZeroU32>,

    /// How many of them may come at once after a rest; all, if not given.
    #[arg(long, value_name = "REQUESTS", value_parser = rate, allow_negative_numbers = true, requires = "rpm", help_heading = HEADING)]
    burst: Option<NonZeroU32>,
}

impl NewLimits {
    /// The limits that are named.
    pub(crate) fn limits(&self) -> Result<KeyLimits, Failure> {
        let named = self.caps.named()?;
        Ok(KeyLimits {
            caps: named.into_iter().fold(Vec::new(), NamedCap::put),
            rate: self.rate.rule(),
        })
    }
}

impl ChangedLimits {
    pub(crate) fn is_empty(&self) -> bool {
        self.caps.is_empty() && self.rate.rpm.is_none() && !self.no_rpm
    }

    /// The limits that are in force now, as they become.
    pub(crate) fn apply(&self, old: KeyLimits) -> Result<KeyLimits, Failure> {
        let kept = old.rate.filter(|_| !self.no_rpm && !self.caps.no_limits);
        Ok(KeyLimits {
            caps: self.caps.apply(old.caps)?,
            rate: self.rate.rule().or(kept),
        })
    }
}

impl ChangedCaps {
    pub(crate) fn is_empty(&self) -> bool {
        self.caps.is_empty() && self.no_caps.is_empty() && !self.no_limits
    }

    /// The caps that are in force now, as they become.
    pub(crate) fn apply(&self, mut caps: Vec<CapRule>) -> Result<Vec<CapRule>, Failure> {
        let named = self.caps.named()?;
        for name in &self.no_caps {
            if !caps.iter().any(|cap| name.is_of(cap)) {
                return Err(none_of_this_name(*name, &caps).into());
            }
        }
        caps.retain(|cap| !self.no_limits && !self.no_caps.iter().any(|name| name.is_of(cap)));
        Ok(named.into_iter().fold(caps, NamedCap::put))
    }
}

impl CapArgs {
    fn is_empty(&self) -> bool {
        let Self {
            usd_month,
            usd_day,
            usd_total,
            tpm,
            tpd,
            rpd,
            caps,
            zone,
        } = self;
        let amounts = [usd_month, usd_day, usd_total];
        amounts.iter().all(|amount| amount.is_none())
            && [tpm, tpd, rpd].iter().all(|count| count.is_none())
            && caps.is_empty()
            && zone.is_none()
    }

    /// The caps that are named, each counter once.
    fn named(&self) -> Result<Vec<NamedCap>, Failure> {
        let zone = self.zone.unwrap_or_default();
        let (day, month) = (Window::Day(zone), Window::Month(zone));
        let dollars = [
            ("--usd-month", month, self.usd_month),
            ("--usd-day", day, self.usd_day),
            ("--usd-total", Window::Total, self.usd_total),
        ];
        let counts = [
            ("--tpm", Window::Minute, self.tpm.map(Limit::Tokens)),
            ("--tpd", day, self.tpd.map(Limit::Tokens)),
            ("--rpd", day, self.rpd.map(Limit::Requests)),
        ];
        let dollars = dollars.map(|(flag, window, usd)| (flag, window, usd.map(Limit::Usd)));
        let short = dollars.into_iter().chain(counts);
        let mut named: Vec<NamedCap> = short
            .filter_map(|(flag, window, limit)| {
                Some(NamedCap {
                    flag,
                    rule: CapRule {
                        window,
                        limit: limit?,
                    },
                    zone: self.zone.map_or(ZoneOf::Old, |_| ZoneOf::New),
                })
            })
            .collect();
        if self.zone.is_some() && !named.iter().any(NamedCap::has_a_zone) {
            return Err("--zone is the time zone of --usd-month, --usd-day, --tpd and --rpd: give one of them with it; \
                        --cap takes its zone along, such as 'requests/month Europe/Berlin=1000'"
                .into());
        }
        named.extend(self.caps.iter().map(|rule| NamedCap {
            flag: "--cap",
            rule: *rule,
            zone: ZoneOf::Counter,
        }));
        for (index, cap) in named.iter().enumerate() {
            if let Some(first) = named
                .iter()
                .take(index)
                .find(|other| other.contradicts(cap))
            {
                return Err(
                    format!("`{first}` and `{cap}` limit the same: give one of them").into(),
                );
            }
        }
        Ok(named)
    }
}

impl RateArgs {
    fn rule(&self) -> Option<RateRule> {
        let rule = RateRule::per_minute(self.rpm?);
        Some(RateRule {
            burst: self.burst.unwrap_or(rule.burst),
            ..rule
        })
    }
}

fn count(text: &str) -> Result<u64, &'static str> {
    text.parse()
        .map_err(|_| "write a whole number, without sign, point or separators, such as 100000")
}

fn rate(text: &str) -> Result<NonZeroU32, &'static str> {
    text.parse().map_err(
        |_| "write a whole number from 1 up, such as 60; to admit none at all, `keys disable`",
    )
}

const HEADING: &str = "Caps and rates";
