//! What is told, and what is not.

use portcullis_audit::*;

use crate::read_back::actions;
use crate::records::{FORMATS, sealed, told};

const TEXTS: [&str; 3] = ["ada@example.org", "left the company", "bob@example.org"];

fn record() -> crate::records::Sealed {
    let role = Word::new("admin").unwrap();
    let action = Action::RoleGranted(RoleChange { role });
    let [actor, note, subject] = TEXTS;
    sealed(&[told(action, actor, note, subject)]).remove(0)
}

#[test]
fn a_field_whose_opening_is_gone_is_in_no_format() {
    let sealed = record();
    for (at, field) in Field::ALL.into_iter().enumerate() {
        let left = sealed
            .openings
            .iter()
            .filter(|opening| opening.field != field);
        let disclosure = Disclosure::new(&sealed.record, left).unwrap();
        let values = [
            "ada@example.org",
            "192.0.2.7",
            "left the company",
            "bob@example.org",
        ];
        for format in FORMATS {
            let line = String::from_utf8(format.export(&disclosure)).unwrap();
            for (number, value) in values.iter().enumerate() {
                assert_eq!(
                    line.contains(value),
                    number != at,
                    "{format:?} {field} {line}"
                );
            }
        }
    }
    for format in FORMATS {
        let line = format.export(&Disclosure::closed(&sealed.record));
        let line = String::from_utf8(line).unwrap();
        for value in TEXTS.iter().chain(&["192.0.2.7"]) {
            assert!(!line.contains(value), "{format:?}");
        }
    }
}

#[test]
fn a_field_is_told_once() {
    let [actor, note, subject] = TEXTS;
    for action in actions() {
        let sealed = &sealed(&[told(action.clone(), actor, note, subject)])[0];
        for format in FORMATS {
            let line = String::from_utf8(format.export(&sealed.open())).unwrap();
            for text in TEXTS {
                assert_eq!(line.matches(text).count(), 1, "{format:?} {text} {line}");
            }
            // ECS has it as a text and as an address.
            let addresses = if format == Format::Ecs { 2 } else { 1 };
            assert_eq!(line.matches("192.0.2.7").count(), addresses);
        }
    }
}

#[test]
fn an_opening_that_the_record_did_not_commit_to_is_not_exported() {
    let sealed = record();
    let good = &sealed.openings[0];
    let changed = Opening {
        value: PrivateText::new("eve@example.org").unwrap(),
        ..good.clone()
    };
    let elsewhere = Opening {
        seq: 1,
        ..good.clone()
    };
    for bad in [changed, elsewhere] {
        let error = Disclosure::new(&sealed.record, [&bad]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "record 0 did not commit to this value of the field actor"
        );
    }
}

#[test]
fn an_address_that_is_none_is_not_exported_as_one() {
    // Bytes that say they commit to an address, which is no address.
    let sealed = record();
    let address = &sealed.openings[1];
    assert_eq!(address.field, Field::Address);
    let forged = Opening {
        value: PrivateText::new("not an address").unwrap(),
        ..address.clone()
    };
    let bytes = String::from_utf8(sealed.record.to_bytes()).unwrap();
    let bytes = bytes.replace(
        &address.commitment().to_string(),
        &forged.commitment().to_string(),
    );
    let record = Record::parse(bytes.as_bytes()).unwrap();
    assert!(record.is_opened_by(&forged));
    assert!(Disclosure::new(&record, [&forged]).is_err());
}
