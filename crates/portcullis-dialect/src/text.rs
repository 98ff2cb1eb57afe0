//! Writing JSON by hand where the order of members is part of the format.

use serde_json::Value;

/// `text` as a JSON string, with its quotes.
pub(crate) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// An object from member names and the JSON text of their values, in this order.
pub(crate) fn object<'a>(members: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut json = String::from("{");
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
