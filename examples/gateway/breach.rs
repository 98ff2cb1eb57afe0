//! `breach ..`: the register of breaches of personal data, and their 72 hours.

mod register_file;

use std::path::Path;

use portcullis::retention_policy::BreachEvent;
use portcullis::{Clock as _, SystemClock};

use self::register_file::RegisterFile;
use crate::cli::BreachCommand;
use crate::data::Data;
use crate::{Failure, show};

/// Works on a file alone: on the day of a breach the database may be what was lost.
pub(crate) fn run(folder: &Path, command: BreachCommand) -> Result<(), Failure> {
    let file = RegisterFile::at(Data::at(folder).breaches());
    let now = SystemClock::new().now().utc;
    match command {
        BreachCommand::Record { aware, what } => {
            let since = aware.0.unwrap_or(now);
            let event = BreachEvent::Aware { since, facts: what };
            show::breach::entered(&file.append(None, now, event)?, file.path(), now);
        }
        BreachCommand::Told {
            breach,
            who,
            late_because,
        } => {
            let event = BreachEvent::Notified {
                duty: who.into(),
                reason_for_delay: late_because,
            };
            show::breach::entered(&file.append(Some(&breach), now, event)?, file.path(), now);
        }
        BreachCommand::Show => show::breach::all(&file.read()?, now),
    }
    Ok(())
}
