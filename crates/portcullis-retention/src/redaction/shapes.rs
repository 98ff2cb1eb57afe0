//! Credentials that are known by how they begin.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, Input};

use super::{Finding, begins_word};

/// Adds what begins like a credential and goes on like one.
///
/// One pass finds the prefixes. What follows a prefix is read once: a match is skipped as a whole, and a
/// miss is given up within the least length of its shape.
pub(super) fn find(text: &str, found: &mut Vec<Finding>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(hit) = PREFIXES.find(Input::new(text).range(at..)) {
        let start = hit.start();
        at = start + 1;
        if !begins_word(bytes, start) && bytes.get(start) != Some(&b'-') {
            continue;
        }
        let rest = bytes.get(start..).unwrap_or_default();
        let lengths = SHAPES
            .iter()
            .filter_map(|shape| Some((shape.length(rest)?, shape.rule)));
        if let Some((length, rule)) = lengths.max_by_key(|(length, _)| *length) {
            at = start + length;
            found.push(Finding {
                range: start..at,
                rule,
            });
        }
    }
}

/// How a credential looks.
struct Shape {
    rule: &'static str,
    prefix: &'static str,
    /// What its other characters are.
    tail: Tail,
}

enum Tail {
    /// At least so many characters of an alphabet, and all that follow.
    AtLeast(usize, fn(u8) -> bool),
    /// The same, with a capital or a digit among them: words joined by dashes are none.
    Random(usize, fn(u8) -> bool),
    /// So many, and then no letter or digit.
    Exactly(usize, fn(u8) -> bool),
    /// Three parts with points between them, of which the second begins like JSON too.
    Jwt,
    /// A PEM block, to its end or that of the text.
    Pem,
}

impl Shape {
    const fn new(rule: &'static str, prefix: &'static str, tail: Tail) -> Self {
        Self { rule, prefix, tail }
    }

    /// How long the credential at the beginning of `rest` is.
    fn length(&self, rest: &[u8]) -> Option<usize> {
        let tail = rest.strip_prefix(self.prefix.as_bytes())?;
        let run = |alphabet: fn(u8) -> bool| tail.iter().take_while(move |byte| alphabet(**byte));
        let length = match self.tail {
            Tail::AtLeast(least, alphabet) => {
                let length = run(alphabet).count();
                (length >= least).then_some(length)
            }
            Tail::Random(least, alphabet) => {
                let random = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
                let random = run(alphabet).take(RANDOM_WITHIN).any(random);
                let length = if random { run(alphabet).count() } else { 0 };
                (length >= least).then_some(length)
            }
            Tail::Exactly(length, alphabet) => {
                let found = run(alphabet).take(length + 1).count();
                let ends = !tail.get(length).is_some_and(u8::is_ascii_alphanumeric);
                (found == length && ends).then_some(length)
            }
            Tail::Jwt => jwt(tail),
            Tail::Pem => pem(tail),
        };
        Some(self.prefix.len() + length?)
    }
}

/// How long a signed token is, after `eyJ`. What is read of a text that is none is bounded.
fn jwt(tail: &[u8]) -> Option<usize> {
    let part = |from: usize, most: usize| {
        let rest = tail.get(from..)?;
        let length = rest
            .iter()
            .take(most)
            .take_while(|byte| token(**byte))
            .count();
        Some((rest, length))
    };
    let (rest, header) = part(0, MAX_HEADER)?;
    let payload_at = header + 1;
    if !rest.get(header..)?.starts_with(b".eyJ") {
        return None;
    }
    let (rest, payload) = part(payload_at, MAX_PAYLOAD)?;
    let signature_at = payload_at + payload + 1;
    if rest.get(payload) != Some(&b'.') {
        return None;
    }
    let (_, signature) = part(signature_at, usize::MAX)?;
    (signature >= MIN_SIGNATURE).then_some(signature_at + signature)
}

/// How long a PEM block of a private key is, after `-----BEGIN `.
fn pem(tail: &[u8]) -> Option<usize> {
    let label = tail
        .iter()
        .take(MAX_LABEL)
        .take_while(|byte| **byte != b'-')
        .count();
    let name = tail.get(..label)?;
    let private = name.windows(PRIVATE.len()).any(|part| part == PRIVATE);
    let body = tail
        .get(label..)?
        .strip_prefix(b"-----")
        .filter(|_| private)?;
    let end = body.windows(END.len()).position(|part| part == END);
    let Some(end) = end else {
        return Some(tail.len()); // cut off: all that is left of it
    };
    let rest = body.get(end + END.len()..).unwrap_or_default();
    let closing = rest
        .iter()
        .take(MAX_LABEL)
        .take_while(|byte| **byte != b'-')
        .count();
    let dashes = rest
        .iter()
        .skip(closing)
        .take(5)
        .take_while(|byte| **byte == b'-')
        .count();
    Some(tail.len() - rest.len() + closing + dashes)
}

