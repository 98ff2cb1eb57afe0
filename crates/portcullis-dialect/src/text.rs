//! Writing JSON by hand where the order of members is part of the format.

use serde_json::Value;

/// `text` as a JSON string, with its quotes.
pub(crate) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// The length in bytes of what [`object`] writes.
pub(crate) fn object_len<'a>(members: impl Iterator<Item = (&'a str, &'a str)>) -> usize {
    let member = |(name, value): (&str, &str)| quoted(name).len() + 1 + value.len();
    let (count, length) = members.fold((0_usize, 2), |(count, length), each| {
        (count + 1, length + member(each))
    });
    length + count.saturating_sub(1)
}

/// An object from member names and the JSON text of their values, in this order.
pub(crate) fn object<'a>(members: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> String {
    let mut json = String::with_capacity(object_len(members.clone()));
    json.push('{');
    for (at, (name, value)) in members.enumerate() {
        if at > 0 {
            json.push(',');
        }
        json.push_str(&quoted(name));
        json.push(':');
        json.push_str(value);
    }
    json.push('}');
    json
}
