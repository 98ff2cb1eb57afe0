//! `breach ..`: the register of breaches of personal data, and their 72 hours.

mod register_file;

use portcullis::retention_policy::{BreachEntry, BreachEvent};
use portcullis::{Clock as _, SystemClock};

use self::register_file::RegisterFile;
use crate::cli::BreachCommand;
use crate::data::Data;
use crate::{Failure, show};

/// Works on a file alone where there is nothing else: on the day of a breach the database may be what was lost. Beside a database
/// each entry leaves a record in the system's audit log, before success is told.
pub(crate) async fn run(data: &Data, command: BreachCommand) -> Result<(), Failure> {
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
        BreachCommand::Audit { entry } => {
            let entry = file.entry(entry)?;
            return data
                .administer(async |admin| Ok(admin.record_breach(&entry).await?))
                .await;
        }
    };
    if let Some(entry) = appended.entries().last() {
        leave_record(data, entry).await?;
    }
    show::breach::entered(&appended, file.path());
    Ok(())
}

/// The entry stays, whatever becomes of its record.
async fn leave_record(data: &Data, entry: &BreachEntry) -> Result<(), Failure> {
    let again = data.command(&format!("breach audit {}", entry.number));
    if !data.is_there() {
        show::warning(&format!(
            "there is no database beside the register, so no audit log has a record of this entry. Once it is back: {again}"
        ));
        return Ok(());
    }
    let recorded = data.administer(async |admin| Ok(admin.record_breach(entry).await?));
    recorded.await.map_err(|why| {
        format!(
            "entry {} of the register, about breach {}, is kept, and the audit log has no record of it: {why}. Do not enter it again; \
             once that is mended, write its record: {again}",
            entry.number, entry.breach
        )
        .into()
    })
}
