//! One message: header, structured data, entry.

use super::Syslog;
use crate::export::mapping::{self, Mapping};
use crate::export::{Disclosure, PRODUCT, VERSION, visible};
use crate::{Hash, Origin};

/// RFC 5424 section 6. `left_out` says what of it is left out; without it the entry stands at the end.
pub(super) fn message(
    syslog: &Syslog,
    disclosure: &Disclosure<'_>,
    left_out: Option<&str>,
) -> Vec<u8> {
    let record = disclosure.record();
    let entry = record.to_bytes();
    let mapping = Mapping::of(record);
    let priority = syslog.facility.code() * 8 + mapping.severity.syslog();
    let host = host(record.log());
    let (at, word) = (record.at(), record.action().word());
    // PROCID has no value: a record does not depend on the process that sends it.
    let mut out = format!("<{priority}>1 {at} {host} {PRODUCT} - {word} ").into_bytes();

    element(&mut out, "origin", |param| {
        param("software", PRODUCT);
        param("swVersion", VERSION);
    });
    element(&mut out, &format!("audit@{}", syslog.enterprise), |param| {
        let mut optional = |name, value: Option<&str>| {
            if let Some(value) = value {
                param(name, value);
            }
        };
        optional("log", Some(record.log().as_str()));
        optional("seq", Some(&record.seq().to_string()));
        optional("leaf", Some(&Hash::leaf(&entry).to_string()));
        optional("prev", record.prev().map(ToString::to_string).as_deref());
        optional("action", Some(word));
        optional("outcome", Some(record.outcome().as_str()));
        optional("cause", mapping.cause.map(|cause| cause.as_str()));
        optional("actorKind", Some(record.actor().kind()));
        let actor = mapping::actor_id(record.actor());
        optional("actor", actor.as_deref().or_else(|| disclosure.actor()));
        let address = disclosure.address().map(|ip| ip.to_string());
        optional("address", address.as_deref());
        optional("targetKind", Some(record.target().kind()));
        optional("target", mapping::target_id(record.target()).as_deref());
        let version = mapping::target_version(record.target()).map(|version| version.to_string());
        optional("targetVersion", version.as_deref());
        optional(
            "request",
            record.request().map(ToString::to_string).as_deref(),
        );
        optional("note", disclosure.note());
        optional("subject", disclosure.subject());
        optional("leftOut", left_out);
    });
    if left_out.is_none() {
        out.push(b' ');
        out.extend_from_slice(&entry);
    }
    out
}

/// `[id name="value" …]`.
fn element(out: &mut Vec<u8>, id: &str, params: impl FnOnce(&mut dyn FnMut(&'static str, &str))) {
    out.push(b'[');
    out.extend_from_slice(id.as_bytes());
    params(&mut |name, value| {
        out.push(b' ');
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"=\"");
        // Section 6.3.3: these three are escaped, and nothing else is.
        visible::push(out, value, |out, character| {
            if matches!(character, '"' | '\\' | ']') {
                out.push(b'\\');
            }
            visible::character(out, character);
        });
        out.push(b'"');
    });
    out.push(b']');
}

/// The first part of the log's name without a port, or the value that says there is none.
fn host(log: &Origin) -> &str {
    let first = log.as_str().split(['/', ':']).next().unwrap_or_default();
    if first.is_empty() { "-" } else { first }
}
