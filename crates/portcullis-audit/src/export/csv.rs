//! CSV (RFC 4180).

use super::mapping::{self, Mapping};
use super::{Disclosure, json, visible};
use crate::Hash;

/// The names of the columns.
pub(super) fn header() -> Vec<u8> {
    row(COLUMNS.iter().map(|&name| Some(name.to_owned())))
}

/// One record as one row.
pub(super) fn export(disclosure: &Disclosure<'_>) -> Vec<u8> {
    let record = disclosure.record();
    let owned = |text: &str| Some(text.to_owned());
    let actor = mapping::actor_id(record.actor());
    let cells: [Option<String>; COLUMNS.len()] = [
        owned(record.log().as_str()),
        Some(record.seq().to_string()),
        Some(record.at().to_string()),
        owned(record.action().word()),
        owned(record.outcome().as_str()),
        owned(Mapping::of(record).severity.caption()),
        owned(record.actor().kind()),
        actor.or_else(|| disclosure.actor().map(str::to_owned)),
        disclosure.address().map(|ip| ip.to_string()),
        owned(record.target().kind()),
        mapping::target_id(record.target()),
        mapping::target_version(record.target()).map(|version| version.to_string()),
        record.request().map(ToString::to_string),
        json::details(record.action()).map(|details| details.get().to_owned()),
        disclosure.note().map(str::to_owned),
        disclosure.subject().map(str::to_owned),
        record.prev().map(ToString::to_string),
        Some(Hash::leaf(&record.to_bytes()).to_string()),
    ];
    row(cells)
}

/// Columns are added at the end.
const COLUMNS: [&str; 18] = [
    "log",
    "seq",
    "at",
    "action",
    "outcome",
    "severity",
    "actor_kind",
    "actor",
    "address",
    "target_kind",
    "target",
    "target_version",
    "request",
    "details",
    "note",
    "subject",
    "prev",
    "leaf",
];

fn row(cells: impl IntoIterator<Item = Option<String>>) -> Vec<u8> {
    let mut out = Vec::new();
    for (cell, number) in cells.into_iter().zip(0..) {
        if number > 0 {
            out.push(b',');
        }
        if let Some(text) = cell {
            push(&mut out, &text);
        }
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// A cell in quotes, so that it may hold anything. What a spreadsheet would calculate gets an apostrophe in front; so does
/// what begins with one, so that taking away one apostrophe always gives the text.
fn push(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    if text.starts_with(FORMULA) {
        out.push(b'\'');
    }
    visible::push(out, text, |out, character| {
        if character == '"' {
            out.push(b'"');
        }
        visible::character(out, character);
    });
    out.push(b'"');
}

/// What begins a formula in some spreadsheet, in its usual and its wide form. (What begins one after it was hidden, such as
/// a tab, is written as a number.)
const FORMULA: [char; 9] = [
    '=', '+', '-', '@', '\'', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
];
