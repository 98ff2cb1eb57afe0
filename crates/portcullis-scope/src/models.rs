//! The models that a key may use.

use crate::list::{self, InvalidList, ListKind};
use crate::pattern::{ModelPattern, has_only_plain_segments, is_writable};

/// The models that a key may use: an allow list, and a deny list that beats it.
///
/// Names are compared as they are dispatched. An allow list compares byte for byte, so a spelling it
/// does not hold is refused by itself. A deny list has to expect that a provider is lenient where
/// the gateway is strict, so:
///
/// - its patterns ignore the case of ASCII letters;
/// - while it has an entry, a name that a provider or a URL parser might read as another one is
///   refused: anything but visible ASCII, `%`, `\`, `?`, `#`, and an empty, `.` or `..` segment.
///
/// For every key, restricted or not, a name that is empty, longer than 256 characters, has a control
/// character, or white space at either end, is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Models {
    allow: AllowedModels,
    deny: Vec<ModelPattern>,
}

/// The allow list of [`Models`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedModels {
    /// Every model that is not denied.
    Any,
    /// Those that a pattern admits. Empty admits none.
    Only(Vec<ModelPattern>),
}

impl Models {
    /// From patterns that are already read.
    #[must_use]
    pub const fn new(allow: AllowedModels, deny: Vec<ModelPattern>) -> Self {
        Self { allow, deny }
    }

    /// Every model, those published tomorrow too.
    #[must_use]
    pub const fn unrestricted() -> Self {
        Self::new(AllowedModels::Any, Vec::new())
    }

    /// Reads stored lists. `allow` of `None` admits every model that is not denied; an empty `allow`
    /// admits none.
    ///
    /// # Errors
    /// [`InvalidList`] with every entry of both lists that is not a [`ModelPattern`].
    pub fn parse<A: AsRef<str>, D: AsRef<str>>(
        allow: Option<&[A]>,
        deny: &[D],
    ) -> Result<Self, InvalidList> {
        let mut bad = Vec::new();
        let allow = allow.map_or(AllowedModels::Any, |entries| {
            AllowedModels::Only(list::read(
                ListKind::AllowedModels,
                entries,
                str::parse,
                &mut bad,
            ))
        });
        let deny = list::read(ListKind::DeniedModels, deny, str::parse, &mut bad);
        list::finish(Self { allow, deny }, bad)
    }

    /// The allow list that [`Models::parse`] reads back; `None` for [`AllowedModels::Any`].
    #[must_use]
    pub fn allow_lines(&self) -> Option<Vec<String>> {
        match &self.allow {
            AllowedModels::Any => None,
            AllowedModels::Only(patterns) => Some(lines(patterns)),
        }
    }

    /// The deny list that [`Models::parse`] reads back.
    #[must_use]
    pub fn deny_lines(&self) -> Vec<String> {
        lines(&self.deny)
    }

    /// Whether any model can be refused for its name: there is a deny entry, or an allow list
    /// without a `*`.
    #[must_use]
    pub fn is_restricted(&self) -> bool {
        let everything_allowed = match &self.allow {
            AllowedModels::Any => true,
            AllowedModels::Only(patterns) => patterns.iter().any(ModelPattern::is_everything),
        };
        !(everything_allowed && self.deny.is_empty())
    }

    /// Whether `model` may be used. Use it to filter a list of models, too.
    #[must_use]
    pub fn allows(&self, model: &str) -> bool {
        is_writable(model) && !self.denies(model) && self.admits(model)
    }

    fn denies(&self, model: &str) -> bool {
        !self.deny.is_empty()
            && (has_other_spellings(model) || self.deny.iter().any(|deny| deny.refuses(model)))
    }

    fn admits(&self, model: &str) -> bool {
        match &self.allow {
            AllowedModels::Any => true,
            AllowedModels::Only(patterns) => patterns.iter().any(|allow| allow.admits(model)),
        }
    }
}

/// Whether a lenient reader could take `model` for a name that is spelled otherwise.
fn has_other_spellings(model: &str) -> bool {
    let odd = |byte: u8| !byte.is_ascii_graphic() || matches!(byte, b'%' | b'\\' | b'?' | b'#');
    model.bytes().any(odd) || !has_only_plain_segments(model)
}

fn lines(patterns: &[ModelPattern]) -> Vec<String> {
    patterns.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models(allow: Option<&[&str]>, deny: &[&str]) -> Models {
        Models::parse(allow, deny).unwrap()
    }

    #[test]
    fn a_star_admits_every_model_and_restricts_nothing() {
        let star = models(Some(&["*"]), &[]);
        assert!(star.allows("gpt-4o") && star.allows("a/b/c") && star.allows("/models/llama"));
        assert!(!star.is_restricted());
        assert!(!models(Some(&["x", "*"]), &[]).is_restricted());
        assert!(!Models::unrestricted().is_restricted());
    }

    #[test]
    fn an_empty_list_admits_no_model_and_is_a_restriction() {
        let empty = models(Some(&[]), &[]);
        assert!(!empty.allows("gpt-4o") && !empty.allows("*") && !empty.allows(""));
        assert!(empty.is_restricted());
    }

    #[test]
    fn every_list_that_can_refuse_a_name_is_a_restriction() {
        assert!(models(Some(&["openai/*"]), &[]).is_restricted());
        assert!(models(Some(&["*"]), &["x"]).is_restricted());
        assert!(models(None, &["x"]).is_restricted());
    }

    #[test]
    fn deny_beats_allow() {
        let both = models(Some(&["openai/*", "gpt-4o"]), &["openai/o1", "gpt-4o"]);
        assert!(both.allows("openai/o3"));
        assert!(!both.allows("openai/o1") && !both.allows("gpt-4o"));
        assert!(!models(None, &["*"]).allows("anything"));
    }

    #[test]
    fn a_denied_model_has_no_other_spelling() {
        let denied = models(None, &["openai/gpt-4o"]);
        assert!(denied.allows("openai/gpt-4o-mini"));
        for name in [
            "openai/gpt-4o",
            "OpenAI/GPT-4o",
            " openai/gpt-4o",
            "openai/gpt-4o ",
            "openai/gpt-4o\n",
            "openai//gpt-4o",
            "openai/./gpt-4o",
            "x/../openai/gpt-4o",
            "/openai/gpt-4o",
            "openai/gpt-4o/",
            "openai%2fgpt-4o",
            "openai\\gpt-4o",
            "openai/gpt-4o?",
            "openai/gpt-4o#",
            "openai/gpt-4o\0",
            "openai/gpt-4\u{ff4f}",
            "openai/gpt\u{2010}4o",
            "openai/gpt-4o\u{200b}",
            "openai /gpt-4o",
        ] {
            assert!(!denied.allows(name), "{name:?}");
        }
    }

    #[test]
    fn a_text_that_is_no_model_name_is_refused_to_every_key() {
        for lists in [Models::unrestricted(), models(Some(&["*"]), &[])] {
            let long = "m".repeat(257);
            for name in [
                "",
                " ",
                " m",
                "m ",
                "m\t",
                "a\nb",
                "\u{feff}m",
                "m\u{3000}",
                &long,
            ] {
                assert!(!lists.allows(name), "{name:?}");
            }
        }
    }

    #[test]
    fn an_allow_list_is_case_sensitive() {
        assert!(!models(Some(&["gpt-4o"]), &[]).allows("GPT-4o"));
    }
}
