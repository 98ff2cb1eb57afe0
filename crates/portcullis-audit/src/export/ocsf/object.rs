//! The objects within events.

use serde::Serialize;

use super::SCHEMA;
use crate::export::mapping::{self, Entity};
use crate::export::{PRODUCT, UNKNOWN, VERSION};
use crate::{KeyId, Record, RecordedActor, Timestamp};

/// `metadata`.
#[derive(Serialize)]
pub(in crate::export) struct Metadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::export) correlation_uid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) event_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) log_name: Option<&'a str>,
    original_time: String,
    product: Product,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::export) profiles: Option<[&'static str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sequence: Option<u64>,
    pub(super) uid: String,
    version: &'static str,
}

impl Metadata<'_> {
    pub(super) fn new(at: Timestamp, uid: String) -> Self {
        Self {
            correlation_uid: None,
            event_code: None,
            log_name: None,
            original_time: at.to_string(),
            product: Product::OURS,
            profiles: None,
            sequence: None,
            uid,
            version: SCHEMA,
        }
    }
}

/// `product` and `app`.
#[derive(Serialize)]
pub(in crate::export) struct Product {
    name: &'static str,
    vendor_name: &'static str,
    version: &'static str,
}

impl Product {
    pub(super) const OURS: Self = Self {
        name: PRODUCT,
        vendor_name: PRODUCT,
        version: VERSION,
    };
}

/// `actor`: the gateway itself, or a user.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::export) enum Actor<'a> {
    AppName(&'static str),
    User(User<'a>),
}

impl<'a> Actor<'a> {
    pub(super) fn of(actor: &RecordedActor, name: Option<&'a str>) -> Self {
        match actor {
            RecordedActor::Key(id) => Self::key(*id),
            RecordedActor::Operator => Self::User(User::new(name, 2, "Admin")),
            RecordedActor::Stranger => Self::User(User::UNKNOWN),
            RecordedActor::System => Self::AppName(PRODUCT),
            RecordedActor::User => Self::User(User::new(name, 1, "User")),
        }
    }

    /// Whoever holds an API key.
    pub(in crate::export) fn key(id: KeyId) -> Self {
        Self::User(User {
            name: None,
            r#type: "API Key",
            type_id: 99,
            uid: Some(id.to_string()),
        })
    }
}

/// `user`.
#[derive(Serialize)]
pub(in crate::export) struct User<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    r#type: &'static str,
    type_id: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<String>,
}

impl<'a> User<'a> {
    pub(super) const UNKNOWN: Self = Self::new(None, 0, "Unknown");

    pub(super) const fn of(name: &'a str) -> Self {
        Self::new(Some(name), 1, "User")
    }

    /// The schema wants a name or an id.
    const fn new(name: Option<&'a str>, type_id: u8, kind: &'static str) -> Self {
        let name = match name {
            Some(name) => name,
            None => UNKNOWN,
        };
        Self {
            name: Some(name),
            r#type: kind,
            type_id,
            uid: None,
        }
    }
}

/// `src_endpoint`: an address, or a name that says there is none.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::export) enum Endpoint {
    Ip(String),
    Name(&'static str),
}

impl Endpoint {
    pub(in crate::export) fn of(ip: Option<String>) -> Self {
        ip.map_or(Self::Name(UNKNOWN), Self::Ip)
    }
}

/// `entity`.
#[derive(Serialize)]
pub(super) struct ManagedEntity {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    r#type: &'static str,
    type_id: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
}

impl ManagedEntity {
    pub(super) fn of(entity: Entity<'_>, record: &Record) -> Self {
        let (type_id, kind) = entity.kind();
        Self {
            name: entity.name(),
            r#type: kind,
            type_id,
            uid: entity.uid(record),
            version: mapping::target_version(record.target()).map(|version| version.to_string()),
        }
    }
}

/// `finding_info`.
#[derive(Serialize)]
pub(super) struct FindingInfo<'a> {
    pub(super) title: &'a str,
    pub(super) uid: String,
}

/// `api`.
#[derive(Serialize)]
pub(in crate::export) struct Api<'a> {
    pub(in crate::export) operation: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::export) request: Option<Request>,
}

/// `request`.
#[derive(Serialize)]
pub(in crate::export) struct Request {
    pub(in crate::export) uid: String,
}

/// `service`.
#[derive(Serialize)]
pub(in crate::export) struct Service {
    pub(in crate::export) name: &'static str,
}

/// `ai_model`, of the profile `ai_operation`.
#[derive(Serialize)]
pub(in crate::export) struct AiModel<'a> {
    pub(in crate::export) ai_provider: &'a str,
    pub(in crate::export) name: &'a str,
}

/// `message_context`, of the same profile. The messages themselves are nowhere.
#[derive(Serialize)]
pub(in crate::export) struct MessageContext {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::export) completion_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::export) prompt_tokens: Option<u64>,
    pub(in crate::export) service: Service,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::export) total_tokens: Option<u64>,
}

/// `http_response`.
#[derive(Serialize)]
pub(in crate::export) struct HttpResponse {
    pub(in crate::export) code: u16,
}
