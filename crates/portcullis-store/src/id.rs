use std::fmt;
use std::str::FromStr;

use rand_core::TryCryptoRng;
use uuid::{Builder, Uuid};

use crate::UnixMicros;

/// Declares an id that is a UUIDv7 (RFC 9562 section 5.7): 16 bytes made in Rust, ordered by creation.
macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Makes a fresh id from the time of creation and 10 random bytes of `rng`.
            ///
            /// # Errors
            /// Whatever the random source reports; there is no weak fallback.
            pub fn generate<R: TryCryptoRng + ?Sized>(at: UnixMicros, rng: &mut R) -> Result<Self, R::Error> {
                let mut random = [0; 10];
                rng.try_fill_bytes(&mut random)?;
                let millis = u64::try_from(at.0 / 1_000).unwrap_or(0);
                Ok(Self(Builder::from_unix_timestamp_millis(millis, &random).into_uuid()))
            }

            /// The id in its one byte form, which goes into rows, derivations and digests alike.
            ///
            /// # Errors
            /// The nil UUID, which stands for "no organization" in sealed records.
            pub fn from_bytes(bytes: [u8; 16]) -> Result<Self, InvalidId> {
                let uuid = Uuid::from_bytes(bytes);
                if uuid.is_nil() {
                    return Err(InvalidId { what: stringify!($name), expected: "a UUID that is not nil" });
                }
                Ok(Self(uuid))
            }

            /// The 16 bytes of the id, big-endian.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let uuid = Uuid::try_parse(text)
                    .map_err(|_| InvalidId { what: stringify!($name), expected: "a UUID, 8-4-4-4-12 hex digits" })?;
                Self::from_bytes(*uuid.as_bytes())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.hyphenated())
            }
        }
    };
}

uuid_id!(
    /// A tenant.
    OrgId
);
uuid_id!(
    /// A project inside an organization.
    ProjectId
);
uuid_id!(
    /// One sealed provider credential.
    CredentialId
);
uuid_id!(
    /// One serving process, for as long as it runs.
    NodeId
);
uuid_id!(
    /// One request, as the gateway names it.
    RequestId
);
uuid_id!(
    /// One legal hold.
    HoldId
);

impl RequestId {
    /// The `count`th id of a run: a UUID in the form of version 7 from the time, the count, and the last bytes of the run's own
    /// random ones.
    #[must_use]
    pub fn nth(run: NodeId, at: UnixMicros, count: u64) -> Self {
        let [.., a, b, c, d] = *run.as_bytes();
        let [.., e, f, g, h, i, j] = count.to_be_bytes();
        let millis = u64::try_from(at.0 / 1_000).unwrap_or(0);
        // The version and the variant overwrite six bits: of the run's bytes, so that no two counts become one.
        let bytes = [a, e, b, f, g, h, i, j, c, d];
        Self(Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid())
    }
}

/// The public id of a virtual key: 12 base62 characters, the part of the key text that may be logged.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 12]);

impl KeyId {
    /// Takes the 12 characters of an id.
    ///
    /// # Errors
    /// A character outside `0-9A-Za-z`.
    pub fn from_bytes(bytes: [u8; 12]) -> Result<Self, InvalidId> {
        if bytes.iter().all(u8::is_ascii_alphanumeric) {
            Ok(Self(bytes))
        } else {
            Err(InvalidId {
                what: "KeyId",
                expected: KEY_ID_FORM,
            })
        }
    }

    /// The 12 ASCII characters.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 12] {
        &self.0
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ASCII passes `from_bytes`, so the fallback is never taken.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for KeyId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let bytes = text.as_bytes().try_into();
        Self::from_bytes(bytes.map_err(|_| InvalidId {
            what: "KeyId",
            expected: KEY_ID_FORM,
        })?)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// Declares a short lower-case name: `[a-z0-9][a-z0-9._-]*`, at most 64 characters.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                if is_name(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidName { what: $what, given: shown(text) })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

name!(
    /// The name under which an organization keeps one of several credentials of a provider.
    CredentialName,
    "credential name"
);
name!(
    /// A provider, as configuration and rules name it: `openai`, `anthropic`.
    ProviderName,
    "provider"
);
name!(
    /// The environment a key or credential belongs to: `live`, `test`.
    EnvironmentName,
    "environment"
);

impl Default for CredentialName {
    /// `default`: the credential that is used when a call names none.
    fn default() -> Self {
        Self("default".into())
    }
}

/// An id that cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {what}: expected {expected}")]
pub struct InvalidId {
    what: &'static str,
    expected: &'static str,
}

/// A name outside `[a-z0-9][a-z0-9._-]*` or longer than 64 characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given} is not a valid {what}: use 1 to 64 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit"
)]
pub struct InvalidName {
    what: &'static str,
    given: String,
}

/// The text for an error message: whole when it is short, so that a typo is seen, and its length when it is long, because
/// then it may be a secret that was pasted into the wrong place.
fn shown(text: &str) -> String {
    match text.chars().count() {
        0..=24 => format!("{text:?}"),
        length => format!("a text of {length} characters"),
    }
}

fn is_name(text: &str) -> bool {
    let inside =
        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
    let first = text.bytes().next();
    text.len() <= 64
        && first.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && text.bytes().all(inside)
}

const KEY_ID_FORM: &str = "12 characters of 0-9, A-Z, a-z";

#[cfg(test)]
mod tests {
    use getrandom::SysRng;

    use super::*;

    #[test]
    fn an_id_is_a_uuid_of_version_7_that_carries_its_time() {
        let at = UnixMicros(1_790_000_000_123_456);
        let id = OrgId::generate(at, &mut SysRng).unwrap();
        assert_eq!(id.0.get_version_num(), 7);
        let later = OrgId::generate(UnixMicros(at.0 + 1_000), &mut SysRng).unwrap();
        assert!(id < later);
        assert_eq!(id.to_string().parse::<OrgId>().unwrap(), id);
    }

    #[test]
    fn the_nil_uuid_is_no_organization() {
        assert!(OrgId::from_bytes([0; 16]).is_err());
        assert!(
            "00000000-0000-0000-0000-000000000000"
                .parse::<ProjectId>()
                .is_err()
        );
    }

    #[test]
    fn a_key_id_is_twelve_base62_characters() {
        assert!("3fK9aaaaaaaa".parse::<KeyId>().is_ok());
        for bad in [
            "",
            "3fK9aaaaaaa",
            "3fK9aaaaaaaaa",
            "3fK9-aaaaaaa",
            "3fK9aaaaaaä",
        ] {
            assert!(bad.parse::<KeyId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_is_short_and_lower_case() {
        assert!("openai".parse::<ProviderName>().is_ok());
        let pasted = format!("sk-{}", "A1b2".repeat(8))
            .parse::<ProviderName>()
            .unwrap_err();
        assert!(
            pasted
                .to_string()
                .starts_with("a text of 35 characters is not"),
            "{pasted}"
        );
        assert!("azure-eu.1".parse::<ProviderName>().is_ok());
        for bad in ["", "OpenAI", "-x", "a b", "ä", &"x".repeat(65)] {
            assert!(bad.parse::<ProviderName>().is_err(), "{bad}");
        }
    }
}
