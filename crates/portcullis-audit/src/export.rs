//! Formats for those who read the log elsewhere. Each is a pure function from records to bytes.
//!
//! `spec/audit-export.md` is normative for what other schemas call a record.

mod audit;
mod cef;
mod csv;
mod cursor;
mod disclosure;
mod ecs;
mod format;
mod json;
mod json_lines;
mod mapping;
mod ocsf;
mod severity;
mod syslog;
mod usage;
mod visible;

pub use cursor::{Cursor, OutOfOrder};
pub use disclosure::{Disclosure, WrongOpening};
pub use format::Format;
pub use json_lines::{DamagedExport, ExportDamage, JsonLines, JsonLinesVerifier, VerifiedExport};
pub use syslog::{Facility, Framing, Syslog};
pub use usage::UsageRecord;

/// The product as the exports name it.
const PRODUCT: &str = "Portcullis";

/// Its version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where a schema insists on a name and there is none, or it was erased.
const UNKNOWN: &str = "unknown";
