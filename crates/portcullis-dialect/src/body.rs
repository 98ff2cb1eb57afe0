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
    members: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    is_as_read: bool,
    has_cache_control: bool,
}

impl<'a> JsonBody<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// [`BodyError`], which names the place and the cure but never what the client wrote.
    pub fn parse(body: &'a [u8]) -> Result<Self, BodyError> {
        let strict::Object {
            text,
            members,
            has_cache_control,
        } = strict::object(body)?;
        keys::check(&members)?;
        let borrowed = |(key, value): strict::Member<'a>| (key, Cow::Borrowed(value.get()));
        let mut body = Self {
            members: members.into_iter().map(borrowed).collect(),
            is_as_read: false,
            has_cache_control,
        };
        // To write it canonically only takes something away, so equal lengths are equal bytes.
        body.is_as_read = text::object_len(body.members()) == text.len();
        Ok(body)
    }

    /// The JSON text of a top-level member, or `None` when there is none of this name.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&str> {
        self.members
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| &**value)
    }

    /// The top-level members in their order: decoded name, JSON text of the value.
    pub fn members(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.members.iter().map(|(key, value)| (&**key, &**value))
    }

    /// The body as it was read: names written canonically, values byte for byte, no white space
    /// between them. Forward this and not the original.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        text::object(self.members()).into_bytes()
    }

    /// Whether [`JsonBody::to_bytes`] is, byte for byte, what was read: then that may be forwarded
    /// without a copy.
    #[must_use]
    pub const fn is_as_read(&self) -> bool {
        self.is_as_read
    }

    /// Writes a top-level member, in its place or at the end; `json` is the JSON text of its value.
    pub(crate) fn set(&mut self, name: &'static str, json: String) {
        match self.members.iter_mut().find(|(key, _)| key == name) {
            Some((_, value)) if **value == json => return,
            Some((_, value)) => *value = Cow::Owned(json),
            None => self.members.push((Cow::Borrowed(name), Cow::Owned(json))),
        }
        self.is_as_read = false;
    }

    /// Whether there is a key `cache_control` at any depth, as it was read.
    pub(crate) const fn has_cache_control(&self) -> bool {
        self.has_cache_control
    }

    /// A member that is a string, decoded; `Err` when it is something else.
    pub(crate) fn string(&self, name: &'static str) -> Result<Option<Cow<'a, str>>, BodyError> {
        let wrong = BodyError::WrongType {
            field: name,
            expected: "a string",
        };
        let value = match self.members.iter().find(|(key, _)| key == name) {
            None => return Ok(None),
            Some((_, Cow::Borrowed(json))) => strict::string(json),
            Some((_, Cow::Owned(json))) => {
                strict::string(json).map(|text| text.into_owned().into())
            }
        };
        value.map(Some).ok_or(wrong)
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
    strict::object(body).map(|object| object.members)
}

/// The decoded text of a member of a JSON object; `None` when it is no string, or `json` no object.
pub(crate) fn string_member<'a>(json: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let object = strict::object(json.as_bytes()).ok()?;
    object
        .members
        .iter()
        .find(|(key, _)| key == name)
        .and_then(|(_, value)| strict::string(value.get()))
}

/// The decoded text of a JSON string within a body; `None` for any other value.
pub(crate) fn string(json: &str) -> Option<Cow<'_, str>> {
    strict::string(json)
}

/// The members of an object within a body; `None` for any other value.
pub(crate) fn nested(json: &str) -> Option<Vec<(Cow<'_, str>, &RawValue)>> {
    strict::members(json)
}

/// Whether some reader may take `key` for `name`, which it is not.
pub(crate) fn is_mistakable(key: &str, name: &str) -> bool {
    key != name && (keys::folded(key) == name || key.contains(char::is_control))
}

/// Whether `name` is a field of the API, or some reader may take it for one.
pub(crate) fn is_field_in_any_spelling(name: &str) -> bool {
    keys::named(&keys::folded(name)) != KeyName::Other
}

/// Whether `name` is a field of the API: then no other spelling of it is taken.
#[cfg(test)]
pub(crate) fn is_field(name: &str) -> bool {
    keys::named(name) != KeyName::Other
}

#[cfg(test)]
mod tests;
