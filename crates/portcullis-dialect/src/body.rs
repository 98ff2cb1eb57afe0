//! A request body, read strictly.

use std::borrow::Cow;
use std::fmt;

use serde_json::value::RawValue;

pub use error::{BodyError, KeyName};

use crate::text;

mod error;
mod keys;
mod strict;

/// A request body: one JSON object (RFC 8259) that every reader reads alike.
///
/// Refused are: invalid UTF-8, anything before or after the object, a key that occurs twice in one
/// object at any depth (compared decoded, so `"mod\u0065l"` is `"model"`), more than 100 levels of
/// nesting, and at the top level a key that some reader takes for another: with a control character,
/// equal to another key but for case or white space around it, or so equal to a field of the API,
/// such as `Model` without `model`. Deeper down keys belong to the user (a tool's schema may have
/// `id` and `ID`), so only exact duplicates are refused there. A lone surrogate in an escape and a
/// number beyond the range of a double have no one reading either, and are refused as invalid JSON.
///
/// It borrows from the bytes it was read from.
pub struct JsonBody<'a> {
    members: Vec<strict::Member<'a>>,
}

impl<'a> JsonBody<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// [`BodyError`], which names the place and the cure but never what the client wrote.
    pub fn parse(body: &'a [u8]) -> Result<Self, BodyError> {
        let members = strict::members(body)?;
        keys::check(&members)?;
        Ok(Self { members })
    }

    /// The JSON text of a top-level member, or `None` when there is none of this name.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&'a str> {
        self.members
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.get())
    }

    /// The top-level members in their order: decoded name, JSON text of the value.
    pub fn members(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.members
            .iter()
            .map(|(key, value)| (&**key, value.get()))
    }

    /// The body as it was read: names written canonically, values byte for byte, no white space
    /// between them. Forward this and not the original.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        text::object(self.members()).into_bytes()
    }

    /// A member that is a string, decoded; `Err` when it is something else.
    pub(crate) fn string(&self, name: &'static str) -> Result<Option<Cow<'a, str>>, BodyError> {
        let wrong = BodyError::WrongType {
            field: name,
            expected: "a string",
        };
        let Some(json) = self.member(name) else {
            return Ok(None);
        };
        strict::string(json).map(Some).ok_or(wrong)
    }

    /// A member that is a boolean or null; an absent one is null.
    pub(crate) fn flag(&self, name: &'static str) -> Result<Option<bool>, BodyError> {
        match self.member(name) {
            None | Some("null") => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(BodyError::WrongType {
                field: name,
                expected: "true or false",
            }),
        }
    }
}

impl fmt::Debug for JsonBody<'_> {
    /// The number of members; their content is the user's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonBody")
            .field("members", &self.members.len())
            .finish_non_exhaustive()
    }
}

/// Lets the model list share the strict reader without the checks that are for requests.
pub(crate) fn members(body: &[u8]) -> Result<Vec<(Cow<'_, str>, &RawValue)>, BodyError> {
    strict::members(body)
}

/// The decoded text of a member of a JSON object; `None` when it is no string, or `json` no object.
pub(crate) fn string_member<'a>(json: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let members = strict::members(json.as_bytes()).ok()?;
    members
        .iter()
        .find(|(key, _)| key == name)
        .and_then(|(_, value)| strict::string(value.get()))
}

#[cfg(test)]
mod tests;
