//! Elastic Common Schema 8.17.

use std::net::IpAddr;

use serde::Serialize;

use super::audit::{Audit, Private};
use super::mapping::{Class, Mapping};
use super::{Disclosure, PRODUCT, VERSION, json};
use crate::{Hash, Outcome, RecordedActor};

/// One record as one document.
pub(super) fn export(disclosure: &Disclosure<'_>) -> Vec<u8> {
    let record = disclosure.record();
    let mapping = Mapping::of(record);
    let entry = record.to_bytes();
    let request = record.request().map(ToString::to_string);
    let user = user(disclosure, &mapping);
    // Where a role is given, `user.target` has it.
    let subject = match mapping.class {
        Class::UserAccess(_) => None,
        Class::ApiActivity
        | Class::ApplicationLifecycle
        | Class::Authentication
        | Class::DetectionFinding
        | Class::EntityManagement(_) => disclosure.subject(),
    };
    json::line(&Document {
        timestamp: record.at().to_string(),
        ecs: Version { version: SCHEMA },
        event: event(disclosure, &mapping, &entry),
        http: request.map(|id| Http { request: Id { id } }),
        log: Log {
            level: mapping.severity.level(),
        },
        message: &mapping.message,
        observer: Observer {
            product: PRODUCT,
            r#type: "gateway",
            vendor: PRODUCT,
            version: VERSION,
        },
        portcullis: Portcullis {
            audit: Audit::of(record, &entry).telling(Private {
                note: disclosure.note(),
                subject,
                ..Private::default()
            }),
        },
        source: disclosure.address().map(|ip| Source {
            address: ip.to_string(),
            ip,
        }),
        user,
    })
}

fn event<'a>(disclosure: &Disclosure<'a>, mapping: &Mapping<'a>, entry: &[u8]) -> Event<'a> {
    let record = disclosure.record();
    let (category, has_admin) = mapping.class.ecs_category();
    let admin = has_admin.then_some("admin");
    let is_finding = matches!(mapping.class, Class::DetectionFinding);
    Event {
        action: record.action().word(),
        category: [category],
        dataset: "portcullis.audit",
        hash: Hash::leaf(entry).to_string(),
        id: format!("{}:{}", record.log(), record.seq()),
        kind: match is_finding && mapping.activity.is_alert() {
            true => "alert",
            false => "event",
        },
        module: "portcullis",
        // An entry is ASCII.
        original: String::from_utf8_lossy(entry).into_owned(),
        outcome: match record.outcome() {
            Outcome::Done => "success",
            Outcome::Failed | Outcome::Refused => "failure",
        },
        provider: record.log().as_str(),
        reason: mapping.cause.map(|cause| cause.as_str()),
        sequence: record.seq(),
        severity: mapping.severity.ocsf(),
        r#type: admin
            .into_iter()
            .chain([mapping.activity.ecs_type])
            .collect(),
    }
}

/// Who acted; and for a role, who got or lost it.
fn user<'a>(disclosure: &Disclosure<'a>, mapping: &Mapping<'a>) -> Option<User<'a>> {
    let (id, name) = match disclosure.record().actor() {
        RecordedActor::Key(id) => (Some(id.to_string()), None),
        RecordedActor::Operator | RecordedActor::User => (None, disclosure.actor()),
        RecordedActor::Stranger | RecordedActor::System => (None, None),
    };
    let target = match mapping.class {
        Class::UserAccess(role) => Some(Affected {
            name: disclosure.subject(),
            roles: [role.as_str()],
        }),
        Class::ApiActivity
        | Class::ApplicationLifecycle
        | Class::Authentication
        | Class::DetectionFinding
        | Class::EntityManagement(_) => None,
    };
    let is_some = id.is_some() || name.is_some() || target.is_some();
    is_some.then_some(User { id, name, target })
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "@timestamp")]
    timestamp: String,
    ecs: Version,
    event: Event<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<Http>,
    log: Log,
    message: &'a str,
    observer: Observer,
    portcullis: Portcullis<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<User<'a>>,
}

#[derive(Serialize)]
struct Version {
    version: &'static str,
}

#[derive(Serialize)]
struct Event<'a> {
    action: &'static str,
    category: [&'static str; 1],
    dataset: &'static str,
    hash: String,
    id: String,
    kind: &'static str,
    module: &'static str,
    original: String,
    outcome: &'static str,
    provider: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    sequence: u64,
    severity: u8,
    r#type: Vec<&'static str>,
}

#[derive(Serialize)]
struct Http {
    request: Id,
}

#[derive(Serialize)]
struct Id {
    id: String,
}

#[derive(Serialize)]
struct Log {
    level: &'static str,
}

#[derive(Serialize)]
struct Observer {
    product: &'static str,
    r#type: &'static str,
    vendor: &'static str,
    version: &'static str,
}

/// Fields of our own, under our own name.
#[derive(Serialize)]
struct Portcullis<'a> {
    audit: Audit<'a>,
}

#[derive(Serialize)]
struct Source {
    address: String,
    ip: IpAddr,
}

#[derive(Serialize)]
struct User<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Affected<'a>>,
}

/// `user.target`.
#[derive(Serialize)]
struct Affected<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    roles: [&'a str; 1],
}

/// The version of the schema.
const SCHEMA: &str = "8.17.0";
