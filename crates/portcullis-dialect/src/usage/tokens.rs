//! Token counts out of a `usage` object.

use serde::Deserialize;

use super::Count;

/// Token counts of one answer, as they are paid for.
///
/// Providers charge more for tokens that they write to their cache than for other input. Such a token
/// counts as its surcharge has it: as 1.25 (OpenAI's `cache_write_tokens`, Anthropic's five minutes),
/// or as 2 (Anthropic's hour, and where the lifetime is not told), rounded up. So `input` is more than
/// the tokens of the prompt where a cache was filled, and its cost at the price of input is right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Tokens of the prompt, the cached ones included.
    pub input: u64,
    /// Those of [`Tokens::input`] that came from the provider's cache; never more.
    pub cached_input: u64,
    /// Tokens of the answer, those of its reasoning included.
    pub output: u64,
}

/// Reads the JSON text of a `usage` member; `null` is no count.
pub(super) fn read(json: &str) -> Count {
    if json.trim_ascii() == "null" {
        return Count::None;
    }
    Fields::read(json).map_or(Count::Unreadable, Fields::count)
}

/// The `usage` of OpenAI's chat completions, completions and embeddings (`prompt_tokens`), of its
/// responses, and of Anthropic's messages (`input_tokens`).
#[derive(Clone, Copy, Default, Deserialize)]
pub(super) struct Fields {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    total_tokens: Option<u64>,
    prompt_tokens_details: Option<Details>,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    input_tokens_details: Option<Details>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_creation: Option<CacheCreation>,
}

/// Parts of OpenAI's input.
#[derive(Clone, Copy, Default, Deserialize)]
struct Details {
    cached_tokens: Option<u64>,
    cache_write_tokens: Option<u64>,
}

/// Anthropic's cache writes by lifetime.
#[derive(Clone, Copy, Default, Deserialize)]
struct CacheCreation {
    ephemeral_5m_input_tokens: Option<u64>,
    ephemeral_1h_input_tokens: Option<u64>,
}

impl Fields {
    /// `None` when `json` is no such object.
    pub(super) fn read(json: &str) -> Option<Self> {
        // A derived struct would take an array for its fields in order.
        let is_object = json.trim_ascii_start().starts_with('{');
        is_object.then(|| serde_json::from_str(json).ok()).flatten()
    }

    /// These fields, and where one is absent the one of `earlier`: a stream of Anthropic's repeats what
    /// has grown and leaves out what has not.
    pub(super) fn or(self, earlier: Self) -> Self {
        Self {
            prompt_tokens: self.prompt_tokens.or(earlier.prompt_tokens),
            completion_tokens: self.completion_tokens.or(earlier.completion_tokens),
            total_tokens: self.total_tokens.or(earlier.total_tokens),
            prompt_tokens_details: self.prompt_tokens_details.or(earlier.prompt_tokens_details),
            input_tokens: self.input_tokens.or(earlier.input_tokens),
            output_tokens: self.output_tokens.or(earlier.output_tokens),
            input_tokens_details: self.input_tokens_details.or(earlier.input_tokens_details),
            cache_read_input_tokens: self
                .cache_read_input_tokens
                .or(earlier.cache_read_input_tokens),
            cache_creation_input_tokens: self
                .cache_creation_input_tokens
                .or(earlier.cache_creation_input_tokens),
            cache_creation: self.cache_creation.or(earlier.cache_creation),
        }
    }

    pub(super) fn count(self) -> Count {
        self.tokens().map_or(Count::Unreadable, Count::Read)
    }

