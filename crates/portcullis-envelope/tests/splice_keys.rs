//! No record opens in a row it was not sealed for: every pair of records, every field of the context,
//! with derived keys and with keys of the local key service. Each key service runs the same in its own
//! tests.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use std::sync::Arc;

use getrandom::SysRng;
use portcullis_envelope::testkit::{
    block_on, key_service_conformance, neighbouring_names, splice_matrix,
};
use portcullis_envelope::{
    KeySeed, KeyServiceFault, KeyServices, KeyWrapper, LocalKeyService, MasterKey, MasterKeys,
    OrgKeyRef, OrgKeySpec, OrgSalt, WrappedKey,
};

fn master_text() -> String {
    MasterKey::generate(&mut SysRng)
        .unwrap()
        .to_text()
        .to_string()
}

fn local(masters: &Arc<MasterKeys>) -> Arc<dyn KeyWrapper> {
    Arc::new(LocalKeyService::new(Arc::clone(masters), SysRng))
}

#[test]
fn a_record_under_a_derived_key_opens_in_its_own_row_alone() {
    let masters = MasterKeys::single(MasterKey::generate(&mut SysRng).unwrap());
    // One salt for all, so that it is the name that tells the keys apart.
    let salt = OrgSalt::generate(&mut SysRng).unwrap();
    let keys = neighbouring_names().map(|of| {
        let spec = OrgKeySpec {
            org: of.org(),
            salt: &salt,
            key_id: of.key_id(),
            version: of.version(),
            master_version: 1,
        };
        (of, Arc::new(masters.org_key(&spec).unwrap()))
    });
    assert_eq!(splice_matrix(&keys), 28 * 27);
}

#[test]
fn the_local_key_service_keeps_the_rules_of_key_services() {
    let masters = MasterKeys::single(MasterKey::generate(&mut SysRng).unwrap());
    block_on(key_service_conformance(local(&Arc::new(masters))));
}

#[test]
fn a_derived_key_and_a_wrapped_one_of_the_same_name_have_nothing_in_common() {
    let masters = Arc::new(MasterKeys::single(
        MasterKey::generate(&mut SysRng).unwrap(),
    ));
    let of = OrgKeyRef::new(&[1; 16], [2; 8], 1).unwrap();
    let salt = OrgSalt::generate(&mut SysRng).unwrap();
    let spec = OrgKeySpec {
        org: of.org(),
        salt: &salt,
        key_id: of.key_id(),
        version: 1,
        master_version: 1,
    };
    let derived = masters.org_key(&spec).unwrap();
    // Even if the seed were the salt.
    let seed = KeySeed::from_service(salt.as_bytes()).unwrap();
    let (_, wrapped) = block_on(WrappedKey::create(&*local(&masters), &of, seed)).unwrap();
    let keys = [(of, Arc::new(derived)), (of, Arc::new(wrapped))];
    assert_eq!(splice_matrix(&keys), 14 * 13);
}

#[test]
fn a_key_wrapped_under_another_master_key_is_not_found_and_says_which_it_was() {
    let (one, two) = (master_text(), master_text());
    let masters = |text: &str| Arc::new(MasterKeys::parse(text).unwrap());
    let of = OrgKeyRef::new(&[1; 16], [2; 8], 1).unwrap();
    let seed = KeySeed::generate(&mut SysRng).unwrap();
    let first = local(&masters(&format!("1:{one}")));
    let (wrapped, _) = block_on(WrappedKey::create(&*first, &of, seed)).unwrap();
    for (text, named) in [
        (
            format!("2:{two}"),
            "version 1 is needed and versions [2] are held",
        ),
        (format!("1:{two}"), "sealed under key"),
    ] {
        let services = KeyServices::new().with(local(&masters(&text))).unwrap();
        let refused = block_on(wrapped.unwrap_key(&services, &of)).unwrap_err();
        assert_eq!(refused.fault(), Some(KeyServiceFault::NotFound));
        assert!(refused.to_string().contains(named), "{refused}");
    }
    let both = KeyServices::new().with(local(&masters(&format!("1:{one}\n2:{two}"))));
    block_on(wrapped.unwrap_key(&both.unwrap(), &of)).unwrap();
}
