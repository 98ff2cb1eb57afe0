//! The register of breaches (GDPR Art. 33(5)): what is in it stays in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{BreachClock, Due};

/// What happened in the matter of a breach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BreachEvent {
    /// Somebody became aware. The clock starts at `since`, which may lie before the entry and never after.
    Aware {
        /// When.
        since: DateTime<Utc>,
        /// What is known of it.
        facts: String,
    },
    /// More facts, an effect, or a remedy (Art. 33(5)).
    Noted {
        /// What.
        text: String,
    },
    /// Somebody was told. After the deadline it needs a reason (Art. 33(1)).
    Notified {
        /// Who.
        duty: Duty,
        /// Why so late.
        reason_for_delay: Option<String>,
    },
    /// Nobody has to be told, because no risk is likely (Art. 33(1)), or no high one (Art. 34(1), (3)).
    NotRequired {
        /// Who.
        duty: Duty,
        /// Why.
        reason: String,
    },
    /// The matter is over; after it there are notes only.
    Closed {
        /// How it ended.
        outcome: String,
    },
}

/// Who has to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Duty {
    /// The supervisory authority.
    Authority,
    /// The affected users.
    Users,
}

/// One line of the register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreachEntry {
    /// Its number, from 1, without a gap.
    pub number: u64,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// The breach it is about, by a name of the operator's.
    pub breach: Arc<str>,
    /// What happened.
    pub event: BreachEvent,
}

/// All breaches: a list that only grows.
///
/// ```
/// use chrono::{DateTime, Utc};
/// use portcullis_retention::{BreachEvent, BreachRegister, Duty};
///
/// let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
/// let aware = BreachEvent::Aware { since: at("2026-11-20T16:30:00Z"), facts: "a backup was public".into() };
/// let register = BreachRegister::new().append("2026-1", at("2026-11-20T17:00:00Z"), aware)?;
/// let told = BreachEvent::Notified { duty: Duty::Authority, reason_for_delay: None };
/// let register = register.append("2026-1", at("2026-11-22T09:00:00Z"), told)?;
/// assert_eq!(register.breach("2026-1").unwrap().open(), [Duty::Users]);
/// # Ok::<(), portcullis_retention::Refused>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BreachRegister {
    entries: Vec<BreachEntry>,
    breaches: BTreeMap<Arc<str>, Breach>,
}

impl BreachRegister {
    /// Without a breach.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            entries: Vec::new(),
            breaches: BTreeMap::new(),
        }
    }

    /// From stored entries, each judged as if it were appended now.
    ///
    /// # Errors
    /// [`Refused`] at the first entry that could not have been appended: one was edited, removed or moved.
    pub fn restore(entries: impl IntoIterator<Item = BreachEntry>) -> Result<Self, Refused> {
        entries
            .into_iter()
            .try_fold(Self::new(), |register, entry| {
                let number = register.next_number();
                if entry.number == number {
                    register.append(&entry.breach, entry.at, entry.event)
                } else {
                    let because = RefusedBecause::Gap {
                        found: entry.number,
                    };
                    Err(Refused { number, because })
                }
            })
    }

    /// The register with one more entry, written `at`.
    ///
    /// # Errors
    /// [`Refused`]; the register is then as it was, with whoever still has it.
    pub fn append(
        mut self,
        breach: &str,
        at: DateTime<Utc>,
        event: BreachEvent,
    ) -> Result<Self, Refused> {
        let number = self.next_number();
        let refuse = |because| Refused { number, because };
        if self.entries.last().is_some_and(|last| at < last.at) {
            return Err(refuse(RefusedBecause::BackInTime));
        }
        let before = self.breaches.get(breach);
        let after = step(before, at, &event).map_err(refuse)?;
        let breach: Arc<str> = breach.into();
        self.breaches.insert(breach.clone(), after);
        self.entries.push(BreachEntry {
            number,
            at,
            breach,
            event,
        });
        Ok(self)
    }

    /// The entries, in their order.
    #[must_use]
    pub fn entries(&self) -> &[BreachEntry] {
        &self.entries
    }

    /// The state of a breach.
    #[must_use]
    pub fn breach(&self, breach: &str) -> Option<&Breach> {
        self.breaches.get(breach)
    }

    /// The breaches that are not closed.
    pub fn open(&self) -> impl Iterator<Item = (&str, &Breach)> {
        let open = self
            .breaches
            .iter()
            .filter(|(_, breach)| breach.closed.is_none());
        open.map(|(name, breach)| (&**name, breach))
    }

    /// Whether this register is `older` with nothing changed in it, and perhaps more after it.
    #[must_use]
    pub fn extends(&self, older: &Self) -> bool {
        self.entries.starts_with(&older.entries)
    }

    fn next_number(&self) -> u64 {
        self.entries
            .last()
            .map_or(1, |last| last.number.saturating_add(1))
    }
}

