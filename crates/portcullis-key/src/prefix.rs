//! The readable front of a key: whose gateway, which environment.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// The prefix of a key, `{brand}_{environment}_`, for example `mr_live_`.
///
/// Lower case only. The brand is `[a-z][a-z0-9]*(_[a-z0-9]+)*`, 2 to 24 characters; the
/// environment is `[a-z][a-z0-9]*`, 1 to 12 characters. The last underscore but one therefore
/// always parts them, however many the brand has. A brand that starts with the segment `sk` is
/// refused. The prefix is public.
///
/// ```
/// # use portcullis_key::KeyPrefix;
/// let prefix = KeyPrefix::new("acme_eu", "live")?;
/// assert_eq!(prefix.as_str(), "acme_eu_live_");
/// assert_eq!(prefix, "acme_eu_live_".parse()?);
/// # Ok::<(), portcullis_key::PrefixError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyPrefix {
    text: String,
    brand_len: usize,
}

impl KeyPrefix {
    /// Joins a brand and an environment.
    ///
    /// # Errors
    ///
    /// [`PrefixError`] names the part that breaks the grammar, and the cure.
    pub fn new(brand: &str, environment: &str) -> Result<Self, PrefixError> {
        let text = format!("{brand}_{environment}_");
        // The length matters too: `mr` and `li_ve` would join to a prefix of another brand.
        if brand_len(text.as_bytes()) == Some(brand.len()) {
            Ok(Self {
                text,
                brand_len: brand.len(),
            })
        } else {
            Err(explain(brand, environment))
        }
    }

    /// The whole prefix, with its trailing underscore.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part before the environment, for example `mr`.
    #[must_use]
    pub fn brand(&self) -> &str {
        self.text.split_at(self.brand_len).0
    }

    /// The environment, for example `live`.
    #[must_use]
    pub fn environment(&self) -> &str {
        let (_, rest) = self.text.split_at(self.brand_len);
        rest.trim_matches('_')
    }
}

impl FromStr for KeyPrefix {
    type Err = PrefixError;

    /// Reads a whole prefix, trailing underscore included.
    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let (brand, environment) = text
            .strip_suffix('_')
            .and_then(|joined| joined.rsplit_once('_'))
            .ok_or(PrefixError::Shape)?;
        Self::new(brand, environment)
    }
}

impl fmt::Display for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// A configured prefix breaks the grammar.
///
/// A part that is too long is not repeated: it may be a whole key, pasted by mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrefixError {
    /// The text does not have the shape `{brand}_{environment}_`.
    #[error(
        "the key prefix must be `brand_environment_` with the trailing underscore, \
         for example `mr_live_`"
    )]
    Shape,

    /// The brand is too short or too long.
    #[error("the brand has {found} characters; choose one of 2 to 24 characters")]
    BrandLength {
        /// Its length in bytes.
        found: usize,
    },

    /// The brand has a character or an underscore where the grammar allows none.
    #[error(
        "the brand `{value}` must start with a small letter and consist of small letters, digits \
         and single underscores between them, for example `acme_eu`"
    )]
    BrandGrammar {
        /// The brand as it was given.
        value: String,
    },

    /// The brand starts with the segment `sk`.
    #[error(
        "the brand `{value}` starts with `sk`, which secret scanners take for an OpenAI or Stripe \
         key and report to the wrong company; choose a name of your own, for example `acme`"
    )]
    ReservedBrand {
        /// The brand as it was given.
        value: String,
    },

    /// The environment is empty or too long.
    #[error("the environment has {found} characters; choose one of 1 to 12 characters")]
    EnvironmentLength {
        /// Its length in bytes.
        found: usize,
    },

    /// The environment has a character that the grammar does not allow.
    #[error(
        "the environment `{value}` must start with a small letter and consist of small letters \
         and digits, for example `live`"
    )]
    EnvironmentGrammar {
        /// The environment as it was given.
        value: String,
    },
}

/// The length of the brand, if the bytes are a prefix: the grammar, in one pass.
///
/// Allocates nothing, because every presented key comes by here; [`explain`] finds the words.
pub(crate) fn brand_len(prefix: &[u8]) -> Option<usize> {
    let joined = prefix.strip_suffix(b"_")?;
    let mut brand_len = 0;
    let mut letter_first = false;
    let mut previous = b'_';
    for (at, &byte) in joined.iter().enumerate() {
        let starts_segment = previous == b'_';
        match byte {
            b'a'..=b'z' if starts_segment => letter_first = true,
            b'0'..=b'9' if starts_segment => letter_first = false,
            b'a'..=b'z' | b'0'..=b'9' => {}
            // All segments but the last belong to the brand.
            b'_' if !starts_segment => brand_len = at,
            _ => return None,
        }
        previous = byte;
    }
    let environment_len = joined.len().checked_sub(brand_len + 1)?;
    let well_formed = letter_first // of the last segment: the environment
        && previous != b'_'
        && joined.first().is_some_and(u8::is_ascii_lowercase)
        && BRAND_LEN.contains(&brand_len)
        && ENVIRONMENT_LEN.contains(&environment_len)
        && !joined.starts_with(RESERVED);
    well_formed.then_some(brand_len)
}

