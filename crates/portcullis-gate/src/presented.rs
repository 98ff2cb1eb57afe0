//! What a request presents as its credential.

use std::fmt;

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use crate::Refusal;

/// A credential taken out of a request's headers, not looked at yet.
///
/// # Security
/// Owned, so that it can leave the headers before the request goes on; the value is marked sensitive. The bytes
/// belong to the HTTP stack's buffer, which nobody can wipe: they live as long as the request.
pub struct Presented {
    value: HeaderValue,
    start: usize,
}

impl Presented {
    /// Takes the credential from `Authorization: Bearer ..` (the scheme in any case, RFC 9110 section 11.1),
    /// `x-api-key` or `api-key`, and removes all three headers, whatever the outcome: what goes on
    /// to a provider never carries a client's key.
    ///
    /// # Errors
    /// [`Refusal::NoCredential`], [`Refusal::MalformedCredential`] for an `Authorization` of another scheme,
    /// [`Refusal::ConflictingCredentials`] when two headers carry different credentials.
    pub fn take(headers: &mut HeaderMap) -> Result<Self, Refusal> {
        let mut found: Option<Self> = None;
        let mut trouble = None;
        for name in &CREDENTIAL_HEADERS {
            for value in headers.get_all(name) {
                match (Self::read(name, value), &found) {
                    (Err(refusal), _) => trouble = trouble.or(Some(refusal)),
                    (Ok(this), None) => found = Some(this),
                    (Ok(this), Some(first)) if this.as_bytes() != first.as_bytes() => {
                        trouble = trouble.or(Some(Refusal::ConflictingCredentials));
                    }
                    (Ok(_), Some(_)) => {}
                }
            }
        }
        for name in &CREDENTIAL_HEADERS {
            headers.remove(name);
        }
        match trouble {
            Some(refusal) => Err(refusal),
            None => found.ok_or(Refusal::NoCredential),
        }
    }

    /// A credential that came some other way than by these headers.
    #[must_use]
    pub fn from_value(mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        Self { value, start: 0 }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.value.as_bytes().get(self.start..).unwrap_or_default()
    }

    fn read(name: &HeaderName, value: &HeaderValue) -> Result<Self, Refusal> {
        let start = if *name == AUTHORIZATION {
            bearer_start(value.as_bytes())?
        } else {
            0
        };
        Ok(Self {
            start,
            ..Self::from_value(value.clone())
        })
    }
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Presented(..)")
    }
}

/// Marks the credential headers sensitive, so that nothing that prints or indexes headers shows them.
pub fn mark_credentials_sensitive(headers: &mut HeaderMap) {
    for name in &CREDENTIAL_HEADERS {
        if let http::header::Entry::Occupied(mut entry) = headers.entry(name) {
            entry.iter_mut().for_each(|value| value.set_sensitive(true));
        }
    }
}

/// Where the credential begins in `Bearer <credential>`.
fn bearer_start(value: &[u8]) -> Result<usize, Refusal> {
    let (scheme, rest) = value
        .split_at_checked(SCHEME.len())
        .ok_or(Refusal::MalformedCredential)?;
    let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
    if scheme.eq_ignore_ascii_case(SCHEME) && blanks > 0 {
        Ok(SCHEME.len() + blanks)
    } else {
        Err(Refusal::MalformedCredential)
    }
}

const SCHEME: &[u8] = b"bearer";

/// Where clients of OpenAI, Anthropic and Azure put their key.
static CREDENTIAL_HEADERS: [HeaderName; 3] = [
    AUTHORIZATION,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("api-key"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn take(lines: &[(&'static str, &'static str)]) -> Result<String, Refusal> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let taken = Presented::take(&mut headers);
        taken.map(|presented| String::from_utf8(presented.as_bytes().to_vec()).unwrap())
    }

    #[test]
    fn the_credential_is_found_in_each_header_and_the_scheme_in_any_case() {
        for line in [
            ("authorization", "Bearer k"),
            ("authorization", "bearer k"),
            ("authorization", "BEARER   k"),
            ("x-api-key", "k"),
            ("api-key", "k"),
        ] {
            assert_eq!(take(&[line]).unwrap(), "k", "{line:?}");
        }
    }

    #[test]
    fn the_credential_headers_are_removed_whatever_the_outcome() {
        for value in ["Bearer k", "Basic k", "Bearer other"] {
            let mut headers = HeaderMap::new();
            for (name, value) in [
                ("authorization", value),
                ("x-api-key", "k"),
                ("x-other", "stays"),
            ] {
                headers.append(name, HeaderValue::from_static(value));
            }
            drop(Presented::take(&mut headers));
            assert!(
                headers.len() == 1 && headers.contains_key("x-other"),
                "{value}"
            );
        }
    }

    #[test]
    fn the_same_credential_twice_is_one_and_two_different_ones_are_none() {
        assert_eq!(
            take(&[("authorization", "Bearer k"), ("x-api-key", "k")]).unwrap(),
            "k"
        );
        for lines in [
            [("authorization", "Bearer k"), ("x-api-key", "other")],
            [("x-api-key", "k"), ("x-api-key", "other")],
            [("api-key", "k"), ("x-api-key", "other")],
        ] {
            assert!(
                matches!(take(&lines), Err(Refusal::ConflictingCredentials)),
                "{lines:?}"
            );
        }
    }

    #[test]
    fn another_scheme_is_malformed_even_beside_a_good_header() {
        for value in ["Basic abc", "Bearer", "Bearerk", "k", ""] {
            let lines = [("authorization", value), ("x-api-key", "k")];
            assert!(
                matches!(take(&lines), Err(Refusal::MalformedCredential)),
                "{value}"
            );
        }
        assert!(matches!(take(&[]), Err(Refusal::NoCredential)));
    }

    #[test]
    fn debug_shows_nothing() {
        let presented = Presented::from_value(HeaderValue::from_static("mr_live_secret"));
        assert_eq!(format!("{presented:?}"), "Presented(..)");
    }
}