/// Where a breach stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    clock: BreachClock,
    done: Vec<(Duty, Discharge)>,
    closed: Option<BreachClosing>,
}

/// How a duty came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Discharge {
    /// They were told.
    Notified,
    /// They need not be.
    NotRequired,
}

/// The end of a breach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreachClosing {
    /// When it was entered.
    pub at: DateTime<Utc>,
    /// How it ended.
    pub outcome: String,
}

impl Breach {
    /// Its clock.
    #[must_use]
    pub const fn clock(&self) -> BreachClock {
        self.clock
    }

    /// Who is still to be told.
    #[must_use]
    pub fn open(&self) -> Vec<Duty> {
        let all = [Duty::Authority, Duty::Users].into_iter();
        all.filter(|duty| self.discharge(*duty).is_none()).collect()
    }

    /// How the duty came to its end; `None` while its time runs. A closed breach has none that does.
    #[must_use]
    pub fn discharge(&self, duty: Duty) -> Option<Discharge> {
        let mut done = self.done.iter();
        done.find_map(|(done, how)| (*done == duty).then_some(*how))
    }

    /// How it ended, if it did.
    #[must_use]
    pub const fn closing(&self) -> Option<&BreachClosing> {
        self.closed.as_ref()
    }
}

/// The state of a breach after an event, if the event is legal.
fn step(
    before: Option<&Breach>,
    at: DateTime<Utc>,
    event: &BreachEvent,
) -> Result<Breach, RefusedBecause> {
    let wordless = |text: &str| text.trim().is_empty();
    let mut breach = match (before, event) {
        (None, BreachEvent::Aware { since, facts }) => {
            if *since > at {
                return Err(RefusedBecause::AwareInFuture);
            }
            if wordless(facts) {
                return Err(RefusedBecause::NoWords);
            }
            return Ok(Breach {
                clock: BreachClock::aware_at(*since),
                done: Vec::new(),
                closed: None,
            });
        }
        (Some(_), BreachEvent::Aware { .. }) => return Err(RefusedBecause::AwareTwice),
        (None, _) => return Err(RefusedBecause::Unknown),
        (Some(breach), _) => breach.clone(),
    };
    let note = matches!(event, BreachEvent::Noted { .. });
    if breach.closed.is_some() && !note {
        return Err(RefusedBecause::Closed);
    }
    match event {
        BreachEvent::Aware { .. } => return Err(RefusedBecause::AwareTwice),
        BreachEvent::Noted { text } if wordless(text) => return Err(RefusedBecause::NoWords),
        BreachEvent::Noted { .. } => {}
        BreachEvent::Notified {
            duty,
            reason_for_delay,
        } => {
            let due = match duty {
                Duty::Authority => breach.clock.authority(at),
                Duty::Users => breach.clock.users(at),
            };
            let unexplained = reason_for_delay.as_deref().is_none_or(wordless);
            if matches!(due, Due::Late(_)) && unexplained {
                return Err(RefusedBecause::LateWithoutReason);
            }
            breach.end(*duty, Discharge::Notified)?;
        }
        BreachEvent::NotRequired { reason, .. } if wordless(reason) => {
            return Err(RefusedBecause::NoWords);
        }
        BreachEvent::NotRequired { duty, .. } => breach.end(*duty, Discharge::NotRequired)?,
        BreachEvent::Closed { .. } if !breach.open().is_empty() => {
            return Err(RefusedBecause::DutyOpen);
        }
        BreachEvent::Closed { outcome } if wordless(outcome) => {
            return Err(RefusedBecause::NoWords);
        }
        BreachEvent::Closed { outcome } => {
            let outcome = outcome.clone();
            breach.closed = Some(BreachClosing { at, outcome });
        }
    }
    Ok(breach)
}

