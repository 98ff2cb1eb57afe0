//! What a list of credentials shows instead of the secret.

use std::fmt;

/// A credential as people may see it: `sk-ant-••••••••x2Qa`.
///
/// Computed once, when the secret is saved, so that showing a list opens no record. The vendor's tag
/// and the last four characters are shown, if the secret has at least 20 characters behind its tag
/// and at most a quarter of it is shown; without the tag when the tag is too much, and otherwise
/// bullets alone. There are always eight bullets, so the length stays unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask(String);

impl Mask {
    /// The mask of a secret.
    ///
    /// # Security
    ///
    /// The result is meant to be stored and shown. Nothing of a secret that is short, or not plain
    /// ASCII without spaces (a key file, JSON with line breaks), comes out.
    ///
    /// ```
    /// # use portcullis_envelope::Mask;
    /// let mask = Mask::of(b"sk-ant-0123456789012345678901234567890123456789x2Qa");
    /// assert_eq!(mask.as_str(), "sk-ant-••••••••x2Qa");
    /// assert_eq!(Mask::of(b"hunter2").as_str(), "••••••••");
    /// ```
    #[must_use]
    pub fn of(secret: &[u8]) -> Self {
        let (tag, last) = visible(secret).unwrap_or_default();
        Self(format!("{tag}{BULLETS}{last}"))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, to store.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The tag and the last characters that may be shown.
fn visible(secret: &[u8]) -> Option<(&'static str, &str)> {
    if !secret.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    let secret = str::from_utf8(secret).ok()?;
    // A tag is public, so it hides nothing: what stands behind it must be long enough by itself.
    let tag = TAGS
        .into_iter()
        .find(|tag| secret.starts_with(tag))
        .unwrap_or_default();
    if secret.len() - tag.len() < MIN_SECRET {
        return None;
    }
    let last = secret.get(secret.len() - LAST..)?;
    let fits = (tag.len() + LAST) * 4 <= secret.len();
    Some((if fits { tag } else { "" }, last))
}

/// How providers begin their keys; a longer tag stands before its own beginning.
const TAGS: [&str; 14] = [
    "sk-ant-api03-",
    "sk-ant-",
    "sk-or-v1-",
    "sk-proj-",
    "sk-svcacct-",
    "sk-",
    "pplx-",
    "AIza",
    "gsk_",
    "xai-",
    "hf_",
    "r8_",
    "AKIA",
    "nvapi-",
];

/// The fewest characters behind the tag of which the last four may be seen.
const MIN_SECRET: usize = 20;

/// How many characters at the end are shown.
const LAST: usize = 4;

/// As many for every secret.
const BULLETS: &str = "••••••••";

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(secret: &str) -> String {
        Mask::of(secret.as_bytes()).into_string()
    }

    #[test]
    fn the_tag_and_the_last_four_of_real_shapes_are_shown() {
        let body = "0123456789".repeat(10);
        for (secret, expected) in [
            (format!("sk-proj-{body}x2Qa"), "sk-proj-••••••••x2Qa"),
            (
                format!("sk-ant-api03-{body}-wAA"),
                "sk-ant-api03-••••••••-wAA",
            ),
            (format!("AIza{}", &body[..35]), "AIza••••••••1234"),
            (body[..32].to_owned(), "••••••••8901"),
        ] {
            assert_eq!(mask(&secret), expected);
        }
    }

    #[test]
    fn at_most_a_quarter_is_ever_shown() {
        for tag in TAGS.into_iter().chain([""]) {
            for length in 0..120 {
                let secret = format!("{tag}{}", "x".repeat(length));
                let shown = mask(&secret).chars().filter(|c| *c != '•').count();
                assert!(shown * 4 <= secret.len(), "{secret}");
                assert!(length >= MIN_SECRET || shown == 0, "{secret}");
                assert!(length < MIN_SECRET || shown >= LAST, "{secret}");
            }
        }
    }

    #[test]
    fn a_tag_hides_nothing_and_is_left_out_when_it_is_too_much() {
        assert_eq!(
            mask("sk-ant-api03-0123456789abcdefghi"),
            BULLETS,
            "19 behind the tag"
        );
        assert_eq!(mask("sk-ant-api03-0123456789abcdefghij"), "••••••••ghij");
    }

    #[test]
    fn the_length_is_not_shown() {
        assert_eq!(mask(&"x".repeat(40)), mask(&"x".repeat(4000)));
    }

    #[test]
    fn a_secret_that_is_no_plain_token_shows_nothing() {
        let token = "x".repeat(60);
        for secret in [
            format!("{token}\n"),
            format!("-----BEGIN PRIVATE KEY-----\n{token}"),
            format!("{{\"key\": \"{token}\"}}"),
            format!("{token}é"),
        ] {
            assert_eq!(mask(&secret), BULLETS);
        }
        assert_eq!(Mask::of(&[0xff; 60]).as_str(), BULLETS);
        assert_eq!(Mask::of(b"").as_str(), BULLETS);
    }

    #[test]
    fn a_longer_tag_stands_before_its_own_beginning() {
        for (place, tag) in TAGS.iter().enumerate() {
            assert!(
                TAGS[..place].iter().all(|before| !tag.starts_with(before)),
                "{tag}"
            );
        }
    }
}
