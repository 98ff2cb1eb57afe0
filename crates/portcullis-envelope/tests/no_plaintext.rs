//! Nothing but a sealed record is ever opened; a plaintext is taken over by a function of its own.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use getrandom::SysRng;
use portcullis_envelope::{
    Context, CredentialContext, ImportError, MalformedRecord, MasterKey, MasterKeys, RecordType,
    SealError, SealedRecord, SealingKey, import_plaintext, open,
};
use zeroize::Zeroizing;

const SECRET: &str = "sk-proj-0123456789abcdefghijklmnopqrstuvwxyz0123456789-x2Qa";

fn key() -> SealingKey {
    let masters = MasterKeys::single(MasterKey::generate(&mut SysRng).unwrap());
    masters.sealing_key(1).unwrap()
}

fn row() -> Context<'static> {
    Context::credential(CredentialContext {
        org: &[1; 16],
        project: None,
        environment: "live",
        provider: "openai",
        name: "main",
        generation: 1,
    })
    .unwrap()
}

fn import(key: &SealingKey, plaintext: &[u8]) -> Result<SealedRecord, ImportError> {
    let plaintext = Zeroizing::new(plaintext.to_vec());
    import_plaintext(key, &row(), plaintext, &mut SysRng).map(|imported| imported.record)
}

#[test]
fn reading_refuses_a_plaintext_in_bytes_and_in_text() {
    for text in [
        SECRET,
        "",
        "x",
        "{\"key\":\"sk-1\"}",
        "gAAAAABplain-fernet",
        "v3:gcm:abc",
    ] {
        let refused = SealedRecord::parse(text.as_bytes()).unwrap_err();
        assert_eq!(refused, MalformedRecord::PlaintextRefused, "{text}");
        let refused = SealedRecord::from_text(text).unwrap_err();
        assert_eq!(refused, MalformedRecord::PlaintextRefused, "{text}");
    }
}

#[test]
fn reading_refuses_every_format_version_and_suite_but_1() {
    let record = import(&key(), SECRET.as_bytes()).unwrap();
    for found in (0..=u8::MAX).filter(|value| *value != 1) {
        let with = |place: usize| {
            let mut bytes = record.as_bytes().to_vec();
            bytes[place] = found;
            SealedRecord::parse(&bytes).unwrap_err()
        };
        assert_eq!(with(4), MalformedRecord::UnsupportedVersion { found });
        assert_eq!(with(5), MalformedRecord::UnsupportedSuite { found });
        let text = record
            .to_text()
            .replacen("pcs1:", &format!("pcs{found}:"), 1);
        let refused = SealedRecord::from_text(&text).unwrap_err();
        assert_eq!(refused, MalformedRecord::UnsupportedVersion { found });
    }
}

#[test]
fn what_was_imported_opens_and_is_masked() {
    let key = key();
    let plaintext = Zeroizing::new(SECRET.as_bytes().to_vec());
    let imported = import_plaintext(&key, &row(), plaintext, &mut SysRng).unwrap();
    assert_eq!(imported.mask.as_str(), "sk-proj-••••••••x2Qa");
    let opened = open(&key, RecordType::Credential, &row(), &imported.record).unwrap();
    assert_eq!(opened.expose(), SECRET.as_bytes());
}

#[test]
fn what_is_sealed_already_is_not_sealed_twice() {
    let key = key();
    let record = import(&key, SECRET.as_bytes()).unwrap();
    let text = record.to_text();
    for sealed in [
        record.as_bytes(),
        text.as_bytes(),
        &record.as_bytes()[..4],
        b"pcs1:",
        b"pcs27:3:whatever",
    ] {
        assert_eq!(import(&key, sealed), Err(ImportError::AlreadySealed));
    }
}

#[test]
fn a_secret_that_only_looks_a_little_like_a_record_is_imported() {
    let key = key();
    for secret in ["pcs:secret", "pcs", "pcs1", "PCS", "pcsk_abc:def", "xpcs1:"] {
        assert!(import(&key, secret.as_bytes()).is_ok(), "{secret}");
    }
}

#[test]
fn nothing_to_import_is_refused() {
    assert_eq!(
        import(&key(), b""),
        Err(ImportError::Seal(SealError::Empty))
    );
}
