use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::vectors::{array, unhex};

#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    org: String,
    key_id: String,
    version: u32,
    seed: String,
    organization_key: String,
    check_value: String,
    associated_data: String,
    reference: String,
    wrapped_bytes: String,
    wrapped_form: String,
}

impl Case {
    fn form(&self) -> Vec<u8> {
        unhex(&self.wrapped_form)
    }
}

fn cases() -> Vec<Case> {
    let vectors = include_str!("../../../../spec/vectors/organization-keys.json");
    let vectors: Vectors = serde_json::from_str(vectors).unwrap();
    assert_eq!(vectors.cases.len(), 3);
    vectors.cases
}

#[test]
fn keys_and_check_values_are_those_of_the_vectors() {
    for case in cases() {
        let of = OrgKeyRef::new(&array(&case.org), array(&case.key_id), case.version).unwrap();
        assert_eq!(of.associated_data(), unhex(&case.associated_data));
        let key = KeySeed::from_service(&unhex(&case.seed))
            .unwrap()
            .org_key(&of);
        assert_eq!(key.expose().to_vec(), unhex(&case.organization_key));
        assert_eq!(key.check_value().to_string(), case.check_value);
    }
}

#[test]
fn the_forms_of_the_vectors_are_read_and_written() {
    for case in cases() {
        let wrapped = WrappedKey::parse(&case.form()).unwrap();
        assert_eq!(wrapped.service(), case.reference);
        assert_eq!(wrapped.check_value().to_string(), case.check_value);
        assert_eq!(wrapped.blob, unhex(&case.wrapped_bytes));
        assert_eq!(wrapped.to_bytes(), case.form());
        assert_eq!(wrapped.sealed_header(), None, "its bytes are no record");
    }
}

#[test]
fn each_fixed_field_is_refused_by_name() {
    use MalformedWrappedKey as M;
    let form = cases()[0].form();
    let with = |place: usize, value: u8| {
        let mut form = form.clone();
        form[place] = value;
        WrappedKey::parse(&form).unwrap_err()
    };
    for place in 0..4 {
        assert_eq!(with(place, b'x'), M::Magic);
    }
    assert_eq!(with(4, 0), M::UnsupportedVersion { found: 0 });
    assert_eq!(with(4, 2), M::UnsupportedVersion { found: 2 });
    assert_eq!(with(6, 0), M::Reference, "no reference");
    assert_eq!(with(7, b' '), M::Reference, "a space");
    assert_eq!(with(7, 0xff), M::Reference, "no text");
}

#[test]
fn a_wrapped_key_ends_where_it_says() {
    use MalformedWrappedKey as M;
    let form = cases()[0].form();
    for length in 4..form.len() {
        let refused = WrappedKey::parse(&form[..length]).unwrap_err();
        assert_eq!(refused, M::Truncated, "{length}");
    }
    let longer = [form.as_slice(), b"xy"].concat();
    assert_eq!(
        WrappedKey::parse(&longer).unwrap_err(),
        M::TrailingBytes { extra: 2 }
    );
    let empty = [b"PCWK\x01\0\x01l".as_slice(), &[9; 8], &[0, 0]].concat();
    assert_eq!(WrappedKey::parse(&empty).unwrap_err(), M::Empty);
}

#[test]
fn a_reference_has_1_to_2048_visible_characters() {
    assert!(!is_reference(""));
    assert!(is_reference(&"x".repeat(2048)));
    assert!(!is_reference(&"x".repeat(2049)));
    for text in ["a b", "a\n", "ä", "\0"] {
        assert!(!is_reference(text), "{text:?}");
    }
}

proptest! {
    #[test]
    fn reading_arbitrary_bytes_never_panics_and_what_is_read_is_written_back(
        tail in proptest::collection::vec(any::<u8>(), 0..80),
        reference in "[a-z:]{0,9}",
        blob in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let long = |bytes: &[u8]| {
            let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
            [length.as_slice(), bytes].concat()
        };
        let built = [b"PCWK\x01".as_slice(), &long(reference.as_bytes()), &[7; 8], &long(&blob)];
        let built = built.concat();
        let magic = [b"PCWK\x01".as_slice(), &tail].concat();
        for bytes in [tail, magic, built] {
            if let Ok(read) = WrappedKey::parse(&bytes) {
                prop_assert_eq!(read.to_bytes(), bytes);
            }
        }
    }
}

#[test]
fn a_record_inside_is_read_if_the_local_key_service_made_it_and_no_other() {
    let key = SealingKey::derive([3; 8], 7, |secret| *secret = [5; 32]);
    let of = OrgKeyRef::new(&[1; 16], [2; 8], 1).unwrap();
    let record = |context: &crate::Context<'_>| {
        let kind = context.record_type();
        crate::seal(&key, kind, context, &[9; 32], &mut getrandom::SysRng).unwrap()
    };
    let wrapped = |service: &str, record: &SealedRecord| WrappedKey {
        service: service.into(),
        check: CheckValue([0; 8]),
        blob: record.as_bytes().to_vec(),
    };
    let right = of.with_context(record);
    let header = wrapped("local", &right).sealed_header();
    assert_eq!(header.map(|header| header.key_version()), Some(7));
    assert_eq!(wrapped("test:one", &right).sealed_header(), None);
    let secret = record(&crate::Context::instance_secret("pepper", 1).unwrap());
    assert_eq!(wrapped("local", &secret).sealed_header(), None);
}
