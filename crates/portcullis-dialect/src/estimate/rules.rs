//! What each top-level member of a request can cost.
//!
//! The tables are complete: a member that is in none of them is refused. Sources: the API references
//! of OpenAI and Anthropic, and the sampling options of vLLM.

use super::shape::Shape;
use crate::Endpoint;

mod anthropic;
mod openai;

/// The members that an endpoint takes.
pub(super) struct Rules {
    members: &'static [(&'static str, Rule)],
    /// The body is one prompt, so that the context window bounds all of it.
    pub(super) is_one_prompt: bool,
    pub(super) caching: Caching,
}

/// What a member can cost.
pub(super) enum Rule {
    /// No more than the tokens of its own text. It may hold anything.
    Free,
    /// Nothing: it is one of those that [`super::limits`] writes.
    Written,
    /// No more than the tokens of its own text if it has this shape, otherwise the context window.
    Text(Shape),
    /// The context window: it refers to what is not in the body.
    Outside,
    /// The tokens of its own text, of one prompt or several.
    Prompts,
    /// No more than the tokens of its own text if it has this shape, otherwise more than anybody can
    /// say; what to do then.
    Only(Shape, &'static str),
    /// More than anybody can say; what to do.
    Never(&'static str),
}

/// Whether a provider fills its cache, at a price, without being asked to.
#[derive(Clone, Copy)]
pub(super) enum Caching {
    /// OpenAI's newer models: a quarter more than the price of input.
    Implicit,
    /// Only for a `cache_control`, or not at all.
    OnRequest,
}

/// The rules of an endpoint; `None` when nobody here knows what it bills.
pub(super) const fn of(endpoint: Endpoint) -> Option<&'static Rules> {
    match endpoint {
        Endpoint::ChatCompletions => Some(&openai::CHAT),
        Endpoint::Completions => Some(&openai::COMPLETIONS),
        Endpoint::Responses => Some(&openai::RESPONSES),
        Endpoint::Embeddings => Some(&openai::EMBEDDINGS),
        Endpoint::Messages => Some(&anthropic::MESSAGES),
        Endpoint::ModelList | Endpoint::Model | Endpoint::Unknown => None,
    }
}

impl Rules {
    /// The rule of a member, and its name; exactly as it is spelled.
    pub(super) fn rule(&self, name: &str) -> Option<(&'static str, &'static Rule)> {
        self.members
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(known, rule)| (*known, rule))
    }
}

const LEAVE_OUT: &str = "leave it out";
const OWN_TOOLS: &str = "send tools that your own program runs";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body;

    #[test]
    fn every_member_with_a_rule_is_refused_in_any_other_spelling() {
        for endpoint in [
            Endpoint::ChatCompletions,
            Endpoint::Completions,
            Endpoint::Responses,
            Endpoint::Embeddings,
            Endpoint::Messages,
        ] {
            for (name, _) in of(endpoint).unwrap().members {
                assert!(body::is_field(name), "{endpoint:?} {name}");
            }
        }
    }
}
