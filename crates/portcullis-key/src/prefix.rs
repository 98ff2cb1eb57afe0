//! The readable front of a key: whose gateway, which environment.

use std::fmt;
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
        check_brand(brand.as_bytes()).map_err(|fault| fault.describe(brand))?;
        check_environment(environment.as_bytes()).map_err(|fault| fault.describe(environment))?;
        Ok(Self {
            text: format!("{brand}_{environment}_"),
            brand_len: brand.len(),
        })
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

/// Whether the bytes are a prefix that [`KeyPrefix`] would accept. Allocates nothing.
pub(crate) fn is_prefix(bytes: &[u8]) -> bool {
    let Some((b'_', joined)) = bytes.split_last() else {
        return false;
    };
    let mut parts = joined.rsplitn(2, |&byte| byte == b'_');
    match (parts.next(), parts.next()) {
        (Some(environment), Some(brand)) => {
            check_environment(environment).is_ok() && check_brand(brand).is_ok()
        }
        _ => false,
    }
}

fn check_brand(brand: &[u8]) -> Result<(), Fault> {
    if !(2..=MAX_BRAND_LEN).contains(&brand.len()) {
        return Err(Fault::BrandLength);
    }
    // Pairs, because an underscore is wrong only beside another one or at an end.
    let doubled = brand
        .iter()
        .zip(brand.iter().skip(1))
        .any(|(&left, &right)| left == b'_' && right == b'_');
    let starts_well = brand.first().is_some_and(u8::is_ascii_lowercase);
    let ends_well = brand.last() != Some(&b'_');
    if doubled || !starts_well || !ends_well || !brand.iter().copied().all(is_brand_byte) {
        return Err(Fault::BrandGrammar);
    }
    if brand == b"sk" || brand.starts_with(b"sk_") {
        return Err(Fault::ReservedBrand);
    }
    Ok(())
}

fn check_environment(environment: &[u8]) -> Result<(), Fault> {
    if !(1..=MAX_ENVIRONMENT_LEN).contains(&environment.len()) {
        return Err(Fault::EnvironmentLength);
    }
    let starts_well = environment.first().is_some_and(u8::is_ascii_lowercase);
    if !starts_well || !environment.iter().copied().all(is_environment_byte) {
        return Err(Fault::EnvironmentGrammar);
    }
    Ok(())
}

fn is_brand_byte(byte: u8) -> bool {
    is_environment_byte(byte) || byte == b'_'
}

fn is_environment_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// What is wrong, without the text: parsing a presented key must not allocate.
#[derive(Clone, Copy)]
enum Fault {
    BrandLength,
    BrandGrammar,
    ReservedBrand,
    EnvironmentLength,
    EnvironmentGrammar,
}

impl Fault {
    fn describe(self, value: &str) -> PrefixError {
        let found = value.len();
        let value = || value.to_owned();
        match self {
            Self::BrandLength => PrefixError::BrandLength { found },
            Self::BrandGrammar => PrefixError::BrandGrammar { value: value() },
            Self::ReservedBrand => PrefixError::ReservedBrand { value: value() },
            Self::EnvironmentLength => PrefixError::EnvironmentLength { found },
            Self::EnvironmentGrammar => PrefixError::EnvironmentGrammar { value: value() },
        }
    }
}

const MAX_BRAND_LEN: usize = 24;
const MAX_ENVIRONMENT_LEN: usize = 12;

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
    fn the_silent_check_agrees_with_the_constructor() {
        for text in [
            "mr_live_",
            "a_b_c_",
            "acme_2_eu_live_",
            "sk_live_",
            "sk_a_live_",
            "mr_live",
            "mr__live_",
            "_live_",
            "mr__",
            "_",
            "",
            "m_live_",
            "mr_1ive_",
            "mr_Live_",
            "__live_",
            "ab__c_",
        ] {
            assert_eq!(
                is_prefix(text.as_bytes()),
                text.parse::<KeyPrefix>().is_ok(),
                "{text}"
            );
        }
    }
}
