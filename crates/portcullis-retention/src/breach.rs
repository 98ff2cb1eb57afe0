//! When a breach of personal data has to be notified.

use chrono::{DateTime, TimeDelta, Utc};

mod register;

pub use register::{
    Breach, BreachClosing, BreachEntry, BreachEvent, BreachRegister, Discharge, Duty, Refused,
    RefusedBecause,
};

/// The clock of one breach. It runs from awareness, in hours, through weekends and holidays.
///
/// - The supervisory authority: 72 hours after awareness (GDPR Art. 33(1)).
/// - The affected users: 72 hours as well. The law says "without undue delay" where the risk is high (Art. 34(1)); 72 hours
///   is what this project promises. All other users are told as promptly as possible, which has no hour.
///
/// ```
/// use chrono::{DateTime, TimeDelta, Utc};
/// use portcullis_retention::{BreachClock, Due};
///
/// let aware: DateTime<Utc> = "2026-11-20T16:30:00Z".parse().unwrap(); // a Friday
/// let clock = BreachClock::aware_at(aware);
/// assert_eq!(clock.authority_by().to_string(), "2026-11-23 16:30:00 UTC");
/// assert_eq!(clock.users(aware + TimeDelta::hours(70)), Due::In(TimeDelta::hours(2)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BreachClock {
    aware_at: DateTime<Utc>,
}

impl BreachClock {
    /// A clock that started when somebody of the operator knew, with reasonable certainty, that there was a breach.
    #[must_use]
    pub const fn aware_at(time: DateTime<Utc>) -> Self {
        Self { aware_at: time }
    }

    /// When it started.
    #[must_use]
    pub const fn started(&self) -> DateTime<Utc> {
        self.aware_at
    }

    /// The last instant at which the authority is told in time.
    #[must_use]
    pub fn authority_by(&self) -> DateTime<Utc> {
        self.after(AUTHORITY)
    }

    /// The last instant at which the affected users are told in time.
    #[must_use]
    pub fn users_by(&self) -> DateTime<Utc> {
        self.after(USERS)
    }

    /// Where the notification of the authority stands at `now`.
    #[must_use]
    pub fn authority(&self, now: DateTime<Utc>) -> Due {
        Due::at(self.authority_by(), now)
    }

    /// Where the notification of the affected users stands at `now`.
    #[must_use]
    pub fn users(&self, now: DateTime<Utc>) -> Due {
        Due::at(self.users_by(), now)
    }

    fn after(&self, delay: TimeDelta) -> DateTime<Utc> {
        let end = self.aware_at.checked_add_signed(delay);
        end.unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

/// How far a deadline is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Due {
    /// So much time is left; zero is the last instant in time.
    In(TimeDelta),
    /// It passed so long ago.
    Late(TimeDelta),
}

impl Due {
    fn at(deadline: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        if now <= deadline {
            Self::In(deadline - now)
        } else {
            Self::Late(now - deadline)
        }
    }
}

const AUTHORITY: TimeDelta = TimeDelta::hours(72);
const USERS: TimeDelta = TimeDelta::hours(72);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seventy_two_hours_run_through_a_weekend_and_a_leap_day() {
        let clock = BreachClock::aware_at("2028-02-26T23:59:59Z".parse().unwrap());
        let deadline = "2028-02-29T23:59:59Z".parse().unwrap();
        assert_eq!(
            (clock.authority_by(), clock.users_by()),
            (deadline, deadline)
        );
        assert_eq!(clock.authority(deadline), Due::In(TimeDelta::zero()));
        let late = TimeDelta::nanoseconds(1);
        assert_eq!(clock.users(deadline + late), Due::Late(late));
    }

    #[test]
    fn the_end_of_time_is_a_deadline_too() {
        let clock = BreachClock::aware_at(DateTime::<Utc>::MAX_UTC);
        assert_eq!(clock.users_by(), DateTime::<Utc>::MAX_UTC);
    }
}
