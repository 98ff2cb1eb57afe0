//! Which JSON is text all through.
//!
//! A shape names all that it takes. What a client can send besides, in another spelling or because a
//! provider has learned something new, does not fit.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::body;

/// A shape of JSON. `null` has every shape.
pub(super) enum Shape {
    /// Anything.
    Any,
    /// One of these strings, or an array of them.
    Words(&'static [&'static str]),
    /// A string, or an array of objects each of which is one of these.
    Items(&'static [Item]),
    /// An object with no members but these.
    Object(&'static [(&'static str, Self)]),
}

/// An object that says by its `type` what it is.
pub(super) struct Item {
    /// `None`: the object has no `type`.
    pub(super) tag: Option<&'static str>,
    /// The members it may have besides.
    pub(super) members: &'static [(&'static str, Shape)],
}

/// Whether `json` has the shape.
pub(super) fn fits(json: &str, shape: &Shape) -> bool {
    if json == "null" {
        return true;
    }
    match shape {
        Shape::Any => true,
        Shape::Words(words) => {
            let is_word =
                |json: &str| body::string(json).is_some_and(|word| words.contains(&&*word));
            is_word(json) || all_elements(json, is_word)
        }
        Shape::Items(items) => {
            json.starts_with('"') || all_elements(json, |json| is_one_of(json, items))
        }
        Shape::Object(members) => body::nested(json).is_some_and(|object| {
            object
                .iter()
                .all(|(name, value)| is_member(name, value.get(), members))
        }),
    }
}

/// How many prompts a member is that holds text or token ids, one prompt or an array of them;
/// `None` when it is something else.
pub(super) fn prompts(json: &str) -> Option<u64> {
    if json == "null" || json.starts_with('"') {
        return Some(1);
    }
    let (mut ids, mut many) = (0, 0);
    let is_prompts = all_elements(json, |json| {
        let is_id = is_number(json);
        let count = if is_id { &mut ids } else { &mut many };
        *count += 1;
        is_id || json.starts_with('"') || all_elements(json, is_number)
    });
    match (is_prompts, ids, many) {
        (true, _, 0) => Some(1),
        (true, 0, many) => Some(many),
        (true, _, _) | (false, _, _) => None,
    }
}

fn is_one_of(json: &str, items: &[Item]) -> bool {
    let Some(object) = body::nested(json) else {
        return false;
    };
    let tag = object.iter().find(|(name, _)| name == "type");
    let tag = tag.map(|(_, value)| body::string(value.get()).unwrap_or_default());
    let Some(item) = items.iter().find(|item| item.tag == tag.as_deref()) else {
        return false;
    };
    object
        .iter()
        .all(|(name, value)| name == "type" || is_member(name, value.get(), item.members))
}

fn is_member(name: &str, json: &str, members: &[(&str, Shape)]) -> bool {
    let known = members.iter().find(|(known, _)| *known == name);
    known.is_some_and(|(_, shape)| fits(json, shape))
}

fn is_number(json: &str) -> bool {
    json.starts_with(|c: char| c == '-' || c.is_ascii_digit())
}

/// Whether `json` is an array and all its elements are as `test` wants them. It keeps none of them:
/// an array of token ids may have millions.
fn all_elements(json: &str, test: impl FnMut(&str) -> bool) -> bool {
    struct All<F>(F);
    impl<'de, F: FnMut(&str) -> bool> Visitor<'de> for All<F> {
        type Value = bool;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<bool, A::Error> {
            let mut all = true;
            while let Some(element) = seq.next_element::<&RawValue>()? {
                all = all && self.0(element.get());
            }
            Ok(all)
        }
    }
    json.starts_with('[')
        && serde_json::Deserializer::from_str(json)
            .deserialize_seq(All(test))
            .unwrap_or(false)
}
