//! Against moto, which speaks the protocol of AWS KMS on the loopback interface and enforces the encryption
//! context. It does not enforce that a key is disabled: `tests/faults.rs` has that.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests may fail loudly"
)]

mod support;

use std::collections::HashMap;
use std::sync::Arc;

use getrandom::SysRng;
use portcullis_envelope::testkit::key_service_conformance;
use portcullis_envelope::{
    KeySeed, KeyServiceFault, KeyServices, KeyWrapper, OrgKeyRef, WrappedKey,
};
use portcullis_kms_aws::AwsKms;
use portcullis_kms_aws::aws_sdk_kms::primitives::Blob;

use support::{client, create_key, moto};

fn name(org: u8) -> OrgKeyRef {
    OrgKeyRef::new(&[org; 16], [2; 8], 1).unwrap()
}

fn seed() -> KeySeed {
    KeySeed::generate(&mut SysRng).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kms_keeps_the_rules_of_key_services() {
    let client = client(&moto().endpoint);
    let kms = AwsKms::new(client.clone(), &create_key(&client).await).unwrap();
    key_service_conformance(Arc::new(kms)).await;
}

#[tokio::test]
async fn the_encryption_context_is_the_name_of_the_key_and_nothing_else() {
    let client = client(&moto().endpoint);
    let arn = create_key(&client).await;
    let kms = AwsKms::new(client.clone(), &arn).unwrap();
    let seed = seed();
    let wrapped = kms.wrap_key(&name(1), &seed).await.unwrap();
    let decrypt = async |context: &[(&str, &str)]| {
        let context: HashMap<_, _> = context
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let request = client
            .decrypt()
            .key_id(&arn)
            .set_encryption_context(Some(context));
        request
            .ciphertext_blob(Blob::new(wrapped.clone()))
            .send()
            .await
    };
    let right = [
        ("portcullis:purpose", "organization-key"),
        ("portcullis:org", "01010101010101010101010101010101"),
        ("portcullis:key", "0202020202020202"),
        ("portcullis:version", "1"),
    ];
    let opened = decrypt(&right).await.unwrap();
    assert_eq!(opened.plaintext().unwrap().as_ref(), seed.expose());
    // One pair less, one more, and each of them changed.
    assert!(decrypt(&right[1..]).await.is_err());
    assert!(
        decrypt(&[&right[..], &[("more", "1")]].concat())
            .await
            .is_err()
    );
    for place in 0..right.len() {
        let mut other = right;
        other[place].1 = "other";
        assert!(decrypt(&other).await.is_err(), "{:?}", right[place]);
    }
}

#[tokio::test]
async fn a_key_of_another_organization_is_refused_by_kms_itself() {
    let client = client(&moto().endpoint);
    let kms = AwsKms::new(client.clone(), &create_key(&client).await).unwrap();
    let wrapped = kms.wrap_key(&name(1), &seed()).await.unwrap();
    let refused = kms.unwrap_key(&name(2), &wrapped).await.unwrap_err();
    assert_eq!(refused.fault(), KeyServiceFault::Rejected);
    let detail = refused.detail().unwrap();
    assert!(detail.starts_with("InvalidCiphertextException"), "{detail}");
}

#[tokio::test]
async fn a_ciphertext_under_another_key_of_the_account_is_refused() {
    let client = client(&moto().endpoint);
    let one = AwsKms::new(client.clone(), &create_key(&client).await).unwrap();
    let two = AwsKms::new(client.clone(), &create_key(&client).await).unwrap();
    let wrapped = one.wrap_key(&name(1), &seed()).await.unwrap();
    assert!(two.unwrap_key(&name(1), &wrapped).await.is_err());
    assert!(one.unwrap_key(&name(1), &wrapped).await.is_ok());
}

#[tokio::test]
async fn a_key_that_does_not_exist_is_not_found() {
    let client = client(&moto().endpoint);
    let missing = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000";
    let kms = AwsKms::new(client, missing).unwrap();
    let refused = kms.wrap_key(&name(1), &seed()).await.unwrap_err();
    assert_eq!(refused.fault(), KeyServiceFault::NotFound);
}

#[tokio::test]
async fn nobody_listening_is_unreachable() {
    let kms = AwsKms::new(
        client("http://127.0.0.1:1"),
        "arn:aws:kms:us-east-1:1:key/a",
    )
    .unwrap();
    let refused = kms.wrap_key(&name(1), &seed()).await.unwrap_err();
    assert_eq!(refused.fault(), KeyServiceFault::Unreachable);
}

#[tokio::test]
async fn an_organization_moves_from_one_kms_key_to_another_and_keeps_its_own() {
    let client = client(&moto().endpoint);
    let service = async || {
        let arn = create_key(&client).await;
        Arc::new(AwsKms::new(client.clone(), &arn).unwrap())
    };
    let (from, to) = (service().await, service().await);
    let services = KeyServices::new().with(from.clone()).unwrap();
    let services = services.with(to.clone()).unwrap();
    let (wrapped, key) = WrappedKey::create(&*from, &name(1), seed()).await.unwrap();
    let moved = wrapped.rewrap(&services, &name(1), &*to).await.unwrap();
    assert_eq!(moved.service(), to.describe().reference);
    let again = moved.unwrap_key(&services, &name(1)).await.unwrap();
    assert_eq!(again.check_value(), key.check_value());
}
