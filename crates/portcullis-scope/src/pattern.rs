//! One entry of a model list.

use std::fmt;
use std::str::FromStr;

/// One entry of a model list: a name, everything, or everything below a prefix.
///
/// | pattern | admits | does not admit |
/// |---|---|---|
/// | `gpt-4o` | `gpt-4o` | `gpt-4o-mini`, `openai/gpt-4o` |
/// | `*` | every model | |
/// | `openai/*` | `openai/x`, `openai/x/y` | `openai`, `openai/`, `openaix/y`, `openai/../x` |
///
/// A `*` anywhere else is an error and never a literal: `gpt-4*` looks as if it worked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModelPattern(Form);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Form {
    Everything,
    /// The prefix with its `/`, without the `*`.
    Below(Box<str>),
    Exactly(Box<str>),
}

impl ModelPattern {
    /// Whether this is `*`.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        matches!(self.0, Form::Everything)
    }

    /// Whether an allow list with this entry admits `model`: byte for byte, case-sensitive.
    ///
    /// Below a prefix no segment may be empty, `.` or `..`: a proxy that puts the name into a path
    /// must not be led out of the prefix.
    pub(crate) fn admits(&self, model: &str) -> bool {
        match &self.0 {
            Form::Everything => true,
            Form::Below(prefix) => model
                .strip_prefix(&**prefix)
                .is_some_and(has_only_plain_segments),
            Form::Exactly(name) => model == &**name,
        }
    }

    /// Whether a deny list with this entry refuses `model`: ASCII letters in any case.
    pub(crate) fn refuses(&self, model: &str) -> bool {
        let model = model.as_bytes();
        match &self.0 {
            Form::Everything => true,
            Form::Below(prefix) => model
                .split_at_checked(prefix.len())
                .is_some_and(|(start, _)| start.eq_ignore_ascii_case(prefix.as_bytes())),
            Form::Exactly(name) => model.eq_ignore_ascii_case(name.as_bytes()),
        }
    }
}

impl fmt::Display for ModelPattern {
    /// The pattern as it was written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Everything => f.write_str("*"),
            Form::Below(prefix) => write!(f, "{prefix}*"),
            Form::Exactly(name) => f.write_str(name),
        }
    }
}

impl FromStr for ModelPattern {
    type Err = PatternProblem;

    /// Reads a pattern of at most 256 characters.
    ///
    /// # Errors
    /// [`PatternProblem`], which says what to write instead.
    fn from_str(text: &str) -> Result<Self, PatternProblem> {
        if text == "*" {
            return Ok(Self(Form::Everything));
        }
        if !is_writable(text) {
            return Err(PatternProblem::NotAName);
        }
        let Some(star) = text.find('*') else {
            return Ok(Self(Form::Exactly(text.into())));
        };
        match text.strip_suffix('*') {
            Some(prefix) if star == prefix.len() && is_prefix(prefix) => {
                Ok(Self(Form::Below(prefix.into())))
            }
            Some(_) | None => Err(PatternProblem::Wildcard),
        }
    }
}

/// Why a text is not a model pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternProblem {
    /// Empty, too long, or with characters that no model name has.
    #[error(
        "a model is 1 to 256 characters, without control characters and without white space at either end"
    )]
    NotAName,
    /// A `*` in a place where it has no meaning.
    #[error(
        "a `*` stands alone, or as the whole last segment after a `/`: write `*`, or `openai/*`, \
         or each model by its full name"
    )]
    Wildcard,
}

/// Whether `name` can be a model name: 1 to 256 characters, no control character, no white space
/// (nor U+FEFF, which several languages trim) at either end.
pub(crate) fn is_writable(name: &str) -> bool {
    let edge = |c: char| c.is_whitespace() || c == '\u{feff}';
    !name.is_empty()
        && name.chars().count() <= MAX_CHARS
        && !name.starts_with(edge)
        && !name.ends_with(edge)
        && !name.chars().any(char::is_control)
}

/// Whether no segment between slashes is empty, `.` or `..`.
pub(crate) fn has_only_plain_segments(path: &str) -> bool {
    path.split('/')
        .all(|segment| !matches!(segment, "" | "." | ".."))
}

fn is_prefix(prefix: &str) -> bool {
    prefix
        .strip_suffix('/')
        .is_some_and(|path| !path.is_empty() && !path.ends_with('/'))
}

const MAX_CHARS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> ModelPattern {
        text.parse().unwrap()
    }

    #[test]
    fn a_prefix_admits_what_lies_below_it_and_nothing_beside_it() {
        let below = pattern("bedrock/*");
        for name in [
            "bedrock/x",
            "bedrock/x/y",
            "bedrock/x.y:z",
            "bedrock/..x",
            "bedrock/*",
        ] {
            assert!(below.admits(name), "{name:?}");
        }
        for name in [
            "bedrock",
            "bedrock/",
            "bedrockz/x",
            "Bedrock/x",
            "x/bedrock/y",
            "bedrock//x",
            "bedrock/../x",
            "bedrock/x/..",
            "bedrock/./x",
            "bedrock/x/",
            "",
            "/",
        ] {
            assert!(!below.admits(name), "{name:?}");
        }
    }

    #[test]
    fn a_name_admits_itself_and_nothing_longer_or_shorter() {
        let exactly = pattern("gpt-4o");
        assert!(exactly.admits("gpt-4o"));
        for name in [
            "gpt-4",
            "gpt-4o-mini",
            "GPT-4o",
            "openai/gpt-4o",
            "gpt-4o/x",
        ] {
            assert!(!exactly.admits(name), "{name:?}");
        }
    }

    #[test]
    fn denial_ignores_the_case_of_ascii_letters() {
        assert!(pattern("gpt-4o").refuses("GPT-4O"));
        assert!(pattern("OpenAI/*").refuses("openai/x"));
        assert!(!pattern("openai/*").refuses("openaix/y"));
        assert!(!pattern("openai/*").refuses("openai"));
        assert!(!pattern("gpt-4o").refuses("gpt-4o-mini"));
    }

    #[test]
    fn a_star_means_something_or_is_an_error() {
        for text in [
            "gpt-*", "*gpt", "**", "*/x", "a/*/b", "a/b*", "a*/*", "/*", "a//*", "a/**", "*/*",
        ] {
            assert_eq!(
                text.parse::<ModelPattern>(),
                Err(PatternProblem::Wildcard),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_pattern_that_no_model_could_have_is_an_error() {
        let long = "m".repeat(257);
        for text in [
            "",
            " ",
            " gpt",
            "gpt ",
            "gpt\n",
            "g\0pt",
            "\u{feff}gpt",
            "gpt\u{a0}",
            &long,
        ] {
            assert_eq!(
                text.parse::<ModelPattern>(),
                Err(PatternProblem::NotAName),
                "{text:?}"
            );
        }
        assert!("m".repeat(256).parse::<ModelPattern>().is_ok());
    }

    #[test]
    fn a_pattern_is_shown_as_it_was_written() {
        for text in [
            "*",
            "openai/*",
            "a/b/*",
            "gpt-4o",
            "ft:gpt-4o:org:x",
            "/models/llama",
        ] {
            assert_eq!(pattern(text).to_string(), text);
        }
    }
}
