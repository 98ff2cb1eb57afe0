//! The states of an attempt, and what leads from one to the next.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use crate::{Line, Price};

/// Where an attempt stands. An attempt that the books do not know has no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It holds its amounts, under a lease.
    Held,
    /// It was charged what it used.
    Settled,
    /// It was given back before it was dispatched, or before it was even made: a tombstone.
    Released,
    /// Its lease ran out, and it was charged what it held. A settlement may still come.
    Expired,
}

/// What can happen to an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// Amounts are asked for, and all caps have room.
    Reserve,
    /// It is given back before dispatch.
    Release,
    /// Its usage is known, or known to be unknown.
    Settle,
    /// Its lease ran out.
    Expire,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Held, Self::Settled, Self::Released, Self::Expired];

    /// The state that `event` leads to from `from`, where `None` is an attempt that is not known;
    /// `None` when the event changes nothing.
    ///
    /// The whole table of `spec/limits.md` section 4. Nothing leads back to [`State::Held`], so no late or
    /// repeated order takes a hold twice, and [`State::Settled`] is the end.
    #[must_use]
    pub const fn after(from: Option<Self>, event: Event) -> Option<Self> {
        match (from, event) {
            (None, Event::Reserve) => Some(Self::Held),
            (None | Some(Self::Held), Event::Release) => Some(Self::Released),
            (None | Some(Self::Held | Self::Released | Self::Expired), Event::Settle) => {
                Some(Self::Settled)
            }
            (Some(Self::Held), Event::Expire) => Some(Self::Expired),
            (Some(_), Event::Reserve)
            | (Some(Self::Settled | Self::Released | Self::Expired), Event::Release)
            | (Some(Self::Settled), Event::Settle)
            | (None | Some(Self::Settled | Self::Released | Self::Expired), Event::Expire) => None,
        }
    }

    /// The stored form: `held`, `settled`, `released`, `expired`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Settled => "settled",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }
}

impl Event {
    /// Every event.
    pub const ALL: [Self; 4] = [Self::Reserve, Self::Release, Self::Settle, Self::Expire];
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for State {
    type Err = UnknownState;

    /// Reads the stored form, exactly.
    ///
    /// # Errors
    /// [`UnknownState`] for anything else. Treat it as a broken row.
    fn from_str(text: &str) -> Result<Self, UnknownState> {
        let mut all = Self::ALL.into_iter();
        all.find(|state| state.as_str() == text).ok_or(UnknownState)
    }
}

/// A stored state that is none of the four.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the state of an attempt is `held`, `settled`, `released` or `expired`; correct the stored row"
)]
pub struct UnknownState;

/// What the books remember of an attempt. A flat row with its lines; of an attempt that is over, only how it ended and
/// when: that is all that makes late and repeated orders harmless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it stands.
    pub state: State,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Until when the hold is good without a renewal; [`Record::since`] once it is over.
    pub lease_until: DateTime<Utc>,
    /// The price under which it is held; `None` once it is over.
    pub price: Option<Price>,
    /// What it holds; empty once it is over.
    pub lines: Vec<Line>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_survives_its_text_form() {
        for state in State::ALL {
            assert_eq!(state.to_string().parse(), Ok(state));
        }
        assert_eq!("Held".parse::<State>(), Err(UnknownState));
    }

    #[test]
    fn settled_is_the_end() {
        for event in Event::ALL {
            assert_eq!(State::after(Some(State::Settled), event), None);
        }
    }

    #[test]
    fn nothing_leads_back_to_held() {
        for state in State::ALL {
            for event in Event::ALL {
                assert_ne!(State::after(Some(state), event), Some(State::Held));
            }
        }
    }
}
