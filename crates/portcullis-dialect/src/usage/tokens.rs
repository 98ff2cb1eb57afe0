//! Token counts out of a `usage` object.

use serde::Deserialize;

use super::Count;

/// Token counts of one answer.
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
    let json = json.trim_ascii();
    if json == "null" {
        return Count::None;
    }
    // A derived struct would take an array for its fields in order.
    let fields = json
        .starts_with('{')
        .then(|| serde_json::from_str::<Fields>(json).ok());
    fields
        .flatten()
        .and_then(Fields::tokens)
        .map_or(Count::Unreadable, Count::Read)
}

/// OpenAI's `CompletionUsage`, and the usage of embeddings, which has no `completion_tokens`.
#[derive(Deserialize)]
struct Fields {
    prompt_tokens: u64,
    completion_tokens: Option<u64>,
    total_tokens: Option<u64>,
    prompt_tokens_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    cached_tokens: Option<u64>,
}

impl Fields {
    /// `None` when the numbers contradict each other or cannot be true.
    fn tokens(self) -> Option<Tokens> {
        let input = self.prompt_tokens;
        // Without a count of the answer, the total must supply it: to assume zero would be a gift.
        let output = match (self.completion_tokens, self.total_tokens) {
            (Some(output), _) => output,
            (None, Some(total)) => total.checked_sub(input)?,
            (None, None) => return None,
        };
        let cached_input = self
            .prompt_tokens_details
            .and_then(|details| details.cached_tokens)
            .unwrap_or(0);
        let plausible = input <= MAX && output <= MAX && cached_input <= input;
        plausible.then_some(Tokens {
            input,
            cached_input,
            output,
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
