//! OCSF.

use serde::Serialize;

use super::UsageRecord;
use crate::export::mapping::Mapping;
use crate::export::ocsf::{
    Actor, AiModel, Api, Endpoint, Event, HttpResponse, MessageContext, Request, Service,
};
use crate::export::{PRODUCT, UNKNOWN, json};
use crate::{Count, Outcome};

pub(super) fn export(usage: &UsageRecord<'_>) -> Vec<u8> {
    let outcome = match usage.is_success() {
        true => Outcome::Done,
        false => Outcome::Failed,
    };
    let mapping = Mapping::call(outcome);
    let mut event = Event::new(&mapping, usage.at, usage.uid());
    let input = usage.input_tokens.map(Count::get);
    let output = usage.output_tokens.map(Count::get);
    event.actor = Some(Actor::key(usage.key));
    event.ai_model = Some(AiModel {
        ai_provider: usage.provider,
        name: usage.model,
    });
    event.api = Some(Api {
        operation: usage.operation.unwrap_or(UNKNOWN),
        request: Some(Request {
            uid: usage.request.to_string(),
        }),
    });
    event.duration = Some(usage.latency_micros.get() / 1_000);
    event.http_response = usage.status.map(|code| HttpResponse { code });
    event.message_context = Some(MessageContext {
        completion_tokens: output,
        prompt_tokens: input,
        service: Service { name: PRODUCT },
        total_tokens: input
            .zip(output)
            .map(|(input, output)| input.saturating_add(output)),
    });
    event.metadata.correlation_uid = Some(usage.request.to_string());
    event.metadata.profiles = Some(["ai_operation"]);
    event.set_status(usage.is_success());
    event.status_code = usage.status.map(|status| status.to_string());
    // The class insists on a source; a usage record has no address on purpose.
    event.src_endpoint = Some(Endpoint::of(None));
    event.unmapped = Some(Unmapped {
        usage: Usage {
            answered_by: usage.answered_by,
            attempt: usage.attempt,
            cached_input_tokens: usage.cached_input_tokens.map(Count::get),
            cost_nano_usd: usage.cost_nano_usd.map(Count::get),
            latency_micros: usage.latency_micros.get(),
            organization: usage.organization.to_string(),
            project: usage.project.map(|id| id.to_string()),
        },
    });
    json::line(&event)
}

#[derive(Serialize)]
struct Unmapped<'a> {
    usage: Usage<'a>,
}

/// What OCSF has no attribute for.
#[derive(Serialize)]
struct Usage<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    answered_by: Option<&'a str>,
    attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    cached_input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_nano_usd: Option<u64>,
    latency_micros: u64,
    organization: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<String>,
}
