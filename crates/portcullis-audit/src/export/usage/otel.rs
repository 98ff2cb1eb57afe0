//! OpenTelemetry.

use serde::Serialize;

use super::UsageRecord;
use crate::Count;
use crate::export::{UNKNOWN, json};

pub(super) fn export(usage: &UsageRecord<'_>) -> Vec<u8> {
    let status = usage.status;
    json::line(&Attributes {
        timestamp: usage.at.to_string(),
        event_name: "portcullis.usage",
        schema_url: SCHEMA_URL,
        error_type: (!usage.is_success())
            .then(|| status.map_or(NO_ANSWER.to_owned(), |status| status.to_string())),
        operation: usage.operation.unwrap_or(UNKNOWN),
        provider: usage.provider,
        model: usage.model,
        answered_by: usage.answered_by,
        input_tokens: usage.input_tokens.map(Count::get),
        cached_input_tokens: usage.cached_input_tokens.map(Count::get),
        output_tokens: usage.output_tokens.map(Count::get),
        status,
        attempt: usage.attempt,
        cost_nano_usd: usage.cost_nano_usd.map(Count::get),
        key: usage.key.to_string(),
        latency_micros: usage.latency_micros.get(),
        organization: usage.organization.to_string(),
        project: usage.project.map(|id| id.to_string()),
        request: usage.request.to_string(),
        uid: usage.uid(),
    })
}

/// The one place that knows the names.
#[derive(Serialize)]
struct Attributes<'a> {
    timestamp: String,
    event_name: &'static str,
    schema_url: &'static str,
    #[serde(rename = "error.type", skip_serializing_if = "Option::is_none")]
    error_type: Option<String>,
    #[serde(rename = "gen_ai.operation.name")]
    operation: &'a str,
    #[serde(rename = "gen_ai.provider.name")]
    provider: &'a str,
    #[serde(rename = "gen_ai.request.model")]
    model: &'a str,
    #[serde(
        rename = "gen_ai.response.model",
        skip_serializing_if = "Option::is_none"
    )]
    answered_by: Option<&'a str>,
    #[serde(
        rename = "gen_ai.usage.input_tokens",
        skip_serializing_if = "Option::is_none"
    )]
    input_tokens: Option<u64>,
    #[serde(
        rename = "gen_ai.usage.cache_read.input_tokens",
        skip_serializing_if = "Option::is_none"
    )]
    cached_input_tokens: Option<u64>,
    #[serde(
        rename = "gen_ai.usage.output_tokens",
        skip_serializing_if = "Option::is_none"
    )]
    output_tokens: Option<u64>,
    #[serde(
        rename = "http.response.status_code",
        skip_serializing_if = "Option::is_none"
    )]
    status: Option<u16>,
    #[serde(rename = "portcullis.attempt")]
    attempt: u32,
    #[serde(
        rename = "portcullis.cost_nano_usd",
        skip_serializing_if = "Option::is_none"
    )]
    cost_nano_usd: Option<u64>,
    #[serde(rename = "portcullis.key.id")]
    key: String,
    #[serde(rename = "portcullis.latency_micros")]
    latency_micros: u64,
    #[serde(rename = "portcullis.organization.id")]
    organization: String,
    #[serde(
        rename = "portcullis.project.id",
        skip_serializing_if = "Option::is_none"
    )]
    project: Option<String>,
    #[serde(rename = "portcullis.request.id")]
    request: String,
    #[serde(rename = "portcullis.uid")]
    uid: String,
}

/// What a call ended with that was cut, or whose provider could not be reached.
const NO_ANSWER: &str = "no_answer";
/// The conventions whose names these are.
const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/gen-ai/1.42.0";
