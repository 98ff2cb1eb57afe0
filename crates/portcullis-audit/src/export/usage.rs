//! One model call, without a word of what was said in it.

mod ocsf;
mod otel;

use crate::{Count, KeyId, ObjectId, Timestamp};

/// One attempt to call a model: who paid, what it took, how it ended.
///
/// Flat data for metering and for a SIEM. There is no field for a prompt or an answer. The texts are words that the gateway
/// knows, borrowed from its price list and configuration; a client's own words have no place here.
///
/// ```
/// use portcullis_audit::{Count, KeyId, ObjectId, Timestamp, UsageRecord};
/// let usage = UsageRecord {
///     at: Timestamp::from_micros(1_795_330_515_123_456),
///     request: ObjectId::from_bytes([1; 16]),
///     attempt: 0,
///     organization: ObjectId::from_bytes([2; 16]),
///     project: None,
///     key: KeyId::parse("3fK9aaaaaaaa")?,
///     operation: Some("chat"),
///     provider: "openai",
///     model: "gpt-4o",
///     answered_by: Some("gpt-4o-2024-08-06"),
///     input_tokens: Some(Count::new(900)),
///     cached_input_tokens: Some(Count::new(512)),
///     output_tokens: Some(Count::new(120)),
///     cost_nano_usd: Some(Count::new(2_810_000)),
///     latency_micros: Count::new(1_250_000),
///     status: Some(200),
/// };
/// let line = String::from_utf8(usage.to_otel())?;
/// assert!(line.contains(r#""gen_ai.request.model":"gpt-4o""#));
/// assert!(line.contains(r#""gen_ai.usage.cache_read.input_tokens":512"#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageRecord<'a> {
    /// When the answer was complete.
    pub at: Timestamp,
    /// The gateway's id of the request.
    pub request: ObjectId,
    /// Which attempt of the request: a retry and a fallback model have numbers of their own.
    pub attempt: u32,
    /// Whose key.
    pub organization: ObjectId,
    /// The project of the key, if it has one.
    pub project: Option<ObjectId>,
    /// The key.
    pub key: KeyId,
    /// `chat`, `text_completion`, `embeddings`: the words of `gen_ai.operation.name`; `None` where nobody noted it.
    pub operation: Option<&'a str>,
    /// The provider, by the words of `gen_ai.provider.name`.
    pub provider: &'a str,
    /// The model that was asked, by its name in the price list.
    pub model: &'a str,
    /// The model that answered, where it is another and the price list names it.
    pub answered_by: Option<&'a str>,
    /// All tokens of the input, cached ones included; `None` where the provider did not say, as for the next two.
    pub input_tokens: Option<Count>,
    /// Those of them that the provider read from a cache.
    pub cached_input_tokens: Option<Count>,
    /// All tokens of the output.
    pub output_tokens: Option<Count>,
    /// What it cost, in 10⁻⁹ USD; `None` for a model without a price.
    pub cost_nano_usd: Option<Count>,
    /// From the first byte sent to the provider to the last byte of its answer, in microseconds.
    pub latency_micros: Count,
    /// The HTTP status that the provider answered with; `None` where it did not answer.
    pub status: Option<u16>,
}

impl UsageRecord<'_> {
    /// One line of JSON with the attribute names of OpenTelemetry's conventions for generative AI, and our own under
    /// `portcullis.` where those have none. The line ends with LF.
    #[must_use]
    pub fn to_otel(&self) -> Vec<u8> {
        otel::export(self)
    }

    /// One event of OCSF 1.8.0: API Activity with the profile `ai_operation`, as a line of JSON that ends with LF.
    #[must_use]
    pub fn to_ocsf(&self) -> Vec<u8> {
        ocsf::export(self)
    }

    /// The same for every copy of the record: `request:attempt`.
    fn uid(&self) -> String {
        format!("{}:{}", self.request, self.attempt)
    }

    fn is_success(&self) -> bool {
        self.status.is_some_and(|status| status < 400)
    }
}
