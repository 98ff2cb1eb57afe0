//! What people see of breaches.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use portcullis::retention_policy::{Breach, BreachEvent, BreachRegister, Discharge, Due, Duty};

/// The name of the breach of the last entry on standard output, alone on a line; where it stands on standard error.
pub(crate) fn entered(register: &BreachRegister, file: &Path) {
    let Some(entry) = register.entries().last() else {
        return;
    };
    eprintln!("Entry {} of {}:", entry.number, file.display());
    println!("{}", entry.breach);
    if let Some(breach) = register.breach(&entry.breach) {
        eprint!("{}", deadlines(breach, entry.at));
    }
}

/// All breaches, or one alone.
pub(crate) fn all(register: &BreachRegister, only: Option<&str>, now: DateTime<Utc>) {
    let entries = register.entries();
    let shown = |name: &str| only.is_none_or(|only| only == name);
    for entry in entries.iter().filter(|entry| shown(&entry.breach)) {
        let (BreachEvent::Aware { since, facts }, Some(breach)) =
            (&entry.event, register.breach(&entry.breach))
        else {
            continue;
        };
        println!(
            "{}, known since {}: {}",
            entry.breach,
            super::time(*since),
            one_line(facts)
        );
        print!("{}", deadlines(breach, now));
        for later in entries.iter().filter(|it| it.breach == entry.breach) {
            if let BreachEvent::Noted { text } = &later.event {
                println!("  noted {}: {}", super::time(later.at), one_line(text));
            }
        }
    }
    if register.entries().is_empty() {
        println!("no breach is registered");
    }
}

/// A line for each of those who have to be told, and how it ended.
fn deadlines(breach: &Breach, now: DateTime<Utc>) -> String {
    let clock = breach.clock();
    let line = |duty, who: &str, by, due, law: &str| {
        let state = match breach.discharge(duty) {
            None => state(due),
            Some(Discharge::Notified) => "told".to_owned(),
            Some(Discharge::NotRequired) => "need not be told".to_owned(),
        };
        format!("  {who:<22} by {}  {state:<26}  {law}\n", super::time(by))
    };
    [
        line(
            Duty::Authority,
            "supervisory authority",
            clock.authority_by(),
            clock.authority(now),
            "within 72 hours (GDPR Art. 33(1))",
        ),
        line(
            Duty::Users,
            "affected users",
            clock.users_by(),
            clock.users(now),
            "within 72 hours; where the risk is high, without undue delay (Art. 34(1))",
        ),
        match breach.closing() {
            None => "  all other users        as promptly as possible\n".to_owned(),
            Some(closing) => {
                let (at, outcome) = (super::time(closing.at), one_line(&closing.outcome));
                format!("  closed {at}: {outcome}\n")
            }
        },
    ]
    .concat()
}

fn state(due: Due) -> String {
    let hours =
        |time: TimeDelta| format!("{} h {:02} min", time.num_hours(), time.num_minutes() % 60);
    match due {
        Due::In(left) => format!("{} left", hours(left)),
        Due::Late(late) => format!("OVERDUE by {}", hours(late)),
    }
}

/// Without what would move the cursor of a terminal.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}
