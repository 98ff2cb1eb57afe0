//! The price list: which model of which provider costs what, and how much it takes and gives at most.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU64;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use toml::Spanned;

use crate::{NanoUsd, Price};

/// Prices by provider and model: an immutable value, to be replaced as a whole while requests run.
///
/// A hold carries the [`Price`] under which it was made, so replacing the list changes nothing that runs.
///
/// ```
/// use portcullis_limits::{NanoUsd, PriceList};
///
/// let prices = PriceList::parse(r#"
///     [[price]]
///     provider = "openai"
///     model = "gpt-4o"
///     input = "2.50"          # dollars for a million tokens, in quotes
///     cached_input = "1.25"   # as `input`, if absent
///     output = "10.00"
///     fee = "0.01"            # dollars for each request; none, if absent
///     context_window = 128000 # tokens; not known, if absent
///     max_output = 16384
/// "#)?;
/// assert_eq!(prices.price("openai", "gpt-4o").unwrap().output, NanoUsd::parse("$10")?);
/// assert_eq!(prices.model("openai", "gpt-4o").unwrap().max_output.unwrap().get(), 16_384);
/// assert_eq!(prices.price("openai", "gpt-5"), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceList {
    /// By provider, then by model, so that a look-up allocates nothing.
    models: HashMap<String, HashMap<String, ModelEntry>>,
}

impl PriceList {
    /// A list without a price: under a spend cap every model is refused.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Reads a list from TOML.
    ///
    /// `input` and `output` must be there, if only as `"0"`: a forgotten rate would be a gift. Amounts are
    /// text, because `0.1` as a binary fraction is not a tenth. `context_window` and `max_output` are whole numbers of
    /// tokens, at least 1. Unknown fields and a second price for the same model are errors.
    ///
    /// # Errors
    /// [`InvalidPriceList`] with the line. Keep the list that was in force.
    pub fn parse(text: &str) -> Result<Self, InvalidPriceList> {
        let file: File = toml::from_str(text).map_err(|error| {
            InvalidPriceList::at(text, error.span(), error.message().to_owned())
        })?;
        let mut list = Self::empty();
        for entry in file.price {
            list.add(text, entry)?;
        }
        Ok(list)
    }

    /// The price of `model` at `provider`, both spelt as in the list; `None` is "not priced", which
    /// is not "free".
    #[must_use]
    pub fn price(&self, provider: &str, model: &str) -> Option<Price> {
        self.model(provider, model).map(|entry| entry.price)
    }

    /// All that is known of `model` at `provider`, both spelt as in the list.
    #[must_use]
    pub fn model(&self, provider: &str, model: &str) -> Option<&ModelEntry> {
        self.models.get(provider)?.get(model)
    }

    /// The names of all models that have a price.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.models
            .values()
            .flat_map(HashMap::keys)
            .map(String::as_str)
    }

    /// How many models have a price.
    #[must_use]
    pub fn len(&self) -> usize {
        self.models.values().map(HashMap::len).sum()
    }

    /// Whether no model has a price.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.models.is_empty()
    }

    fn add(&mut self, text: &str, entry: Entry) -> Result<(), InvalidPriceList> {
        for (name, field) in [(&entry.provider, "provider"), (&entry.model, "model")] {
            if name.get_ref().trim() != name.get_ref() || name.get_ref().is_empty() {
                let problem = format!("`{field}` is empty or has white space around it");
                return Err(InvalidPriceList::at(text, Some(name.span()), problem));
            }
        }
        let known = ModelEntry {
            price: Price {
                input: entry.input.0,
                cached_input: entry.cached_input.unwrap_or(entry.input).0,
                output: entry.output.0,
                fee: entry.fee.map_or(NanoUsd::ZERO, |fee| fee.0),
            },
            context_window: entry.context_window.map(|tokens| tokens.0),
            max_output: entry.max_output.map(|tokens| tokens.0),
        };
        let models = self.models.entry(entry.provider.into_inner()).or_default();
        let place = entry.model.span();
        match models.insert(entry.model.into_inner(), known) {
            None => Ok(()),
            Some(_) => {
                let problem = "this model has a price already; remove one of the two".to_owned();
                Err(InvalidPriceList::at(text, Some(place), problem))
            }
        }
    }
}

/// What a price list says of one model.
///
/// The two sizes are bounds of what the provider accepts, never of what a request asks for: where a request's own
/// size cannot be seen (an input that it only refers to, an output without a limit), a hold is taken at them. Too small
/// a number makes holds too small; if in doubt, leave it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelEntry {
    /// What its tokens cost.
    pub price: Price,
    /// The most tokens of input, or of input and output together, that the provider accepts; `None` when not known.
    pub context_window: Option<NonZeroU64>,
    /// The most tokens of output that it gives for one choice; `None` when not known.
    pub max_output: Option<NonZeroU64>,
}

/// A price list that cannot be used, and where it says so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("price list, line {line}: {problem}")]
pub struct InvalidPriceList {
    line: usize,
    problem: String,
}

impl InvalidPriceList {
    /// The line of the error, counted from 1.
    #[must_use]
    pub const fn line(&self) -> usize {
        self.line
    }

    fn at(text: &str, place: Option<Range<usize>>, problem: String) -> Self {
        let start = place.map_or(text.len(), |place| place.start);
        let before = text.bytes().take(start);
        Self {
            line: before.filter(|byte| *byte == b'\n').count() + 1,
            problem,
        }
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    price: Vec<Entry>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    provider: Spanned<String>,
    model: Spanned<String>,
    input: Dollars,
    cached_input: Option<Dollars>,
    output: Dollars,
    fee: Option<Dollars>,
    context_window: Option<Count>,
    max_output: Option<Count>,
}

#[derive(Clone, Copy)]
struct Dollars(NanoUsd);

impl<'de> Deserialize<'de> for Dollars {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(InQuotes)
    }
}

