//! The name of a log.

use std::fmt;
use std::sync::Arc;

use crate::ObjectId;

/// The name of a log, fixed when the log is made: a URL without its scheme, as the C2SP checkpoint format recommends.
/// It stands in every record, in the first line of every head, and in the key that verifies it.
///
/// 1 to 200 characters of `a-z`, `0-9`, `.`, `-`, `_`, `:` and `/`, without a `/` at either end or two in a row.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(Arc<str>);

impl Origin {
    /// The most characters that an origin may have.
    pub const MAX_LEN: usize = 200;

    /// A log of any name.
    ///
    /// # Errors
    /// The name does not have the form above.
    pub fn new(name: &str) -> Result<Self, InvalidOrigin> {
        let inside = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_:/".contains(&byte)
        };
        let length = 1..=Self::MAX_LEN;
        let form = length.contains(&name.len())
            && name.bytes().all(inside)
            && name.split('/').all(|part| !part.is_empty());
        form.then(|| Self(name.into()))
            .ok_or(InvalidOrigin { length: name.len() })
    }

    /// The log of one organization of a gateway: `{host}/audit/{organization}`.
    ///
    /// # Errors
    /// `host` is no beginning of an origin, or too long.
    pub fn organization(host: &str, organization: ObjectId) -> Result<Self, InvalidOrigin> {
        Self::new(&format!("{host}/audit/{organization}"))
    }

    /// The log of the gateway itself, which takes the heads of all others: `{host}/audit/system`.
    ///
    /// # Errors
    /// As for [`Origin::organization`].
    pub fn system(host: &str) -> Result<Self, InvalidOrigin> {
        Self::new(&format!("{host}/audit/system"))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({})", self.0)
    }
}

/// A text that is no [`Origin`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of a log has 1 to 200 of a-z, 0-9 and '.', '-', '_', ':', '/', with no empty part between slashes; \
     this one has {length} bytes"
)]
pub struct InvalidOrigin {
    length: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_url_without_scheme() {
        let organization = ObjectId::from_bytes([7; 16]);
        assert_eq!(
            Origin::organization("gate.example:8443", organization)
                .unwrap()
                .as_str(),
            "gate.example:8443/audit/07070707-0707-0707-0707-070707070707"
        );
        assert_eq!(
            Origin::system("gate.example").unwrap().as_str(),
            "gate.example/audit/system"
        );
        let long = "a".repeat(Origin::MAX_LEN + 1);
        for bad in [
            "", "/a", "a/", "a//b", "a b", "a+b", "A", "a\n", "\u{e4}", &long,
        ] {
            assert!(Origin::new(bad).is_err(), "{bad}");
        }
    }
}
