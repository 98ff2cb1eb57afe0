//! An opened provider credential.

use std::fmt;

use http::HeaderValue;
use portcullis_envelope::Plaintext;
use zeroize::Zeroizing;

/// An opened provider credential: owned, not `Clone`, wiped when it is dropped.
///
/// # Security
/// It lives in request memory only. It cannot be printed, serialized or compared; a [`HeaderValue`] made of it is marked
/// sensitive, but the HTTP client's buffers cannot be wiped.
///
/// ```compile_fail,E0277
/// fn show(credential: portcullis_gate::Credential) -> String { credential.to_string() }
/// ```
/// ```compile_fail,E0599
/// fn copy(credential: &portcullis_gate::Credential) -> portcullis_gate::Credential { credential.clone() }
/// ```
/// ```compile_fail,E0277
/// fn json(credential: &portcullis_gate::Credential) -> String { serde_json::to_string(credential).unwrap() }
/// ```
/// ```compile_fail,E0369
/// fn same(a: portcullis_gate::Credential, b: portcullis_gate::Credential) -> bool { a == b }
/// ```
pub struct Credential(Plaintext);

impl Credential {
    pub(crate) fn new(plaintext: Plaintext) -> Self {
        Self(plaintext)
    }

    /// The credential as `Bearer <credential>`, marked sensitive.
    ///
    /// What was stored is checked to be header text when it is stored, so the value is always complete.
    #[must_use]
    pub fn bearer(&self) -> HeaderValue {
        let mut text = Zeroizing::new(Vec::with_capacity(PREFIX.len() + self.expose().len()));
        text.extend_from_slice(PREFIX);
        text.extend_from_slice(self.expose());
        sensitive(&text)
    }

    /// The credential alone, marked sensitive: for `x-api-key` and the like.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        sensitive(self.expose())
    }

    /// The bytes: the one door to them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.expose()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}

/// Whether a credential can be sent in a header: visible ASCII, so no space, line end or control character.
pub(crate) fn is_header_text(secret: &[u8]) -> bool {
    !secret.is_empty() && secret.iter().all(u8::is_ascii_graphic)
}

fn sensitive(bytes: &[u8]) -> HeaderValue {
    // An empty value for what is no header text: the provider refuses it, and nothing is injected.
    let mut value = HeaderValue::from_bytes(bytes).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

const PREFIX: &[u8] = b"Bearer ";