struct InQuotes;

impl Visitor<'_> for InQuotes {
    type Value = Dollars;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("dollars in quotes, such as \"2.50\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Dollars, E> {
        NanoUsd::parse(text).map(Dollars).map_err(E::custom)
    }
}

/// Tokens of a bound: zero would refuse everything, and stands for "not known" in some tables.
struct Count(NonZeroU64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_i64(WithoutQuotes)
    }
}

struct WithoutQuotes;

impl Visitor<'_> for WithoutQuotes {
    type Value = Count;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a whole number of tokens, at least 1, without quotes; leave it out if it is not known",
        )
    }

    fn visit_i64<E: Error>(self, tokens: i64) -> Result<Count, E> {
        let known = u64::try_from(tokens).ok().and_then(NonZeroU64::new);
        known
            .map(Count)
            .ok_or_else(|| E::invalid_value(Unexpected::Signed(tokens), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
[[price]]
provider = 'openai'
model = 'gpt-4o'
input = '2.50'
output = '10'
";

    fn fails(text: &str) -> (usize, String) {
        let error = PriceList::parse(text).unwrap_err();
        (error.line(), error.to_string())
    }

    #[test]
    fn absent_rates_are_the_safe_ones() {
        let price = PriceList::parse(GOOD).unwrap().price("openai", "gpt-4o");
        let price = price.unwrap();
        assert_eq!(price.cached_input, price.input);
        assert_eq!(price.fee, NanoUsd::ZERO);
    }

    #[test]
    fn names_are_taken_as_they_are() {
        let list = PriceList::parse(GOOD).unwrap();
        assert_eq!((list.len(), list.is_empty()), (1, false));
        for (provider, model) in [
            ("OpenAI", "gpt-4o"),
            ("openai", "GPT-4o"),
            ("gpt-4o", "openai"),
        ] {
            assert_eq!(list.price(provider, model), None);
        }
    }

    #[test]
    fn an_empty_list_prices_nothing() {
        let list = PriceList::parse("# nothing\n").unwrap();
        assert_eq!(list, PriceList::empty());
        assert!(list.is_empty());
        assert_eq!(list.price("", ""), None);
    }

    #[test]
    fn a_number_without_quotes_is_refused_at_its_line() {
        for number in ["2.5", "3", "nan", "inf"] {
            let (line, message) = fails(&GOOD.replace("'10'", number));
            assert_eq!(line, 5, "{message}");
            assert!(message.contains("in quotes"), "{message}");
        }
    }

    #[test]
    fn a_bad_amount_is_refused_at_its_line() {
        for amount in [
            "'NaN'",
            "'-1'",
            "'1e3'",
            "''",
            "'0.0000000001'",
            "'99999999999'",
        ] {
            let (line, message) = fails(&GOOD.replace("'2.50'", amount));
            assert_eq!(line, 4, "{message}");
            assert!(message.contains("an amount"), "{message}");
        }
    }

    #[test]
    fn sizes_are_those_of_the_list_and_unknown_if_absent() {
        let list = PriceList::parse(GOOD).unwrap();
        let entry = *list.model("openai", "gpt-4o").unwrap();
        assert_eq!((entry.context_window, entry.max_output), (None, None));
        let sized = format!("{GOOD}context_window = 128_000\nmax_output = 1\n");
        let list = PriceList::parse(&sized).unwrap();
        let known = ModelEntry {
            context_window: NonZeroU64::new(128_000),
            max_output: NonZeroU64::new(1),
            ..entry
        };
        assert_eq!(list.model("openai", "gpt-4o"), Some(&known));
        assert_eq!(list.model("openai", "gpt-5"), None);
    }

    #[test]
    fn a_size_that_is_no_number_of_tokens_is_refused_at_its_line() {
        for field in ["context_window", "max_output"] {
            for size in ["0", "-1", "'128000'", "1.5", "true"] {
                let (line, message) = fails(&format!("{GOOD}{field} = {size}\n"));
                assert_eq!(line, 6, "{message}");
                assert!(message.contains("at least 1"), "{message}");
            }
            let beyond = format!("{GOOD}{field} = 9223372036854775808\n");
            assert_eq!(fails(&beyond).0, 6);
        }
    }

    #[test]
    fn a_forgotten_rate_is_refused() {
        for rate in ["input = '2.50'\n", "output = '10'\n"] {
            let (line, message) = fails(&GOOD.replace(rate, ""));
            assert_eq!(line, 1, "{message}");
            assert!(message.contains("missing field"), "{message}");
        }
    }

    #[test]
    fn a_misspelt_field_is_refused_at_its_line() {
        let (line, message) = fails(&format!("{GOOD}cached = '1'\n"));
        assert_eq!(line, 6, "{message}");
        assert!(message.contains("`cached`"), "{message}");
    }

    #[test]
    fn a_second_price_for_a_model_is_refused_at_its_line() {
        let (line, message) = fails(&format!("{GOOD}\n{GOOD}"));
        assert_eq!(line, 9, "{message}");
    }

    #[test]
    fn an_empty_or_padded_name_is_refused_at_its_line() {
        assert_eq!(fails(&GOOD.replace("'openai'", "''")).0, 2);
        assert_eq!(fails(&GOOD.replace("'gpt-4o'", "' gpt-4o'")).0, 3);
    }

    #[test]
    fn what_is_not_toml_is_refused_at_its_line() {
        assert_eq!(fails(&format!("{GOOD}\n???\n")).0, 7);
    }
}