impl Breach {
    fn end(&mut self, duty: Duty, how: Discharge) -> Result<(), RefusedBecause> {
        if self.discharge(duty).is_some() {
            return Err(RefusedBecause::Done);
        }
        self.done.push((duty, how));
        Ok(())
    }
}

/// An entry that the register does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {number} of the breach register: {because}")]
pub struct Refused {
    /// The number that it would have had.
    pub number: u64,
    /// Why, and the cure.
    pub because: RefusedBecause,
}

/// Why an entry is refused, and the cure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefusedBecause {
    /// Before the entry that stands last.
    #[error(
        "it is dated before the last entry; what happened earlier is noted now, with its time in the text"
    )]
    BackInTime,
    /// A number is missing or repeated.
    #[error("it has the number {found}; an entry was removed, moved or written twice")]
    Gap {
        /// The number it has.
        found: u64,
    },
    /// No breach of this name.
    #[error("no breach of this name is registered; enter first that you became aware of it")]
    Unknown,
    /// A second awareness would start the clock anew.
    #[error("awareness is entered once and starts the clock; enter what else is known as a note")]
    AwareTwice,
    /// Nobody knows tomorrow's breach.
    #[error("awareness lies after the entry; enter the time at which it was known")]
    AwareInFuture,
    /// Text without words.
    #[error("the text is empty; the register is what an authority reads")]
    NoWords,
    /// Art. 33(1): late notifications say why.
    #[error("the deadline has passed; give the reason for the delay (GDPR Art. 33(1))")]
    LateWithoutReason,
    /// A duty is discharged once.
    #[error("that is entered already; enter what else was said as a note")]
    Done,
    /// Somebody has not been told.
    #[error("somebody is still to be told; enter the notification, or why it is not required")]
    DutyOpen,
    /// It is closed.
    #[error("the breach is closed; a closed breach takes notes only")]
    Closed,
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn hour(hours: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000, 0).unwrap() + TimeDelta::hours(hours)
    }

    fn aware(since: i64) -> BreachEvent {
        BreachEvent::Aware {
            since: hour(since),
            facts: "facts".into(),
        }
    }

    fn told(duty: Duty, reason: Option<&str>) -> BreachEvent {
        BreachEvent::Notified {
            duty,
            reason_for_delay: reason.map(Into::into),
        }
    }

    fn spared(duty: Duty, reason: &str) -> BreachEvent {
        BreachEvent::NotRequired {
            duty,
            reason: reason.into(),
        }
    }

    fn note(text: &str) -> BreachEvent {
        BreachEvent::Noted { text: text.into() }
    }

    fn closed(outcome: &str) -> BreachEvent {
        BreachEvent::Closed {
            outcome: outcome.into(),
        }
    }

    /// A register of these entries about one breach, at these hours.
    fn register(
        events: impl IntoIterator<Item = (i64, BreachEvent)>,
    ) -> Result<BreachRegister, RefusedBecause> {
        let mut events = events.into_iter();
        let all = events.try_fold(BreachRegister::new(), |register, (at, event)| {
            register.append("b", hour(at), event)
        });
        all.map_err(|refused| refused.because)
    }

    #[test]
    fn the_clock_starts_at_awareness_and_not_at_its_entry() {
        let register = register([(10, aware(0))]).unwrap();
        let breach = register.breach("b").unwrap();
        assert_eq!(breach.clock().authority_by(), hour(72));
        assert_eq!(breach.open(), [Duty::Authority, Duty::Users]);
        assert_eq!(register.open().count(), 1);
    }

    #[test]
    fn a_breach_is_closed_when_everybody_is_told_or_need_not_be() {
        let told_and_spared = [
            (0, aware(0)),
            (72, told(Duty::Authority, None)),
            (72, spared(Duty::Users, "no risk is likely")),
            (80, closed("the copy was destroyed")),
            (90, note("the provider confirmed")),
        ];
        let register = register(told_and_spared).unwrap();
        let breach = register.breach("b").unwrap();
        let (at, outcome) = (hour(80), "the copy was destroyed".into());
        assert_eq!(breach.closing(), Some(&BreachClosing { at, outcome }));
        let ends = [Duty::Authority, Duty::Users].map(|duty| breach.discharge(duty));
        let expected = [Discharge::Notified, Discharge::NotRequired].map(Some);
        assert_eq!((ends, breach.open()), (expected, vec![]));
        assert_eq!((register.open().count(), register.entries().len()), (0, 5));
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_reason() {
        use RefusedBecause as No;
        let both = [told(Duty::Authority, None), told(Duty::Users, None)];
        let [authority, users] = both;
        let start = (0, aware(0));
        for (events, because) in [
            (vec![(0, note("x"))], No::Unknown),
            (vec![(0, closed("x"))], No::Unknown),
            (vec![start.clone(), (1, aware(0))], No::AwareTwice),
            (vec![(0, aware(1))], No::AwareInFuture),
            (vec![start.clone(), (-1, note("x"))], No::BackInTime),
            (vec![start.clone(), (0, note(" "))], No::NoWords),
            (
                vec![start.clone(), (0, spared(Duty::Users, ""))],
                No::NoWords,
            ),
            (
                vec![(
                    0,
                    BreachEvent::Aware {
                        since: hour(0),
                        facts: String::new(),
                    },
                )],
                No::NoWords,
            ),
            (
                vec![start.clone(), (73, authority.clone())],
                No::LateWithoutReason,
            ),
            (
                vec![start.clone(), (73, told(Duty::Users, Some(" ")))],
                No::LateWithoutReason,
            ),
            (
                vec![
                    start.clone(),
                    (1, authority.clone()),
                    (2, authority.clone()),
                ],
                No::Done,
            ),
            (
                vec![
                    start.clone(),
                    (1, authority.clone()),
                    (2, spared(Duty::Authority, "x")),
                ],
                No::Done,
            ),
            (
                vec![start.clone(), (1, authority.clone()), (2, closed("x"))],
                No::DutyOpen,
            ),
            (
                vec![
                    start.clone(),
                    (1, authority.clone()),
                    (1, users.clone()),
                    (2, closed("\t")),
                ],
                No::NoWords,
            ),
            (
                vec![
                    start,
                    (1, authority.clone()),
                    (1, users),
                    (1, closed("x")),
                    (2, closed("y")),
                ],
                No::Closed,
            ),
        ] {
            assert_eq!(register(events.clone()), Err(because), "{events:?}");
        }
        assert!(register([(0, aware(0)), (73, told(Duty::Users, Some("found late")))]).is_ok());
    }

    #[test]
    fn a_stored_register_that_was_edited_is_refused() {
        let good = register([(0, aware(0)), (1, note("x")), (2, told(Duty::Users, None))]).unwrap();
        let entries = good.entries().to_vec();
        assert_eq!(BreachRegister::restore(entries.clone()), Ok(good.clone()));
        for edit in [
            |entries: &mut Vec<BreachEntry>| drop(entries.remove(1)),
            |entries: &mut Vec<BreachEntry>| entries.swap(1, 2),
            |entries: &mut Vec<BreachEntry>| entries[0].number = 0,
            |entries: &mut Vec<BreachEntry>| entries[2].at = hour(0),
            |entries: &mut Vec<BreachEntry>| entries[1].event = aware(0),
        ] {
            let mut edited = entries.clone();
            edit(&mut edited);
            assert!(BreachRegister::restore(edited).is_err());
        }
        // An edit that makes sense, and a cut tail, are found by whoever has the older register.
        let mut edited = entries.clone();
        edited[1].event = note("y");
        assert!(!BreachRegister::restore(edited).unwrap().extends(&good));
        let cut = BreachRegister::restore(entries.into_iter().take(2)).unwrap();
        assert!(!cut.extends(&good) && good.extends(&cut) && good.extends(&good));
    }
}
