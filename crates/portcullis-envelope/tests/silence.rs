//! No secret byte comes out of `Debug`, of `Display`, or of an error, whatever went wrong.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use std::fmt::{Debug, Display};
use std::sync::Arc;
use std::time::Duration;

use getrandom::SysRng;
use portcullis_envelope::testkit::{Fault, FaultyKeyService, ManualTimer, block_on};
use portcullis_envelope::{
    CachePolicy, Context, CredentialContext, Deadline, KeyLabel, KeyRing, KeySeed, KeyServices,
    KeyWrapper, LocalKeyService, MasterKey, MasterKeys, OrgKeyCache, OrgKeyRef, OrgSalt,
    RecordType, Rotation, SealedRecord, Survey, WrappedKey, import_plaintext, open, reseal, seal,
};
use zeroize::Zeroizing;

const SECRET: &[u8] = b"sk-Quite7Secret+And/Long==0123456789";

/// Everything that was shown.
#[derive(Default)]
struct Shown(String);

impl Shown {
    fn debug(&mut self, value: &dyn Debug) {
        self.0 += &format!("{value:?}\n{value:#?}\n");
    }

    fn error(&mut self, value: &(impl Debug + Display)) {
        self.debug(value);
        self.0 += &format!("{value}\n");
    }

    /// Looks for any six bytes in a row of a secret, in every spelling that a program uses.
    #[track_caller]
    fn assert_silent_about(&self, secret: &[u8]) {
        let lower = self.0.to_lowercase();
        for window in secret.windows(6) {
            let hex: String = window.iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(!lower.contains(&hex), "hexadecimal digits of a secret");
            let list = format!("{window:?}");
            let list = list.trim_matches(['[', ']']);
            assert!(!self.0.contains(list), "a list of a secret's bytes");
            let lines = format!("{window:#?}");
            let lines = lines.trim_matches(['[', ']', '\n', ' ']);
            assert!(
                !self.0.contains(lines),
                "a list of a secret's bytes, in lines"
            );
            if let Ok(text) = std::str::from_utf8(window) {
                assert!(!self.0.contains(text), "the text of a secret");
            }
        }
    }
}

#[test]
fn the_scan_finds_a_secret_in_each_spelling() {
    for show in [
        |shown: &mut Shown| shown.debug(&SECRET),
        |shown: &mut Shown| shown.0 += &format!("{SECRET:?}"),
        |shown: &mut Shown| shown.0 += &format!("{SECRET:02X?}").replace(", ", ""),
        |shown: &mut Shown| shown.0 += std::str::from_utf8(&SECRET[3..]).unwrap(),
    ] {
        let mut shown = Shown::default();
        show(&mut shown);
        let found = std::panic::catch_unwind(|| shown.assert_silent_about(SECRET));
        assert!(found.is_err(), "{}", shown.0);
    }
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

#[test]
fn types_and_errors_are_silent_about_seeds_keys_salts_and_plaintexts() {
    let mut shown = Shown::default();
    let masters = Arc::new(MasterKeys::single(
        MasterKey::generate(&mut SysRng).unwrap(),
    ));
    let salt = OrgSalt::generate(&mut SysRng).unwrap();
    let of = OrgKeyRef::new(&[1; 16], [2; 8], 1).unwrap();
    let other = OrgKeyRef::new(&[3; 16], [2; 8], 1).unwrap();
    let seed = KeySeed::generate(&mut SysRng).unwrap();
    let seed_bytes = *seed.expose();
    shown.debug(&seed);
    shown.debug(&salt);
    shown.debug(&masters);
    shown.error(&of);

    let local = Arc::new(LocalKeyService::new(Arc::clone(&masters), SysRng));
    let faulty = Arc::new(FaultyKeyService::new("test:one"));
    let timer = ManualTimer::new();
    let deadline = Deadline::new(faulty.clone(), Duration::from_secs(1), timer.sleep());
    shown.debug(&deadline);
    let services = KeyServices::new().with(local.clone()).unwrap();
    let services = services.with(Arc::new(deadline)).unwrap();
    shown.debug(&services);
    let cache = OrgKeyCache::new(CachePolicy::default());

    let (wrapped, key) = block_on(WrappedKey::create(&*local, &of, seed)).unwrap();
    shown.debug(&wrapped);
    shown.debug(&key);
    let same = KeySeed::from_service(&seed_bytes).unwrap();
    let (outside, _) = block_on(WrappedKey::create(&*faulty, &of, same)).unwrap();
    shown.debug(&outside);
    shown.error(&KeySeed::from_service(&seed_bytes[1..]).unwrap_err());
    shown.error(&block_on(local.unwrap_key(&other, &seed_bytes)).unwrap_err());

    for fault in [
        Fault::Down,
        Fault::Throttled(None),
        Fault::Denied,
        Fault::Disabled,
        Fault::NotFound,
        Fault::WrongBytes,
        Fault::ShortBytes,
    ] {
        faulty.fail(fault);
        shown.error(&block_on(outside.unwrap_key(&services, &of)).unwrap_err());
        let asked = cache.org_key(&services, &of, &outside, Duration::ZERO);
        shown.error(&block_on(asked).unwrap_err());
    }
    shown.error(&block_on(wrapped.unwrap_key(&services, &other)).unwrap_err());
    let asked = cache.org_key(&services, &of, &wrapped, Duration::ZERO);
    shown.debug(&block_on(asked).unwrap());
    shown.debug(&cache);

    let kind = RecordType::Credential;
    let record = seal(&key, kind, &row(), SECRET, &mut SysRng).unwrap();
    let instance = masters.sealing_key(1).unwrap();
    shown.debug(&open(&key, kind, &row(), &record).unwrap());
    shown.error(&open(&instance, kind, &row(), &record).unwrap_err());
    shown.error(&reseal(&record, &row(), &instance, &key, &mut SysRng).unwrap_err());
    shown.error(&SealedRecord::parse(SECRET).unwrap_err());
    shown.error(&WrappedKey::parse(SECRET).unwrap_err());
    let imported = Zeroizing::new(SECRET.to_vec());
    let imported = import_plaintext(&key, &row(), imported, &mut SysRng).unwrap();
    // The mask shows the last four characters, on purpose.
    shown.debug(&imported);
    let again = Zeroizing::new(imported.record.as_bytes().to_vec());
    shown.error(&import_plaintext(&key, &row(), again, &mut SysRng).unwrap_err());

    let label = KeyLabel::of_record(record.header());
    let survey: Survey = [label.clone()].into_iter().collect();
    shown.error(&label);
    shown.error(&Rotation::to(label).plan(&survey).unwrap());
    shown.debug(&KeyRing::new());

    let master_text = masters.to_text();
    let master = master_text.strip_prefix("1:").unwrap();
    for secret in [&seed_bytes, SECRET, salt.as_bytes(), master.as_bytes()] {
        shown.assert_silent_about(secret);
    }
    assert!(
        shown.0.contains("KeySeed([redacted])"),
        "the scan saw the seed"
    );
}
