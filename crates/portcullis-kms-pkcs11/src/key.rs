//! Which key in which module.

use std::fmt;
use std::fmt::Write as _;
use std::path::PathBuf;

use secrecy::SecretString;

/// Where the wrapping key is, and how to get at it.
///
/// # Security
///
/// The PIN is wiped with this value, and not shown by `Debug`.
pub struct Pkcs11Key {
    pub(crate) module: PathBuf,
    pub(crate) token: String,
    pub(crate) label: String,
    pub(crate) pin: SecretString,
}

impl Pkcs11Key {
    /// The AES key with the label `label` on the token with the label `token`, behind the user's `pin`, in
    /// the shared library `module`.
    #[must_use]
    pub fn new(
        module: impl Into<PathBuf>,
        token: impl Into<String>,
        label: impl Into<String>,
        pin: SecretString,
    ) -> Self {
        Self {
            module: module.into(),
            token: token.into(),
            label: label.into(),
            pin,
        }
    }

    /// `pkcs11:` and the two labels (`spec/organization-keys.md`, section "Wrapping").
    pub(crate) fn reference(&self) -> String {
        let mut text = "pkcs11:".to_owned();
        escape(&mut text, &self.token);
        text.push('/');
        escape(&mut text, &self.label);
        text
    }
}

impl fmt::Debug for Pkcs11Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pkcs11Key")
            .field("module", &self.module)
            .field("token", &self.token)
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

/// Percent-encodes what is not a letter, a digit, `-`, `.` or `_`, so that two labels never run together.
fn escape(text: &mut String, label: &str) {
    for byte in label.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(token: &str, label: &str) -> Pkcs11Key {
        Pkcs11Key::new("/lib/hsm.so", token, label, "1234-secret".into())
    }

    #[test]
    fn a_reference_is_visible_ascii_and_tells_the_labels_apart() {
        assert_eq!(
            key("tenants", "acme key").reference(),
            "pkcs11:tenants/acme%20key"
        );
        assert_eq!(key("a/b", "c").reference(), "pkcs11:a%2Fb/c");
        assert_eq!(key("a", "b/c").reference(), "pkcs11:a/b%2Fc");
        assert_eq!(key("ä", "100%").reference(), "pkcs11:%C3%A4/100%25");
    }

    #[test]
    fn debug_does_not_show_the_pin() {
        let shown = format!("{:?}", key("tenants", "acme"));
        assert!(
            shown.contains("tenants") && !shown.contains("1234"),
            "{shown}"
        );
    }
}
