//! One record of each class in each format, as files to look at.
//!
//! Regenerate them with `PORTCULLIS_WRITE_GOLDEN=1 cargo test -p portcullis-audit --test export`, and read the difference.

use std::fs;
use std::path::PathBuf;

use portcullis_audit::*;

use crate::records::{FORMATS, Sealed, sealed, told};
use crate::usage::usage;

/// Compares a file, or writes it where that is asked for.
pub(crate) fn compare(path: PathBuf, text: &str) {
    if std::env::var_os("PORTCULLIS_WRITE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        golden == text,
        "{} does not hold what is written now:\n{text}\n\
         If that is right: PORTCULLIS_WRITE_GOLDEN=1 cargo test -p portcullis-audit --test export",
        path.display()
    );
}

/// One event of each class, with something to escape in its texts.
fn classes() -> [(&'static str, Sealed); 6] {
    let word = |literal| Word::new(literal).unwrap();
    let key = KeyId::parse("3fK9aaaaaaaa").unwrap();
    let at = Timestamp::from_micros(1_795_330_515_123_456);
    let text = |text| PrivateText::new(text).unwrap();
    let refused = || {
        Action::RequestRefused(Refused {
            cause: word("ip_not_allowed"),
            left_out: 41.into(),
        })
    };
    let guard = Action::GuardFailed(GuardReport {
        cause: word("trigger_missing"),
    });
    let role = Action::RoleGranted(RoleChange {
        role: word("admin"),
    });
    let request = ObjectId::from_bytes([0xab; 16]);
    let events = [
        Event::new(at, Actor::Key(key), refused(), Target::Key(key))
            .outcome(Outcome::Refused)
            .address([192, 0, 2, 7].into())
            .request(request),
        Event::new(at, Actor::System, Action::NodeStarted, Target::Instance),
        Event::new(at, Actor::Stranger, refused(), Target::Instance)
            .outcome(Outcome::Refused)
            .address("2001:db8::7".parse().unwrap())
            .request(request),
        Event::new(at, Actor::System, guard, Target::Instance),
        Event::new(
            at,
            Actor::Operator(text("ada")),
            Action::KeySecretRevoked,
            Target::KeySecret(key, 2),
        )
        .note(text("=leaked, \"see\" [ticket] a|b \\ \u{202e}42")),
        told(
            role,
            "ada@example.org",
            "f\u{fc}r die Vertretung",
            "bob@example.org",
        ),
    ];
    let names = [
        "api-activity",
        "application-lifecycle",
        "authentication",
        "detection-finding",
        "entity-management",
        "user-access",
    ];
    let records: Vec<Sealed> = sealed(&events);
    let mut records = records.into_iter();
    names.map(|name| (name, records.next().unwrap()))
}

fn file(name: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
    PathBuf::from(folder).join(name)
}

/// A release changes no file: the version of the product is left open in them.
fn unversioned(line: &[u8]) -> String {
    let text = std::str::from_utf8(line).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    text.replace(&format!("\"{version}\""), "\"{version}\"")
        .replace(&format!("|{version}|"), "|{version}|")
}

#[test]
fn one_record_of_each_class_is_written_as_ever() {
    for (class, sealed) in classes() {
        for format in FORMATS {
            let line = [format.header(), format.export(&sealed.open())].concat();
            compare(
                file(&format!("{class}.{}", format.name())),
                &unversioned(&line),
            );
        }
    }
}

#[test]
fn a_usage_record_is_written_as_ever() {
    let usage = usage();
    compare(file("usage.ocsf"), &unversioned(&usage.to_ocsf()));
    compare(file("usage.otel"), &unversioned(&usage.to_otel()));
}

#[test]
fn the_name_of_a_format_is_a_word_that_a_record_can_hold() {
    for format in FORMATS {
        assert!(Word::new(format.name()).is_ok());
    }
}
