//! What people see of breaches.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use portcullis::retention_policy::{Breach, BreachEvent, BreachRegister, Due, Duty};

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

pub(crate) fn all(register: &BreachRegister, now: DateTime<Utc>) {
    for entry in register.entries() {
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
    }
    if register.entries().is_empty() {
        println!("no breach is registered");
    }
}

/// A line for each of those who have to be told.
fn deadlines(breach: &Breach, now: DateTime<Utc>) -> String {
    let (clock, open) = (breach.clock(), breach.open());
    let line = |duty, who: &str, by, due, law: &str| {
        let state = match open.contains(&duty) {
            true => state(due),
            false => "told".to_owned(),
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
        "  all other users        as promptly as possible\n".to_owned(),
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