    /// `None` when the numbers contradict each other or cannot be true.
    fn tokens(self) -> Option<Tokens> {
        let has_cache_fields = self.cache_read_input_tokens.is_some()
            || self.cache_creation_input_tokens.is_some()
            || self.cache_creation.is_some();
        let tokens = match (self.prompt_tokens, self.input_tokens) {
            (Some(input), _) => {
                let details = self.prompt_tokens_details.unwrap_or_default();
                self.openai(input, self.completion_tokens, details)?
            }
            (None, Some(input)) if has_cache_fields => {
                // Whose input would it be, with or without what is cached?
                if self.input_tokens_details.is_some() {
                    return None;
                }
                self.anthropic(input)?
            }
            (None, Some(input)) => {
                let details = self.input_tokens_details.unwrap_or_default();
                self.openai(input, self.output_tokens, details)?
            }
            (None, None) => return None,
        };
        let plausible = tokens.input <= MAX && tokens.output <= MAX;
        plausible.then_some(tokens)
    }

    /// OpenAI's `input` is all of it.
    fn openai(self, input: u64, output: Option<u64>, details: Details) -> Option<Tokens> {
        // Without a count of the answer, the total must supply it: to assume zero would be a gift.
        let output = match (output, self.total_tokens) {
            (Some(output), _) => output,
            (None, Some(total)) => total.checked_sub(input)?,
            (None, None) => return None,
        };
        let cached_input = details.cached_tokens.unwrap_or(0);
        let written = details.cache_write_tokens.unwrap_or(0);
        if cached_input > input || written > input {
            return None;
        }
        Some(Tokens {
            input: input.checked_add(written.div_ceil(4))?,
            cached_input,
            output,
        })
    }

    /// Anthropic's `input` is what was neither read from the cache nor written to it.
    fn anthropic(self, input: u64) -> Option<Tokens> {
        let lifetimes = self.cache_creation.unwrap_or_default();
        let short = lifetimes.ephemeral_5m_input_tokens.unwrap_or(0);
        let long = lifetimes.ephemeral_1h_input_tokens.unwrap_or(0);
        let told = short.checked_add(long)?;
        let written = self.cache_creation_input_tokens.unwrap_or(told);
        let untold = written.checked_sub(told)?;
        let cached_input = self.cache_read_input_tokens.unwrap_or(0);
        let surcharges = [short.div_ceil(4), long, untold];
        let parts = [cached_input, written].into_iter().chain(surcharges);
        Some(Tokens {
            input: parts.into_iter().try_fold(input, u64::checked_add)?,
            cached_input,
            output: self.output_tokens?,
        })
    }
}

