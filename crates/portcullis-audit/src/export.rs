//! Formats for those who read the log elsewhere. Each is a pure function from records to bytes.

mod json_lines;

pub use json_lines::{DamagedExport, ExportDamage, JsonLines, JsonLinesVerifier, VerifiedExport};
