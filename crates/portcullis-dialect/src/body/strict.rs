//! The strict reader: one pass that judges, one that collects.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::error::{BodyError, KeyName};
use super::keys;

/// A decoded key and the JSON text of its value.
pub(super) type Member<'a> = (Cow<'a, str>, &'a RawValue);

/// An object that was read.
pub(super) struct Object<'a> {
    pub(super) text: &'a str,
    pub(super) members: Vec<Member<'a>>,
    /// At any depth there is a key `cache_control`.
    pub(super) has_cache_control: bool,
}

/// Reads one object with unique keys at every depth and nothing around it.
pub(super) fn object(body: &[u8]) -> Result<Object<'_>, BodyError> {
    let text = str::from_utf8(body).map_err(|e| BodyError::NotUtf8 {
        offset: e.valid_up_to(),
    })?;
    let start = text.trim_start_matches([' ', '\t', '\n', '\r']);
    if !start.is_empty() && !start.starts_with('{') {
        return Err(BodyError::NotAnObject);
    }
    let has_cache_control = judge(text)?; // of the object; what follows it is found below
    let members = serde_json::from_str::<Members<'_>>(text).map_err(|e| not_json(&e))?;
    Ok(Object {
        text,
        members: members.0,
        has_cache_control,
    })
}

/// The members of an object that was judged before, as a part of another; `None` for any other value.
pub(super) fn members(json: &str) -> Option<Vec<Member<'_>>> {
    let members: Members<'_> = serde_json::from_str(json).ok()?;
    Some(members.0)
}

/// The decoded text of a JSON string; `None` for any other value.
pub(super) fn string(json: &str) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(json)
        .ok()
        .map(|text| text.0)
}

/// Walks the whole object, so that every position in an error is one in the body; says whether a key
/// is `cache_control`.
fn judge(text: &str) -> Result<bool, BodyError> {
    let seen = Seen::default();
    let mut reader = serde_json::Deserializer::from_str(text);
    let walk = Walk {
        depth: 1,
        seen: &seen,
    };
    walk.deserialize(&mut reader).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        match seen.fault.get() {
            Some(Fault::TooDeep) => BodyError::TooDeep { line, column },
            Some(Fault::Duplicate(key)) => BodyError::DuplicateKey { key, line, column },
            None => not_json(&error),
        }
    })?;
    Ok(seen.cache_control.get())
}

fn not_json(error: &serde_json::Error) -> BodyError {
    BodyError::NotJson {
        line: error.line(),
        column: error.column(),
    }
}

/// What the walk has come across.
#[derive(Default)]
struct Seen {
    fault: Cell<Option<Fault>>,
    cache_control: Cell<bool>,
}

/// What the walk itself objects to; serde's errors carry only text.
#[derive(Clone, Copy)]
enum Fault {
    TooDeep,
    Duplicate(KeyName),
}

/// Reads a value for its faults. `depth` is that of the container the value would be.
struct Walk<'s> {
    depth: usize,
    seen: &'s Seen,
}

impl Walk<'_> {
    fn enter<E: de::Error>(&self) -> Result<Self, E> {
        // A limit of our own: another crate of the build may switch off that of serde_json.
        if self.depth > MAX_DEPTH {
            Err(self.object(Fault::TooDeep))
        } else {
            Ok(self.below())
        }
    }

    const fn below(&self) -> Self {
        Self {
            depth: self.depth + 1,
            seen: self.seen,
        }
    }

    fn object<E: de::Error>(&self, fault: Fault) -> E {
        self.seen.fault.set(Some(fault));
        E::custom("refused")
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let below = self.enter()?;
        let mut seen = HashSet::new();
        while let Some(Text(key)) = map.next_key()? {
            if seen.contains(&key) {
                return Err(self.object(Fault::Duplicate(keys::named(&key))));
            }
            if key == "cache_control" {
                self.seen.cache_control.set(true);
            }
            seen.insert(key);
            map.next_value_seed(Walk { ..below })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let below = self.enter()?;
        while seq.next_element_seed(Walk { ..below })?.is_some() {}
        Ok(())
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A decoded string that borrows when it has no escapes.
#[derive(PartialEq, Eq, Hash)]
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct AsText;
        impl<'de> Visitor<'de> for AsText {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }
        reader.deserialize_str(AsText).map(Text)
    }
}

/// The members of an object in their order.
struct Members<'a>(Vec<Member<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct AsMembers;
        impl<'de> Visitor<'de> for AsMembers {
            type Value = Vec<Member<'de>>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Text(key), value)) = map.next_entry()? {
                    members.push((key, value));
                }
                Ok(members)
            }
        }
        reader.deserialize_map(AsMembers).map(Members)
    }
}

const MAX_DEPTH: usize = 100;
