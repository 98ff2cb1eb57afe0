//! OCSF 1.8.0.

mod event;
mod object;

pub(super) use event::{Event, SCHEMA};
pub(super) use object::{
    Actor, AiModel, Api, Endpoint, HttpResponse, MessageContext, Product, Request, Service,
};

use object::{FindingInfo, ManagedEntity, User};

use serde::Serialize;

use super::audit::Audit;
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

    event.actor = Some(Actor::of(disclosure));
    event.metadata.correlation_uid.clone_from(&request);
    event.metadata.event_code = Some(record.action().word());
    event.metadata.log_name = Some(record.log().as_str());
    event.metadata.sequence = Some(record.seq());
    event.set_status(record.outcome() == Outcome::Done);
    event.status_code = Some(record.outcome().as_str().to_owned());
    event.status_detail = mapping.cause.map(ToString::to_string);
    // An entry is ASCII.
    event.raw_data = Some(String::from_utf8_lossy(&entry).into_owned());

    let mut address = disclosure.address().map(|ip| ip.to_string());
    let (mut note, mut subject) = (disclosure.note(), disclosure.subject());
    match mapping.class {
        Class::ApiActivity => {
            event.api = Some(Api {
                operation: "request",
                request: request.map(|uid| Request { uid }),
            });
            event.src_endpoint = Some(Endpoint::of(address.take()));
        }
        Class::ApplicationLifecycle => event.app = Some(Product::OURS),
        Class::Authentication => {
            event.auth_protocol = Some("API key");
            event.auth_protocol_id = Some(99);
            event.service = Some(Service { name: PRODUCT });
            event.src_endpoint = Some(Endpoint::of(address.take()));
            event.user = Some(User::UNKNOWN);
        }
        Class::DetectionFinding => {
            event.comment = note.take();
            event.finding_info = Some(FindingInfo {
                title: &mapping.message,
                uid: event.metadata.uid.clone(),
            });
            event.is_alert = Some(mapping.activity.is_alert());
            event.set_finding_status(mapping.activity.is_alert());
        }
        Class::EntityManagement(entity) => {
            event.comment = note.take();
            event.entity = Some(ManagedEntity::of(entity, record));
            event.src_endpoint = address.take().map(|ip| Endpoint::of(Some(ip)));
        }
        Class::UserAccess(role) => {
            event.privileges = Some([role.as_str()]);
            event.src_endpoint = address.take().map(|ip| Endpoint::of(Some(ip)));
            event.user = Some(subject.take().map_or(User::UNKNOWN, User::of));
        }
    }
    event.unmapped = Some(Unmapped {
        audit: Audit::of(record, &entry).telling(address, note, subject),
    });
    json::line(&event)
}

/// `unmapped`: what the schema has no attribute for.
#[derive(Serialize)]
struct Unmapped<'a> {
    audit: Audit<'a>,
}
