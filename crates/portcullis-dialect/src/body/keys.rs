//! Top-level keys that one reader takes for another.
//!
//! Go's `encoding/json` matches keys without regard to case, by Unicode simple case folding; others
//! trim, or end a name at a NUL. A body with `model` and `Model` is then one model to the gate and
//! another to the provider.

use std::collections::HashSet;

use super::error::{BodyError, KeyName};
use super::strict::Member;

/// Refuses keys that can be mistaken for one another or for a field of the API.
pub(super) fn check(members: &[Member<'_>]) -> Result<(), BodyError> {
    let mut seen = HashSet::new();
    for (key, _) in members {
        let folded = folded(key);
        let name = named(&folded);
        let is_misspelled_field = name != KeyName::Other && folded != **key;
        if is_misspelled_field || key.contains(char::is_control) || !seen.insert(folded) {
            return Err(BodyError::AmbiguousKey { key: name });
        }
    }
    Ok(())
}

/// `key` as an error may show it.
pub(super) fn named(key: &str) -> KeyName {
    FIELDS
        .iter()
        .find(|field| **field == key)
        .map_or(KeyName::Other, |field| KeyName::Field(field))
}

/// `key` without case and without what readers trim. Upper case first: `ſ` and `K` (Kelvin) fold to
/// `s` and `k`, which lower case alone misses for the first. It folds a little more than Unicode's
/// simple folding, which errs on the side of refusing.
pub(super) fn folded(key: &str) -> String {
    let trimmed =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}' | '\u{feff}');
    key.trim_matches(trimmed)
        .chars()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}

/// The top-level fields of the requests that this crate reads.
const FIELDS: [&str; 73] = [
    "audio",
    "background",
    "best_of",
    "cache_control",
    "chat_template_kwargs",
    "container",
    "context_management",
    "conversation",
    "dimensions",
    "echo",
    "encoding_format",
    "fallbacks",
    "frequency_penalty",
    "function_call",
    "functions",
    "include",
    "inference_geo",
    "input",
    "instructions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_output_tokens",
    "max_tokens",
    "max_tool_calls",
    "mcp_servers",
    "messages",
    "metadata",
    "min_p",
    "min_tokens",
    "modalities",
    "model",
    "models",
    "n",
    "output_config",
    "output_format",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "provider",
    "reasoning",
    "reasoning_effort",
    "repetition_penalty",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "speed",
    "stop",
    "stop_sequences",
    "store",
    "stream",
    "stream_options",
    "structured_outputs",
    "suffix",
    "system",
    "temperature",
    "text",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
    "verbosity",
    "web_search_options",
];
