//! A plan as an operator reads it.

use std::fmt;

use super::{Plan, Step, Subject};
use crate::time_range::rfc3339;

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Due => f.write_str("retention"),
            Self::Purge(purge) => {
                let (organization, project) = (
                    purge.organization.escape_debug(),
                    purge.project.escape_debug(),
                );
                write!(
                    f,
                    "purge of {organization}/{project} ({})",
                    purge.extent.as_str()
                )
            }
        }
    }
}

impl fmt::Display for Plan {
    /// A heading, a table with a line for each step and each block, and three lines of sums.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, plan at {}", self.subject, rfc3339(self.now))?;
        let heading = [
            "action", "table", "month", "owner", "before", "rows", "held by",
        ];
        let steps = self.steps.iter().map(row);
        let blocked = self.blocked.iter().map(|it| {
            [
                "keep".to_owned(),
                it.table.escape_debug().to_string(),
                it.month.map_or("-".to_owned(), |month| month.to_string()),
                it.owner.to_string(),
                "-".to_owned(),
                format!("<= {}", it.rows_at_most),
                it.hold.escape_debug().to_string(),
            ]
        });
        let rows: Vec<Row> = std::iter::once(heading.map(str::to_owned))
            .chain(steps)
            .chain(blocked)
            .collect();
        let mut widths = [0; COLUMNS];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for row in &rows {
            let cells = row
                .iter()
                .zip(widths)
                .map(|(cell, width)| format!("{cell:<width$}"));
            let line = cells.collect::<Vec<_>>().join("  ");
            writeln!(f, "{}", line.trim_end())?;
        }
        writeln!(f, "rows to remove: at most {}", self.rows_at_most())?;
        if self.ahead_of_clock > 0 {
            writeln!(
                f,
                "rows dated after this plan: at most {}; check the clock",
                self.ahead_of_clock
            )?;
        }
        match self.subject {
            Subject::Purge(_) => Ok(()),
            Subject::Due => {
                let overshoot = self.overshoot;
                writeln!(
                    f,
                    "worst overshoot in days: {} now, {} if months were only dropped, {} after",
                    overshoot.now, overshoot.drops_only, overshoot.after
                )
            }
        }
    }
}

type Row = [String; COLUMNS];

const COLUMNS: usize = 7;

fn row(step: &Step) -> Row {
    let none = || "-".to_owned();
    match step {
        Step::Drop { table, month, rows } => [
            "drop".to_owned(),
            table.escape_debug().to_string(),
            month.to_string(),
            none(),
            none(),
            rows.to_string(),
            none(),
        ],
        Step::Delete {
            table,
            month,
            owner,
            before,
            except,
            rows_at_most,
        } => {
            let holds: Vec<_> = except
                .iter()
                .map(|it| it.hold.escape_debug().to_string())
                .collect();
            [
                "delete".to_owned(),
                table.escape_debug().to_string(),
                month.to_string(),
                owner.to_string(),
                before.map_or("all".to_owned(), rfc3339),
                format!("<= {rows_at_most}"),
                if holds.is_empty() {
                    none()
                } else {
                    format!("but for {}", holds.join(", "))
                },
            ]
        }
        Step::Prune {
            table,
            organization,
            before,
            rows_at_most,
        } => [
            "prune".to_owned(),
            table.escape_debug().to_string(),
            none(),
            organization
                .as_deref()
                .map_or("system log".to_owned(), |id| id.escape_debug().to_string()),
            rfc3339(*before),
            format!("<= {rows_at_most}"),
            none(),
        ],
    }
}