/// A thousand billion: no answer is that long, and prices times this stay far from overflow.
const MAX: u64 = 1_000_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(json: &str) -> Option<(u64, u64, u64)> {
        match read(json) {
            Count::Read(Tokens {
                input,
                cached_input,
                output,
            }) => Some((input, cached_input, output)),
            Count::None | Count::Unreadable => None,
        }
    }

    #[test]
    fn chat_and_embeddings_are_read() {
        let chat = r#"{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,
            "prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},
            "completion_tokens_details":{"reasoning_tokens":1}}"#;
        assert_eq!(tokens(chat), Some((9, 4, 2)));
        assert_eq!(
            tokens(r#"{"prompt_tokens":8,"total_tokens":8}"#),
            Some((8, 0, 0))
        );
        let nulls = r#"{"prompt_tokens":1,"completion_tokens":2,"prompt_tokens_details":null}"#;
        assert_eq!(tokens(nulls), Some((1, 0, 2)));
    }

    #[test]
    fn responses_are_read() {
        let responses = r#"{"input_tokens":36,"input_tokens_details":{"cached_tokens":30},
            "output_tokens":87,"output_tokens_details":{"reasoning_tokens":80},"total_tokens":123}"#;
        assert_eq!(tokens(responses), Some((36, 30, 87)));
        assert_eq!(
            tokens(r#"{"input_tokens":36,"output_tokens":87}"#),
            Some((36, 0, 87))
        );
    }

    #[test]
    fn the_input_of_messages_is_the_sum_of_its_parts() {
        let messages = r#"{"input_tokens":10,"cache_read_input_tokens":100,
            "cache_creation_input_tokens":0,"output_tokens":7,"service_tier":"standard",
            "cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0}}"#;
        assert_eq!(tokens(messages), Some((110, 100, 7)));
        let nulls = r#"{"input_tokens":10,"cache_read_input_tokens":null,"output_tokens":7}"#;
        assert_eq!(tokens(nulls), Some((10, 0, 7)));
    }

    #[test]
    fn rule_21_a_token_written_to_a_cache_counts_as_its_surcharge_has_it() {
        let chat = r#"{"prompt_tokens":100,"completion_tokens":2,
            "prompt_tokens_details":{"cached_tokens":10,"cache_write_tokens":41}}"#;
        assert_eq!(tokens(chat), Some((111, 10, 2)));
        let responses = r#"{"input_tokens":100,"output_tokens":2,
            "input_tokens_details":{"cached_tokens":0,"cache_write_tokens":100}}"#;
        assert_eq!(tokens(responses), Some((125, 0, 2)));
        for (written, lifetimes, input) in [
            (41, r#""ephemeral_5m_input_tokens":41"#, 52),
            (41, r#""ephemeral_1h_input_tokens":41"#, 82),
            (
                41,
                r#""ephemeral_5m_input_tokens":21,"ephemeral_1h_input_tokens":20"#,
                67,
            ),
            (41, "", 82),
            (41, r#""ephemeral_5m_input_tokens":20"#, 67),
        ] {
            let messages = format!(
                r#"{{"input_tokens":1,"cache_read_input_tokens":5,"output_tokens":7,
                "cache_creation_input_tokens":{written},"cache_creation":{{{lifetimes}}}}}"#
            );
            assert_eq!(tokens(&messages), Some((6 + input, 5, 7)), "{lifetimes}");
        }
        let told = r#"{"input_tokens":1,"output_tokens":7,"cache_creation":{"ephemeral_5m_input_tokens":4}}"#;
        assert_eq!(tokens(told), Some((6, 0, 7)));
    }

    #[test]
    fn a_count_that_cannot_be_true_is_no_count() {
        for json in [
            r#"{"prompt_tokens":-1,"completion_tokens":2}"#,
            r#"{"prompt_tokens":1.0,"completion_tokens":2}"#,
            r#"{"prompt_tokens":1e3,"completion_tokens":2}"#,
            r#"{"prompt_tokens":"1","completion_tokens":2}"#,
            r#"{"prompt_tokens":1,"completion_tokens":1000000000001}"#,
            r#"{"prompt_tokens":18446744073709551615,"completion_tokens":0}"#,
            r#"{"prompt_tokens":99999999999999999999999999,"completion_tokens":0}"#,
            r#"{"prompt_tokens":1,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":2}}"#,
            r#"{"prompt_tokens":1,"prompt_tokens":2,"completion_tokens":2}"#,
            r#"{"prompt_tokens":5,"total_tokens":4}"#,
            r#"{"prompt_tokens":5}"#,
            r#"{"completion_tokens":5}"#,
            r#"{"prompt_tokens":1,"completion_tokens":2,"prompt_tokens_details":{"cache_write_tokens":2}}"#,
            r#"{"input_tokens":1,"output_tokens":2,"input_tokens_details":{"cached_tokens":2}}"#,
            r#"{"input_tokens":1,"output_tokens":2,"input_tokens_details":{},"cache_read_input_tokens":0}"#,
            r#"{"input_tokens":1,"cache_read_input_tokens":5}"#,
            r#"{"output_tokens":1,"cache_read_input_tokens":5}"#,
            r#"{"input_tokens":18446744073709551615,"cache_read_input_tokens":5,"output_tokens":1}"#,
            r#"{"input_tokens":1,"cache_read_input_tokens":1000000000000,"output_tokens":1}"#,
            r#"{"input_tokens":1,"output_tokens":1,"cache_creation_input_tokens":1,"cache_creation":{"ephemeral_5m_input_tokens":2}}"#,
            "[9,2,null,null]",
            "{}",
            "[]",
            "7",
            "\"\"",
            "",
            "{",
        ] {
            assert!(matches!(read(json), Count::Unreadable), "{json}");
        }
    }

    #[test]
    fn null_is_no_count_and_no_fault() {
        assert!(matches!(read("null"), Count::None));
    }
}
