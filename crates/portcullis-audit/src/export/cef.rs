//! Common Event Format: seven fields between bars, then `key=value` pairs.

use std::net::IpAddr;

use super::mapping::{self, Mapping};
use super::{Disclosure, PRODUCT, VERSION, json, visible};
use crate::Hash;

/// One record as one line.
pub(super) fn export(disclosure: &Disclosure<'_>) -> Vec<u8> {
    let record = disclosure.record();
    let Mapping {
        class,
        severity,
        message,
        cause,
        ..
    } = Mapping::of(record);
    let mut line = Line::new();
    line.field(PRODUCT);
    line.field(PRODUCT);
    line.field(VERSION);
    line.field(record.action().word());
    line.field(&message);
    line.field(&severity.cef().to_string());

    line.pair("rt", &(record.at().micros() / 1_000).to_string());
    line.pair("externalId", &record.seq().to_string());
    line.pair("act", record.action().word());
    line.pair("cat", class.name());
    line.pair("outcome", record.outcome().as_str());
    line.optional("reason", cause.map(|cause| cause.as_str()));
    line.pair("spriv", record.actor().kind());
    line.optional("suid", mapping::actor_id(record.actor()).as_deref());
    line.optional("suser", disclosure.actor());
    match disclosure.address() {
        Some(IpAddr::V4(ip)) => line.pair("src", &ip.to_string()),
        Some(IpAddr::V6(ip)) => line.custom("c6a2", "Source IPv6 Address", Some(&ip.to_string())),
        None => {}
    }
    line.optional("duid", mapping::target_id(record.target()).as_deref());
    let version = mapping::target_version(record.target());
    line.custom(
        "cn1",
        "targetVersion",
        version.map(|v| v.to_string()).as_deref(),
    );
    line.custom("cs1", "log", Some(record.log().as_str()));
    let leaf = Hash::leaf(&record.to_bytes()).to_string();
    line.custom("cs2", "leaf", Some(&leaf));
    line.custom(
        "cs3",
        "prev",
        record.prev().map(ToString::to_string).as_deref(),
    );
    let details = json::details(record.action());
    let details = details.as_ref().map(|details| details.get());
    let fits = |text: &str| text.len() <= LONGEST_CUSTOM_STRING;
    line.custom(
        "cs4",
        "details",
        details.map(|text| if fits(text) { text } else { TOO_LONG }),
    );
    line.custom("cs5", "note", disclosure.note());
    line.custom("cs6", "subject", disclosure.subject());
    line.custom("flexString1", "targetKind", Some(record.target().kind()));
    let request = record.request().map(ToString::to_string);
    line.custom("flexString2", "request", request.as_deref());
    line.finish()
}

struct Line {
    out: Vec<u8>,
    /// What stands before the next pair.
    before: &'static [u8],
}

impl Line {
    fn new() -> Self {
        Self {
            out: b"CEF:0|".to_vec(),
            before: b"",
        }
    }

    /// A field of the header: bars and backslashes are escaped.
    fn field(&mut self, text: &str) {
        push(&mut self.out, text, '|');
        self.out.push(b'|');
    }

    /// A pair of the extension: equals signs and backslashes are escaped.
    fn pair(&mut self, key: &'static str, text: &str) {
        self.out.extend_from_slice(self.before);
        self.before = b" ";
        self.out.extend_from_slice(key.as_bytes());
        self.out.push(b'=');
        push(&mut self.out, text, '=');
    }

    fn optional(&mut self, key: &'static str, text: Option<&str>) {
        if let Some(text) = text {
            self.pair(key, text);
        }
    }

    /// A custom field, with the label that says what is in it.
    fn custom(&mut self, key: &'static str, label: &'static str, text: Option<&str>) {
        if let Some(text) = text {
            self.out.extend_from_slice(self.before);
            self.before = b" ";
            self.out.extend_from_slice(key.as_bytes());
            self.out.extend_from_slice(b"Label=");
            push(&mut self.out, label, '=');
            self.pair(key, text);
        }
    }

    fn finish(mut self) -> Vec<u8> {
        self.out.push(b'\n');
        self.out
    }
}

fn push(out: &mut Vec<u8>, text: &str, delimiter: char) {
    visible::push(out, text, |out, character| {
        if character == delimiter || character == '\\' {
            out.push(b'\\');
        }
        visible::character(out, character);
    });
}

/// The most characters of a custom string.
const LONGEST_CUSTOM_STRING: usize = 4_000;

/// In place of details that do not fit.
const TOO_LONG: &str = "too long for CEF; see the record";
