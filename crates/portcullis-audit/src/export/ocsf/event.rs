//! The event, with the attributes of every class that we write.

use serde::Serialize;

use super::object::{
    Actor, AiModel, Api, Endpoint, FindingInfo, HttpResponse, ManagedEntity, MessageContext,
    Metadata, Product, Service, User,
};
use crate::Timestamp;
use crate::export::mapping::Mapping;

/// The version of the schema.
pub(in crate::export) const SCHEMA: &str = "1.8.0";

/// An event of any class. The attributes stand in the order of the alphabet; each class fills its own.
#[derive(Serialize)]
pub(in crate::export) struct Event<'a, U> {
    activity_id: u8,
    activity_name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::export) actor: Option<Actor<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::export) ai_model: Option<AiModel<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::export) api: Option<Api<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) app: Option<Product>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) auth_protocol: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) auth_protocol_id: Option<u8>,
    category_name: &'static str,
    category_uid: u8,
    class_name: &'static str,
    class_uid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<&'a str>,
    /// In milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::export) duration: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) entity: Option<ManagedEntity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finding_info: Option<FindingInfo<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::export) http_response: Option<HttpResponse>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) is_alert: Option<bool>,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::export) message_context: Option<MessageContext>,
    pub(in crate::export) metadata: Metadata<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) privileges: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) raw_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service: Option<Service>,
    severity: &'static str,
    severity_id: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::export) src_endpoint: Option<Endpoint>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::export) status_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status_detail: Option<String>,
    status_id: u8,
    /// In milliseconds since 1970; `metadata.original_time` has the rest of the digits.
    time: i64,
    type_uid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::export) unmapped: Option<U>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<User<'a>>,
}

impl<'a, U> Event<'a, U> {
    /// What every event has.
    pub(in crate::export) fn new(mapping: &'a Mapping<'_>, at: Timestamp, uid: String) -> Self {
        let Mapping {
            class,
            activity,
            severity,
            ..
        } = mapping;
        let (category_uid, category_name) = class.category();
        Self {
            activity_id: activity.id,
            activity_name: activity.name,
            actor: None,
            ai_model: None,
            api: None,
            app: None,
            auth_protocol: None,
            auth_protocol_id: None,
            category_name,
            category_uid,
            class_name: class.name(),
            class_uid: class.uid(),
            comment: None,
            duration: None,
            entity: None,
            finding_info: None,
            http_response: None,
            is_alert: None,
            message: &mapping.message,
            message_context: None,
            metadata: Metadata::new(at, uid),
            privileges: None,
            raw_data: None,
            service: None,
            severity: severity.caption(),
            severity_id: severity.ocsf(),
            src_endpoint: None,
            status: "Unknown",
            status_code: None,
            status_detail: None,
            status_id: 0,
            time: at.micros() / 1_000,
            type_uid: class.uid() * 100 + u32::from(activity.id),
            unmapped: None,
            user: None,
        }
    }

    pub(in crate::export) const fn set_status(&mut self, success: bool) {
        (self.status_id, self.status) = if success {
            (1, "Success")
        } else {
            (2, "Failure")
        };
    }

    /// The status of a finding has other values than that of an action.
    pub(super) const fn set_finding_status(&mut self, is_new: bool) {
        (self.status_id, self.status) = if is_new { (1, "New") } else { (4, "Resolved") };
    }
}