/// Why a brand and an environment do not make a prefix.
fn explain(brand: &str, environment: &str) -> PrefixError {
    if !BRAND_LEN.contains(&brand.len()) {
        return PrefixError::BrandLength { found: brand.len() };
    }
    if !ENVIRONMENT_LEN.contains(&environment.len()) {
        let found = environment.len();
        return PrefixError::EnvironmentLength { found };
    }
    let value = brand.to_owned();
    if format!("{brand}_").as_bytes().starts_with(RESERVED) {
        return PrefixError::ReservedBrand { value };
    }
    let beside_a_good_environment = format!("{brand}_a_");
    if brand_len(beside_a_good_environment.as_bytes()) != Some(brand.len()) {
        return PrefixError::BrandGrammar { value };
    }
    let value = environment.to_owned();
    PrefixError::EnvironmentGrammar { value }
}

const MAX_BRAND_LEN: usize = 24;
const MAX_ENVIRONMENT_LEN: usize = 12;
const BRAND_LEN: RangeInclusive<usize> = 2..=MAX_BRAND_LEN;
const ENVIRONMENT_LEN: RangeInclusive<usize> = 1..=MAX_ENVIRONMENT_LEN;

/// The first segment that belongs to others.
const RESERVED: &[u8] = b"sk_";

/// The shortest prefix: a brand of two, an environment of one, two underscores.
pub(crate) const MIN_PREFIX_LEN: usize = 2 + 1 + 1 + 1;
/// The longest prefix.
pub(crate) const MAX_PREFIX_LEN: usize = MAX_BRAND_LEN + 1 + MAX_ENVIRONMENT_LEN + 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_split_at_its_last_inner_underscore() {
        let prefix: KeyPrefix = "acme_2_eu_live_".parse().unwrap();
        assert_eq!(prefix.brand(), "acme_2_eu");
        assert_eq!(prefix.environment(), "live");
        assert_eq!(prefix.as_str(), "acme_2_eu_live_");
    }

    #[test]
    fn each_part_is_bounded() {
        assert!(KeyPrefix::new(&"b".repeat(24), &"e".repeat(12)).is_ok());
        assert!(KeyPrefix::new("ab", "e").is_ok());
        assert_eq!(
            KeyPrefix::new(&"b".repeat(25), "live"),
            Err(PrefixError::BrandLength { found: 25 })
        );
        assert_eq!(
            KeyPrefix::new("b", "live"),
            Err(PrefixError::BrandLength { found: 1 })
        );
        assert_eq!(
            KeyPrefix::new("mr", ""),
            Err(PrefixError::EnvironmentLength { found: 0 })
        );
        assert_eq!(
            KeyPrefix::new("mr", &"e".repeat(13)),
            Err(PrefixError::EnvironmentLength { found: 13 })
        );
    }

    #[test]
    fn the_grammar_refuses_everything_else() {
        for brand in ["Mr", "1mr", "_mr", "mr_", "m__r", "m-r", "mr ", "mré"] {
            assert!(
                matches!(
                    KeyPrefix::new(brand, "live"),
                    Err(PrefixError::BrandGrammar { .. })
                ),
                "{brand}"
            );
        }
        for environment in ["Live", "1live", "li_ve", "live ", "livé"] {
            assert!(
                matches!(
                    KeyPrefix::new("mr", environment),
                    Err(PrefixError::EnvironmentGrammar { .. })
                ),
                "{environment}"
            );
        }
    }

    #[test]
    fn a_brand_that_scanners_give_to_another_company_is_refused() {
        for brand in ["sk", "sk_acme"] {
            let error = KeyPrefix::new(brand, "live").unwrap_err();
            assert!(matches!(error, PrefixError::ReservedBrand { .. }));
            assert!(error.to_string().contains("choose a name of your own"));
        }
        assert!(KeyPrefix::new("sky", "live").is_ok());
        assert!(KeyPrefix::new("skate_sk", "live").is_ok());
    }

    #[test]
    fn a_whole_key_pasted_as_prefix_is_not_repeated_by_the_error() {
        let pasted = format!("mr_live_{}", "S".repeat(61));
        let from_text = pasted.parse::<KeyPrefix>().unwrap_err();
        let from_part = KeyPrefix::new(&pasted, "live").unwrap_err();
        for error in [from_text, from_part] {
            assert!(!format!("{error} {error:?}").contains("SSS"), "{error}");
        }
    }

    #[test]
    fn the_one_pass_finds_the_brand_or_refuses() {
        for (text, expected) in [
            ("mr_live_", Some(2)),
            ("ab_c_", Some(2)),
            ("a_b_c_", Some(3)),
            ("acme_2_eu_live_", Some(9)),
            ("sky_live_", Some(3)),
            ("ab_sk_live_", Some(5)),
            ("sk_live_", None),
            ("sk_a_live_", None),
            ("mr_live", None),
            ("mr__live_", None),
            ("_live_", None),
            ("mr__", None),
            ("live_", None),
            ("__", None),
            ("_", None),
            ("", None),
            ("m_live_", None),
            ("mr_1ive_", None),
            ("1r_live_", None),
            ("mr_Live_", None),
            ("mr_l\u{e9}ve_", None),
            ("abcdefghijklmnopqrstuvwx_productioneu_", Some(24)),
            ("abcdefghijklmnopqrstuvwxy_live_", None),
            ("mr_productioneur_", None),
        ] {
            assert_eq!(brand_len(text.as_bytes()), expected, "{text}");
        }
    }
}
