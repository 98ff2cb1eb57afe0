//! How many tokens of input a body can be billed for.

use std::num::NonZeroU64;

use super::error::Unbounded;
use super::rules::{Caching, Rule, Rules};
use super::{EstimatePolicy, shape, weight};
use crate::JsonBody;

/// Tokens of input, and how many prompts they are.
pub(super) struct Input {
    pub(super) tokens: u64,
    pub(super) prompts: u64,
}

/// The bound of the input: that of its text, or of the context window (rules 4 to 8).
pub(super) fn bound(
    body: &JsonBody<'_>,
    rules: &Rules,
    policy: &EstimatePolicy<'_>,
) -> Result<Input, Unbounded> {
    let mut text = MARGIN;
    let mut prompts = 1;
    let mut outside = None;
    for (at, (name, json)) in body.members().enumerate() {
        let position = at + 1;
        let (field, rule) = match rules.rule(name) {
            Some(known) => known,
            None if policy.free_members.contains(name) => ("", &Rule::Free),
            None => return Err(Unbounded::Unknown { position }),
        };
        if matches!(rule, Rule::Written) {
            continue; // so that the bound does not depend on the limits
        }
        text = text
            .saturating_add(weight::of(name))
            .saturating_add(weight::of(json));
        if is_absent(json) {
            continue;
        }
        match rule {
            Rule::Free | Rule::Written => {}
            Rule::Text(shape) => {
                if !shape::fits(json, shape) {
                    outside = outside.or(Some(field));
                }
            }
            Rule::Outside => outside = outside.or(Some(field)),
            Rule::Prompts => {
                prompts = shape::prompts(json).ok_or(Unbounded::Value {
                    field,
                    expected: "text or token ids",
                })?;
            }
            Rule::Only(shape, cure) => {
                if !shape::fits(json, shape) {
                    return Err(Unbounded::Extra { field, cure });
                }
            }
            Rule::Never(cure) => return Err(Unbounded::Extra { field, cure }),
        }
    }
    let window = policy.context_window.map(NonZeroU64::get);
    let tokens = match (outside, window) {
        (Some(field), None) => return Err(Unbounded::Outside { field }),
        (Some(_), Some(window)) => window,
        // A window is one of one prompt.
        (None, Some(window)) if rules.is_one_prompt => text.min(window),
        (None, _) => text,
    };
    Ok(Input {
        tokens: surcharged(tokens, rules.caching, body.has_cache_control()),
        prompts,
    })
}

/// A member that is there and says nothing.
fn is_absent(json: &str) -> bool {
    matches!(json, "null" | "false" | "[]")
}

/// With what is charged for filling a cache, in tokens at the price of input (rule 9).
fn surcharged(tokens: u64, caching: Caching, has_cache_control: bool) -> u64 {
    let quarters: u128 = match (caching, has_cache_control) {
        (_, true) => 8, // Anthropic's hour: twice the price
        (Caching::Implicit, false) => 5,
        (Caching::OnRequest, false) => 4,
    };
    let surcharged = (u128::from(tokens) * quarters).div_ceil(4);
    u64::try_from(surcharged).unwrap_or(u64::MAX)
}

/// What providers add to a prompt by themselves, whatever its length: the frame of the conversation,
/// a system prompt of their own, the instructions for tools (up to about 800 tokens with Anthropic)
/// and for structured output.
const MARGIN: u64 = 1_024;
