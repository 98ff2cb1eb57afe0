//! The register of breaches is a file beside the database. That it got an entry is on record; what the entry says is not.

use portcullis_audit::{Action, BreachEntry as Entered, BreachId, Count, Word};
use portcullis_retention::{BreachEntry, BreachEvent};
use portcullis_store::{LogId, NotSealed};

use super::sealer::Job;
use crate::admin::{Admin, AdminError};

impl Admin {
    /// Puts on record in the system log that the register of breaches got this entry: the breach, the number of the entry and its kind
    /// (`breach.entered`). When it returns, the record is durable. Of two records of one entry the second says nothing new.
    ///
    /// # Errors
    /// [`AdminError::Log`] when the breach is not named by a year and a number, such as `2026-1`, or the store's.
    ///
    /// # Security
    /// No text of the entry gets into the record.
    pub async fn record_breach(&self, entry: &BreachEntry) -> Result<(), AdminError> {
        let broken = |why: String| AdminError::from(NotSealed(why));
        let breach = BreachId::parse(&entry.breach).map_err(|why| broken(why.to_string()))?;
        let kind = Word::new(kind(&entry.event)).map_err(|why| broken(why.to_string()))?;
        let entered = Entered {
            breach,
            entry: Count::new(entry.number),
            kind,
        };
        let event = self.acting()?.did(Action::BreachEntered(entered));
        self.append(LogId::System, Job::from(vec![event])).await?;
        Ok(())
    }
}

const fn kind(event: &BreachEvent) -> &'static str {
    match event {
        BreachEvent::Aware { .. } => "aware",
        BreachEvent::Noted { .. } => "noted",
        BreachEvent::Notified { .. } => "notified",
        BreachEvent::NotRequired { .. } => "not_required",
        BreachEvent::Closed { .. } => "closed",
    }
}
