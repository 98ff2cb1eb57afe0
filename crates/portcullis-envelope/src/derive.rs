//! What one record derives from its sealing key.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::kdf::Prk;
use crate::labels;
use crate::record::Prefix;
use crate::sealing_key::SealingKey;

/// The encryption key of one record, used for one message, and the record's commitment.
pub(crate) struct RecordKeys {
    pub(crate) encryption: Zeroizing<[u8; 32]>,
    pub(crate) commitment: [u8; 32],
}

impl RecordKeys {
    /// `spec/sealed-record.md`, section "Derivation".
    ///
    /// AES-GCM-SIV does not commit to its key: one ciphertext can be made that opens under two. The
    /// commitment does, because HMAC-SHA256 is collision-resistant for keys of one length, and it
    /// covers the header and the context too: a wrong row fails here, before anything is decrypted.
    pub(crate) fn derive(key: &SealingKey, prefix: &Prefix, context: &[u8]) -> Self {
        // Four texts of 65,535 bytes at most, so this never saturates.
        let context_len = u32::try_from(context.len()).unwrap_or(u32::MAX);
        let mut hash = Sha256::new();
        hash.update(labels::CONTEXT);
        hash.update(prefix.to_bytes());
        hash.update(context_len.to_be_bytes());
        hash.update(context);
        let hash = hash.finalize();

        let prk = Prk::extract(&prefix.salt, key.expose());
        let mut keys = Self {
            encryption: Zeroizing::new([0; 32]),
            commitment: [0; 32],
        };
        prk.expand(&[labels::RECORD_ENCRYPTION, &hash], &mut keys.encryption);
        prk.expand(&[labels::RECORD_COMMITMENT, &hash], &mut keys.commitment);
        keys
    }
}
