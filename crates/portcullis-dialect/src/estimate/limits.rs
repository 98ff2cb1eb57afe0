//! The limits that are written into a body: output, choices, and the usage of a stream.

use super::error::Unbounded;
use super::{ChatLimit, EstimatePolicy, Writes};
use crate::{Endpoint, JsonBody, Request, body, text};

/// What is written, and what follows for one prompt.
pub(super) struct Limits {
    pub(super) output: u64,
    pub(super) choices: u32,
    pub(super) writes: Writes,
    /// The usage of the stream is among what is written: the client did not ask for it.
    pub(super) adds_usage: bool,
}

/// The limits of a request (rules 10 to 14).
pub(super) fn plan(
    request: &Request<'_>,
    policy: &EstimatePolicy<'_>,
) -> Result<Limits, Unbounded> {
    let mut writer = Writer {
        body: request.body(),
        policy,
        writes: Writes::new(),
    };
    let (output, choices) = match request.endpoint() {
        Endpoint::ChatCompletions => (writer.chat_output()?, writer.n()?),
        Endpoint::Completions => {
            let output = writer.output("max_tokens")?;
            (output, writer.n()?.max(writer.best_of()?))
        }
        Endpoint::Responses => (writer.output("max_output_tokens")?, 1),
        Endpoint::Messages => (writer.output("max_tokens")?, 1),
        Endpoint::Embeddings => (0, 1),
        Endpoint::ModelList | Endpoint::Model | Endpoint::Unknown => {
            return Err(Unbounded::Endpoint);
        }
    };
    let has_usage_option = matches!(
        request.endpoint(),
        Endpoint::ChatCompletions | Endpoint::Completions
    );
    let adds_usage = request.stream() && has_usage_option && writer.include_usage()?;
    Ok(Limits {
        output,
        choices,
        writes: writer.writes,
        adds_usage,
    })
}

struct Writer<'r, 'b> {
    body: &'r JsonBody<'b>,
    policy: &'r EstimatePolicy<'r>,
    writes: Writes,
}

impl Writer<'_, '_> {
    /// Clamps the one output limit that the endpoint has.
    fn output(&mut self, field: &'static str) -> Result<u64, Unbounded> {
        let asked = self.number(field)?;
        Ok(self.write_output(field, asked))
    }

    /// A chat completion has two names for it. Both that are there are clamped, and the larger one
    /// counts: which of them a provider prefers is its own affair.
    fn chat_output(&mut self) -> Result<u64, Unbounded> {
        let old = self.number("max_tokens")?;
        let new = self.number("max_completion_tokens")?;
        let (writes_old, writes_new) = match self.policy.chat_limit {
            ChatLimit::Either => (old.is_some(), new.is_some() || old.is_none()),
            ChatLimit::MaxTokens => (true, new.is_some()),
        };
        let mut output = 0;
        if writes_old {
            output = output.max(self.write_output("max_tokens", old.or(new)));
        }
        if writes_new {
            output = output.max(self.write_output("max_completion_tokens", new));
        }
        Ok(output)
    }

    fn write_output(&mut self, field: &'static str, asked: Option<u64>) -> u64 {
        let limit = self.policy.output.clamp(asked);
        self.writes.push((field, limit.to_string()));
        limit
    }

    /// The number of choices, 1 when none is named. It is written even then: a server may have
    /// another default.
    fn n(&mut self) -> Result<u32, Unbounded> {
        let asked = self.number("n")?.unwrap_or(1);
        Ok(self.write_choices("n", asked))
    }

    /// The number of choices that are made and billed, of which `n` are returned.
    fn best_of(&mut self) -> Result<u32, Unbounded> {
        let asked = self.number("best_of")?;
        Ok(asked.map_or(1, |asked| self.write_choices("best_of", asked)))
    }

    fn write_choices(&mut self, field: &'static str, asked: u64) -> u32 {
        let max = self.policy.max_choices.get();
        let choices = u32::try_from(asked).map_or(max, |asked| asked.min(max));
        self.writes.push((field, choices.to_string()));
        choices
    }

    /// `stream_options.include_usage`, with the other options as they are. Says whether it had to be
    /// written.
    fn include_usage(&mut self) -> Result<bool, Unbounded> {
        const FIELD: &str = "stream_options";
        let wrong = Unbounded::Value {
            field: FIELD,
            expected: "an object whose `include_usage` is true or false",
        };
        let options = self.body.member(FIELD).unwrap_or("null");
        let options = match options {
            "null" => Vec::new(),
            object => body::nested(object).ok_or(wrong)?,
        };
        let is_mistakable = |key: &str| body::is_mistakable(key, "include_usage");
        if options.iter().any(|(key, _)| is_mistakable(key)) {
            return Err(wrong);
        }
        let asked = options.iter().find(|(key, _)| key == "include_usage");
        let is_there = match asked.map(|(_, value)| value.get()) {
            Some("true") => true,
            None | Some("false" | "null") => false,
            Some(_) => return Err(wrong),
        };
        let others = options
            .iter()
            .map(|(key, value)| (&**key, value.get()))
            .filter(|(key, _)| *key != "include_usage");
        if !is_there {
            let options = text::object(others.chain([("include_usage", "true")]));
            self.writes.push((FIELD, options));
        }
        Ok(!is_there)
    }

    /// A whole number from 1 up, in digits alone; one that is absent or null is none. Servers differ
    /// on all else: 0 or -1 may mean no limit, and `"9"` or 9.5 may be taken or not.
    fn number(&self, field: &'static str) -> Result<Option<u64>, Unbounded> {
        match self.body.member(field) {
            None | Some("null") => Ok(None),
            Some(json) if json != "0" && json.bytes().all(|byte| byte.is_ascii_digit()) => {
                Ok(Some(json.parse().unwrap_or(u64::MAX)))
            }
            Some(_) => Err(Unbounded::Value {
                field,
                expected: "a whole number from 1 up",
            }),
        }
    }
}
