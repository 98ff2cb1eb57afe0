//! `breach ..`: the register of breaches of personal data, and their 72 hours.

mod register_file;

use portcullis::retention_policy::BreachEvent;
use portcullis::{Clock as _, SystemClock};

use self::register_file::RegisterFile;
use crate::cli::BreachCommand;
use crate::data::Data;
use crate::{Failure, show};

/// Works on a file alone: on the day of a breach the database may be what was lost.
pub(crate) fn run(data: &Data, command: BreachCommand) -> Result<(), Failure> {
    let file = RegisterFile::at(data.breaches());
    let appended = match command {
        BreachCommand::Record { aware, what } => {
            let event = |now| BreachEvent::Aware {
                since: aware.0.unwrap_or(now),
                facts: what,
            };
            file.append(None, event)?
        }
        BreachCommand::Told {
            breach,
            who,
            late_because,
        } => {
            let event = |_now| BreachEvent::Notified {
                duty: who.into(),
                reason_for_delay: late_because,
            };
            file.append(Some(&breach), event)?
        }
        BreachCommand::NotRequired {
            breach,
            who,
            reason,
        } => {
            let duty = who.into();
            file.append(Some(&breach), |_now| BreachEvent::NotRequired {
                duty,
                reason,
            })?
        }
        BreachCommand::Note { breach, text } => {
            file.append(Some(&breach), |_now| BreachEvent::Noted { text })?
        }
        BreachCommand::Close { breach, outcome } => {
            file.append(Some(&breach), |_now| BreachEvent::Closed { outcome })?
        }
        BreachCommand::Show { breach } => {
            let register = file.read_with(breach.as_deref())?;
            let now = SystemClock::new().now().utc;
            show::breach::all(&register, breach.as_deref(), now);
            return Ok(());
        }
    };
    show::breach::entered(&appended, file.path());
    Ok(())
}