fn alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn capital_or_digit(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

/// Base64 for URLs.
fn token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn path(byte: u8) -> bool {
    token(byte) || byte == b'/'
}

/// Lengths are those of real credentials, or less where a provider has changed them.
const SHAPES: &[Shape] = &[
    Shape::new("openai_key", "sk-", Tail::Random(20, token)),
    Shape::new("anthropic_key", "sk-ant-", Tail::AtLeast(20, token)),
    Shape::new("openrouter_key", "sk-or-", Tail::Random(32, token)),
    Shape::new("groq_key", "gsk_", Tail::AtLeast(32, alphanumeric)),
    Shape::new("xai_key", "xai-", Tail::AtLeast(40, alphanumeric)),
    Shape::new("perplexity_key", "pplx-", Tail::AtLeast(32, alphanumeric)),
    Shape::new("huggingface_token", "hf_", Tail::AtLeast(30, alphanumeric)),
    Shape::new("replicate_token", "r8_", Tail::AtLeast(32, alphanumeric)),
    Shape::new("nvidia_key", "nvapi-", Tail::AtLeast(40, token)),
    Shape::new(
        "aws_access_key_id",
        "AKIA",
        Tail::Exactly(16, capital_or_digit),
    ),
    Shape::new(
        "aws_access_key_id",
        "ASIA",
        Tail::Exactly(16, capital_or_digit),
    ),
    Shape::new(
        "aws_access_key_id",
        "ABIA",
        Tail::Exactly(16, capital_or_digit),
    ),
    Shape::new(
        "aws_access_key_id",
        "ACCA",
        Tail::Exactly(16, capital_or_digit),
    ),
    Shape::new("google_key", "AIza", Tail::AtLeast(35, token)),
    Shape::new("google_oauth_token", "ya29.", Tail::AtLeast(20, token)),
    Shape::new("github_token", "ghp_", Tail::AtLeast(36, alphanumeric)),
    Shape::new("github_token", "gho_", Tail::AtLeast(36, alphanumeric)),
    Shape::new("github_token", "ghu_", Tail::AtLeast(36, alphanumeric)),
    Shape::new("github_token", "ghs_", Tail::AtLeast(36, alphanumeric)),
    Shape::new("github_token", "ghr_", Tail::AtLeast(36, alphanumeric)),
    Shape::new("github_token", "github_pat_", Tail::AtLeast(40, token)),
    Shape::new("gitlab_token", "glpat-", Tail::AtLeast(20, token)),
    Shape::new("slack_token", "xoxa-", Tail::Random(20, token)),
    Shape::new("slack_token", "xoxb-", Tail::Random(20, token)),
    Shape::new("slack_token", "xoxc-", Tail::Random(20, token)),
    Shape::new("slack_token", "xoxd-", Tail::Random(20, token)),
    Shape::new("slack_token", "xoxe-", Tail::Random(20, token)),
    Shape::new("slack_token", "xoxp-", Tail::Random(20, token)),
    Shape::new("slack_token", "xoxr-", Tail::Random(20, token)),
    Shape::new("slack_token", "xoxs-", Tail::Random(20, token)),
    Shape::new("slack_token", "xapp-", Tail::Random(20, token)),
    Shape::new(
        "slack_webhook",
        "hooks.slack.com/services/",
        Tail::AtLeast(30, path),
    ),
    Shape::new("stripe_key", "sk_live_", Tail::AtLeast(16, alphanumeric)),
    Shape::new("stripe_key", "sk_test_", Tail::AtLeast(16, alphanumeric)),
    Shape::new("stripe_key", "rk_live_", Tail::AtLeast(16, alphanumeric)),
    Shape::new("stripe_key", "rk_test_", Tail::AtLeast(16, alphanumeric)),
    Shape::new("stripe_key", "whsec_", Tail::AtLeast(24, alphanumeric)),
    Shape::new("jwt", "eyJ", Tail::Jwt),
    Shape::new("private_key", "-----BEGIN ", Tail::Pem),
];

/// A random tail has a capital or a digit by here, but for one in ten million.
const RANDOM_WITHIN: usize = 32;

/// The longest parts of a signed token that are read.
const MAX_HEADER: usize = 256;
const MAX_PAYLOAD: usize = 16_384;
const MIN_SIGNATURE: usize = 16;

const PRIVATE: &[u8] = b"PRIVATE KEY";
const END: &[u8] = b"-----END ";

/// The longest name of a PEM block that is looked at.
const MAX_LABEL: usize = 64;

static PREFIXES: LazyLock<AhoCorasick> = LazyLock::new(|| {
    #[expect(
        clippy::expect_used,
        reason = "constant patterns, built by every test of this module"
    )]
    AhoCorasick::new(SHAPES.iter().map(|shape| shape.prefix)).expect("a few short prefixes")
});
