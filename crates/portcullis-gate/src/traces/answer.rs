//! What a provider's answer says of itself, as far as it may be recorded.

/// The provider's id of a request, if it has the form of one: `req_` and letters and digits (OpenAI, Anthropic), or a UUID.
/// A provider could write anything there, so nothing else is kept, not its length either.
pub(super) fn request_id(text: &str) -> Option<Box<str>> {
    (is_prefixed(text) || is_uuid(text)).then(|| text.into())
}

fn is_prefixed(text: &str) -> bool {
    let rest = text.strip_prefix("req_").unwrap_or_default();
    (SHORTEST..=LONGEST).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn is_uuid(text: &str) -> bool {
    let dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    let fits = |(at, byte): (usize, u8)| match dash(at) {
        true => byte == b'-',
        false => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    };
    text.len() == 36 && text.bytes().enumerate().all(fits)
}

const SHORTEST: usize = 16;
const LONGEST: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_the_known_forms_are_kept() {
        for id in [
            "req_011CSHoEeqs5C35K2UUqR7Fy",
            "req_6c8f3a0d2b1e4f7a9c0d1e2f3a4b5c6d",
            "0198c0de-0000-7000-8000-00000000000a",
        ] {
            assert_eq!(request_id(id).as_deref(), Some(id));
        }
    }

    #[test]
    fn anything_else_is_dropped() {
        for text in [
            "",
            "req_",
            "req_short",
            "my prompt was: hello",
            "req_0123456789abcdef my prompt",
            "req_0123456789abcdef\n",
            "req_0123456789abcdefghijklmnopqrstuvwxyz01234",
            "0198C0DE-0000-7000-8000-00000000000A",
            "0198c0de-0000-7000-8000-00000000000g",
            "0198c0de0000-7000-8000-00000000000a-",
        ] {
            assert_eq!(request_id(text), None, "{text}");
        }
    }
}
