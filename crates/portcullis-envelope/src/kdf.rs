//! HKDF-SHA256 (RFC 5869), as the derivations of this crate use it.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroize;

/// A pseudorandom key ready to be expanded; its state is wiped on drop (`hmac/zeroize`).
pub(crate) struct Prk(Hkdf<Sha256>);

impl Prk {
    /// HKDF-Extract. An empty salt is RFC 5869's "not provided".
    pub(crate) fn extract(salt: &[u8], key: &[u8]) -> Self {
        // `Hkdf::new` would drop the extracted bytes without wiping them.
        let (mut bytes, prk) = Hkdf::<Sha256>::extract(Some(salt), key);
        bytes.as_mut_slice().zeroize();
        Self(prk)
    }

    /// HKDF-Expand into `out`, where `info` is the concatenation of `parts`.
    #[expect(clippy::expect_used, reason = "the length is checked at compile time")]
    pub(crate) fn expand<const N: usize>(&self, parts: &[&[u8]], out: &mut [u8; N]) {
        const { assert!(N <= 255 * 32, "the bound of RFC 5869 section 2.3") };
        self.0
            .expand_multi_info(parts, out)
            .expect("N is within the bound of RFC 5869");
    }
}
