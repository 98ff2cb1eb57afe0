//! OCSF 1.8.0.

mod event;
mod object;

pub(super) use event::{Event, SCHEMA};
pub(super) use object::{
    Actor, AiModel, Api, Endpoint, HttpResponse, MessageContext, Product, Request, Service,
};

use object::{FindingInfo, ManagedEntity, User};

use serde::Serialize;

use super::audit::{Audit, Private};
use super::mapping::{Class, Mapping};
use super::{Disclosure, PRODUCT, json};
use crate::Outcome;

/// One record as one event.
pub(super) fn export(disclosure: &Disclosure<'_>) -> Vec<u8> {
    let record = disclosure.record();
    let mapping = Mapping::of(record);
    let entry = record.to_bytes();
    let request = record.request().map(ToString::to_string);
    let uid = format!("{}:{}", record.log(), record.seq());
    let mut event = Event::new(&mapping, record.at(), uid);

    event.metadata.correlation_uid.clone_from(&request);
    event.metadata.event_code = Some(record.action().word());
    event.metadata.log_name = Some(record.log().as_str());
    event.metadata.sequence = Some(record.seq());
    event.set_status(record.outcome() == Outcome::Done);
    event.status_code = Some(record.outcome().as_str().to_owned());
    event.status_detail = mapping.cause.map(ToString::to_string);
    // An entry is ASCII.
    event.raw_data = Some(String::from_utf8_lossy(&entry).into_owned());

    // What the class has an attribute for is taken; the rest is told at the end.
    let mut private = Private::of(disclosure);
    if mapping.class.has_actor() {
        event.actor = Some(Actor::of(record.actor(), private.actor.take()));
    }
    match mapping.class {
        Class::ApiActivity => {
            event.api = Some(Api {
                operation: "request",
                request: request.map(|uid| Request { uid }),
            });
            event.src_endpoint = Some(Endpoint::of(private.address.take()));
        }
        Class::ApplicationLifecycle => event.app = Some(Product::OURS),
        Class::Authentication => {
            event.auth_protocol = Some("API key");
            event.auth_protocol_id = Some(99);
            event.service = Some(Service { name: PRODUCT });
            event.src_endpoint = Some(Endpoint::of(private.address.take()));
            event.user = Some(User::UNKNOWN);
        }
        Class::DetectionFinding => {
            event.comment = private.note.take();
            event.finding_info = Some(FindingInfo {
                title: &mapping.message,
                uid: event.metadata.uid.clone(),
            });
            event.is_alert = Some(mapping.activity.is_alert());
            event.set_finding_status(mapping.activity.is_alert());
        }
        Class::EntityManagement(entity) => {
            event.comment = private.note.take();
            event.entity = Some(ManagedEntity::of(entity, record));
            event.src_endpoint = private.address.take().map(|ip| Endpoint::of(Some(ip)));
        }
        Class::UserAccess(role) => {
            event.privileges = Some([role.as_str()]);
            event.src_endpoint = private.address.take().map(|ip| Endpoint::of(Some(ip)));
            event.user = Some(private.subject.take().map_or(User::UNKNOWN, User::of));
        }
    }
    event.unmapped = Some(Unmapped {
        audit: Audit::of(record, &entry).telling(private),
    });
    json::line(&event)
}

/// `unmapped`: what the schema has no attribute for.
#[derive(Serialize)]
struct Unmapped<'a> {
    audit: Audit<'a>,
}
