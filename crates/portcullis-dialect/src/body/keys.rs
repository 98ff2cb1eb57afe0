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
fn folded(key: &str) -> String {
    let trimmed =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}' | '\u{feff}');
    key.trim_matches(trimmed)
        .chars()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}

/// The top-level fields of OpenAI's chat completions and embeddings requests.
const FIELDS: [&str; 42] = [
    "audio",
    "dimensions",
    "encoding_format",
    "frequency_penalty",
    "function_call",
    "functions",
    "input",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "modalities",
    "model",
    "models",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_retention",
    "provider",
    "reasoning",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
];
