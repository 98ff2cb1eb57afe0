//! The price list: which model of which provider costs what.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
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
/// "#)?;
/// assert_eq!(prices.price("openai", "gpt-4o").unwrap().output, NanoUsd::parse("$10")?);
/// assert_eq!(prices.price("openai", "gpt-5"), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceList {
    /// By provider, then by model, so that a look-up allocates nothing.
    prices: HashMap<String, HashMap<String, Price>>,
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
    /// text, because `0.1` as a binary fraction is not a tenth. Unknown fields and a second price
    /// for the same model are errors.
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
        self.prices.get(provider)?.get(model).copied()
    }

    /// How many models have a price.
    #[must_use]
    pub fn len(&self) -> usize {
        self.prices.values().map(HashMap::len).sum()
    }

    /// Whether no model has a price.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.prices.is_empty()
    }

    fn add(&mut self, text: &str, entry: Entry) -> Result<(), InvalidPriceList> {
        for (name, field) in [(&entry.provider, "provider"), (&entry.model, "model")] {
            if name.get_ref().trim() != name.get_ref() || name.get_ref().is_empty() {
                let problem = format!("`{field}` is empty or has white space around it");
                return Err(InvalidPriceList::at(text, Some(name.span()), problem));
            }
        }
        let price = Price {
            input: entry.input.0,
            cached_input: entry.cached_input.unwrap_or(entry.input).0,
            output: entry.output.0,
            fee: entry.fee.map_or(NanoUsd::ZERO, |fee| fee.0),
        };
        let models = self.prices.entry(entry.provider.into_inner()).or_default();
        let place = entry.model.span();
        match models.insert(entry.model.into_inner(), price) {
            None => Ok(()),
            Some(_) => {
                let problem = "this model has a price already; remove one of the two".to_owned();
                Err(InvalidPriceList::at(text, Some(place), problem))
            }
        }
    }
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
