//! Caps as the command line names them, beside those that are there already.

use std::fmt;
use std::str::FromStr;

use portcullis::{CapRule, Limit, Unit, Window};

/// A cap that the command line names.
pub(super) struct NamedCap {
    pub(super) flag: &'static str,
    pub(super) rule: CapRule,
    pub(super) zone: ZoneOf,
}

/// Which caps a named one replaces.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ZoneOf {
    /// The one of its unit and window, whose zone it keeps.
    Old,
    /// The one of its unit and window, whatever its zone is.
    New,
    /// The one on the very same counter.
    Counter,
}

impl NamedCap {
    /// Puts it among caps, in the place of the one that it replaces.
    pub(super) fn put(mut caps: Vec<CapRule>, named: Self) -> Vec<CapRule> {
        let mut rule = named.rule;
        let old = caps.iter().find(|cap| named.replaces(cap));
        if let (Some(old), ZoneOf::Old) = (old, named.zone) {
            rule.window = old.window;
        }
        caps.retain(|cap| !named.replaces(cap));
        caps.push(rule);
        caps
    }

    fn replaces(&self, cap: &CapRule) -> bool {
        match self.zone {
            ZoneOf::Old | ZoneOf::New => is_same_but_for_the_zone(&self.rule, cap),
            ZoneOf::Counter => self.rule.is_same_counter(cap),
        }
    }

    pub(super) fn contradicts(&self, other: &Self) -> bool {
        self.replaces(&other.rule) || other.replaces(&self.rule)
    }

    pub(super) fn has_a_zone(&self) -> bool {
        matches!(self.rule.window, Window::Day(_) | Window::Month(_))
    }
}

impl fmt::Display for NamedCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { flag, rule, zone } = self;
        match (zone, rule.limit) {
            (ZoneOf::Counter, _) => write!(f, "{flag} {rule}"),
            (_, Limit::Usd(amount)) => write!(f, "{flag} {amount}"),
            (_, Limit::Requests(count) | Limit::Tokens(count)) => write!(f, "{flag} {count}"),
        }
    }
}

fn is_same_but_for_the_zone(one: &CapRule, other: &CapRule) -> bool {
    one.window.name() == other.window.name() && one.limit.unit() == other.limit.unit()
}

/// A cap without its amount.
#[derive(Clone, Copy, Debug)]
pub(super) struct CapName {
    unit: Unit,
    window: Window,
}

impl CapName {
    pub(super) fn is_of(self, cap: &CapRule) -> bool {
        cap.limit.unit() == self.unit && cap.window == self.window
    }
}

impl FromStr for CapName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (unit, window) = text.split_once('/').ok_or(NO_NAME)?;
        Ok(Self {
            unit: unit.parse().map_err(|_| NO_NAME)?,
            window: window.parse().map_err(|_| NO_NAME)?,
        })
    }
}

impl fmt::Display for CapName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.unit, self.window)
    }
}

/// Says which caps there are instead.
pub(super) fn none_of_this_name(name: CapName, caps: &[CapRule]) -> String {
    let names = caps.iter().map(|cap| CapName {
        unit: cap.limit.unit(),
        window: cap.window,
    });
    let names: Vec<_> = names.map(|name| format!("'{name}'")).collect();
    match names.as_slice() {
        [] => format!("there is no cap '{name}' to remove, and no other"),
        [..] => format!(
            "there is no cap '{name}' to remove; there is {}",
            names.join(", ")
        ),
    }
}

const NO_NAME: &str =
    "a cap is named UNIT/WINDOW, such as usd/month, tokens/minute or 'requests/day Europe/Berlin'";
