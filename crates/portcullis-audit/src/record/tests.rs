use getrandom::SysRng;

use super::*;
use crate::{Actor, PrivateText, Refused, Word};

fn origin() -> Origin {
    Origin::new("gate.example/audit/system").unwrap()
}

fn record(event: &Event) -> (Record, Vec<Opening>) {
    let log = origin();
    let place = Place {
        log: &log,
        seq: 12,
        prev: Some(Hash::EMPTY_TREE),
    };
    Record::new(event, place, &mut SysRng).unwrap()
}

fn refusal() -> Event {
    let cause = Word::new("ip_not_allowed").unwrap();
    let action = Action::RequestRefused(Refused {
        cause,
        left_out: 41.into(),
    });
    let key = crate::KeyId::parse("3fK9aaaaaaaa").unwrap();
    let at = Timestamp::from_micros(1_795_330_515_123_456);
    Event::new(at, Actor::Key(key), action, Target::Key(key)).outcome(Outcome::Refused)
}

#[test]
fn a_record_is_canonical_json() {
    let (record, _) = record(&refusal().request(ObjectId::from_bytes([0xab; 16])));
    let expected = "{\"action\":\"request.refused\",\"actor\":{\"id\":\"3fK9aaaaaaaa\",\"kind\":\"key\"},\
        \"at\":\"2026-11-22T06:55:15.123456Z\",\"details\":{\"cause\":\"ip_not_allowed\",\"left_out\":41},\
        \"log\":\"gate.example/audit/system\",\"outcome\":\"refused\",\
        \"prev\":\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\
        \"request\":\"abababab-abab-abab-abab-abababababab\",\"seq\":12,\
        \"target\":{\"id\":\"3fK9aaaaaaaa\",\"kind\":\"key\"},\"v\":1}";
    assert_eq!(String::from_utf8(record.to_bytes()).unwrap(), expected);
    assert_eq!(Record::parse(expected.as_bytes()).unwrap(), record);
}

#[test]
fn private_fields_are_not_in_the_record_and_open_it() {
    let text = |text| PrivateText::new(text).unwrap();
    let at = Timestamp::from_micros(0);
    let event = Event::new(
        at,
        Actor::User(text("ada@example.org")),
        Action::KeyRevoked,
        Target::Instance,
    )
    .address("::ffff:192.0.2.7".parse().unwrap())
    .note(text("left the company"))
    .subject(text("bob"));
    let (record, openings) = record(&event);
    let bytes = String::from_utf8(record.to_bytes()).unwrap();
    let values = ["ada@example.org", "192.0.2.7", "left the company", "bob"];
    assert_eq!(openings.len(), values.len());
    for ((opening, value), field) in openings.iter().zip(values).zip(Field::ALL) {
        assert!(!bytes.contains(value));
        assert_eq!((opening.field, opening.value.expose()), (field, value));
        assert!(record.is_opened_by(opening));
        let other = |opening: Opening| assert!(!record.is_opened_by(&opening), "{opening:?}");
        other(Opening {
            value: text("eve"),
            ..opening.clone()
        });
        other(Opening {
            salt: [0; 32],
            ..opening.clone()
        });
        other(Opening {
            seq: 11,
            ..opening.clone()
        });
    }
    assert_eq!(Record::parse(bytes.as_bytes()).unwrap(), record);
}

#[test]
fn bytes_that_are_not_exactly_a_record_are_refused() {
    let (record, _) = record(&refusal());
    let good = String::from_utf8(record.to_bytes()).unwrap();
    for (from, to) in [
        ("{\"action\"", "{ \"action\""),
        ("\"v\":1}", "\"v\":1} "),
        ("\"v\":1}", "\"v\":1,\"w\":1}"),
        ("\"v\":1}", "\"v\":1,\"v\":1}"),
        ("\"v\":1}", "\"v\":1.0}"),
        ("\"seq\":12", "\"seq\":012"),
        ("\"seq\":12", "\"seq\":9007199254740992"),
        ("\"left_out\":41", "\"left_out\":41,\"size\":1"),
        ("\"left_out\":41", "\"left_out\":41,\"size\":null"),
        ("\"left_out\":41", "\"left_out\":-1"),
        ("request.refused", "request.forgiven"),
        ("request.refused", "key.minted"),
        ("ip_not_allowed", "ip not allowed"),
        ("ip_not_allowed", "ip_not_\\u0061llowed"),
        ("\"outcome\":\"refused\"", "\"outcome\":\"denied\""),
        ("\"kind\":\"key\"},\"at\"", "\"kind\":\"user\"},\"at\""),
        ("e3b0c442", "E3B0C442"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        assert_eq!(
            Record::parse(bad.as_bytes()),
            Err(InvalidRecord::Form),
            "{bad}"
        );
    }
    assert_eq!(Record::parse(b""), Err(InvalidRecord::Form));
    assert_eq!(
        Record::parse(&[b' '; Record::MAX_LEN + 1]),
        Err(InvalidRecord::Form)
    );
}

#[test]
fn a_later_version_is_told_apart_from_damage() {
    let later = record(&refusal()).0.to_bytes();
    let later = String::from_utf8(later).unwrap();
    let later = later.replace("\"v\":1}", "\"v\":2,\"w\":{}}");
    assert_eq!(
        Record::parse(later.as_bytes()),
        Err(InvalidRecord::Version(2))
    );
    let later = later.replace("\"v\":2,\"w\":{}}", "\"v\":2}");
    assert_eq!(
        Record::parse(later.as_bytes()),
        Err(InvalidRecord::Version(2))
    );
}
