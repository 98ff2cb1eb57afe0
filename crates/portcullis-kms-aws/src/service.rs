//! The key service itself.

use std::collections::HashMap;

use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use portcullis_envelope::{
    KeySeed, KeyServiceError, KeyServiceFault, KeyServiceFuture, KeyServiceInfo, KeyWrapper,
    OrgKeyRef,
};

use crate::error::classified;
use crate::key_arn::{self, InvalidKeyArn};

/// One KMS key, used by one client.
#[derive(Clone, Debug)]
pub struct AwsKms {
    client: Client,
    /// `aws-kms:` and the key's ARN.
    reference: String,
}

impl AwsKms {
    /// The key service of a symmetric KMS key, by its ARN.
    ///
    /// # Errors
    ///
    /// [`InvalidKeyArn`] for an id or an alias: the reference is stored beside what the key wrapped, and
    /// must mean the same key for ever.
    pub fn new(client: Client, key_arn: &str) -> Result<Self, InvalidKeyArn> {
        let arn = key_arn::parse(key_arn)?;
        Ok(Self {
            client,
            reference: format!("{PREFIX}{arn}"),
        })
    }

    fn key_arn(&self) -> &str {
        self.reference.strip_prefix(PREFIX).unwrap_or_default()
    }

    async fn wrap(&self, of: &OrgKeyRef, seed: &KeySeed) -> Result<Vec<u8>, KeyServiceError> {
        let request = self.client.encrypt().key_id(self.key_arn());
        let answer = request
            .set_encryption_context(Some(context(of)))
            .plaintext(Blob::new(seed.expose()))
            .send()
            .await
            .map_err(|error| classified(&self.reference, &error))?;
        let wrapped = answer.ciphertext_blob.map(Blob::into_inner);
        wrapped.ok_or_else(|| self.without("CiphertextBlob"))
    }

    async fn unwrap(&self, of: &OrgKeyRef, blob: &[u8]) -> Result<KeySeed, KeyServiceError> {
        let request = self.client.decrypt().key_id(self.key_arn());
        let answer = request
            .set_encryption_context(Some(context(of)))
            .ciphertext_blob(Blob::new(blob))
            .send()
            .await
            .map_err(|error| classified(&self.reference, &error))?;
        let plaintext = answer.plaintext.ok_or_else(|| self.without("Plaintext"))?;
        KeySeed::from_service(plaintext.as_ref())
            .map_err(|fault| KeyServiceError::new(&self.reference, fault))
    }

    fn without(&self, field: &str) -> KeyServiceError {
        KeyServiceError::new(&self.reference, KeyServiceFault::Unexpected)
            .with_detail(format!("an answer without {field}"))
    }
}

impl KeyWrapper for AwsKms {
    fn describe(&self) -> KeyServiceInfo<'_> {
        KeyServiceInfo {
            reference: &self.reference,
            binds_context: true,
        }
    }

    fn wrap_key<'a>(
        &'a self,
        of: &'a OrgKeyRef,
        seed: &'a KeySeed,
    ) -> KeyServiceFuture<'a, Vec<u8>> {
        Box::pin(self.wrap(of, seed))
    }

    fn unwrap_key<'a>(
        &'a self,
        of: &'a OrgKeyRef,
        blob: &'a [u8],
    ) -> KeyServiceFuture<'a, KeySeed> {
        Box::pin(self.unwrap(of, blob))
    }
}

fn context(of: &OrgKeyRef) -> HashMap<String, String> {
    let pairs = of.pairs().into_iter();
    pairs
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// What the reference of every key of AWS KMS begins with.
const PREFIX: &str = "aws-kms:";
