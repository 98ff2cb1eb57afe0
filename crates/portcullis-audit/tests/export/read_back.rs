//! Whatever a record holds, every format has one line for it, and that line is read back as the record.

use std::net::IpAddr;
use std::sync::OnceLock;

use portcullis_audit::*;
use proptest::prelude::*;

use crate::readers::{Read, read, read_csv};
use crate::records::{FORMATS, Sealed, sealed, told};
use crate::samples::events;

/// What a format without escapes makes of a text: characters that do not show become their numbers.
pub(crate) fn spelled(text: &str) -> String {
    let hidden = |character: char| {
        character.is_control()
            || "\u{ad}\u{61c}\u{200b}\u{200e}\u{200f}\u{2028}\u{2029}\u{feff}".contains(character)
            || ('\u{202a}'..='\u{202e}').contains(&character)
            || ('\u{2060}'..='\u{2064}').contains(&character)
            || ('\u{2066}'..='\u{2069}').contains(&character)
            || ('\u{fff9}'..='\u{fffb}').contains(&character)
            || ('\u{e0000}'..='\u{e007f}').contains(&character)
    };
    let spell = |character: char| match hidden(character) {
        true => format!("<U+{:04X}>", u32::from(character)),
        false => character.to_string(),
    };
    text.chars().map(spell).collect()
}

/// What has to be read from a line of this format.
pub(crate) fn expected(format: &Format, sealed: &Sealed) -> Read {
    let value = |field: Field| {
        let mut openings = sealed.openings.iter();
        let opening = openings.find(|opening| opening.field == field)?;
        let text = opening.value.expose();
        Some(match [Format::Ecs, Format::Ocsf].contains(format) {
            true => text.to_owned(),
            false => spelled(text),
        })
    };
    Read {
        log: sealed.record.log().to_string(),
        seq: sealed.record.seq().to_string(),
        action: sealed.record.action().word().to_owned(),
        actor: value(Field::Actor),
        note: value(Field::Note),
        subject: value(Field::Subject),
    }
}

/// One line, at the end of which it ends; without a character that does not show.
pub(crate) fn assert_one_visible_line(format: &Format, line: &[u8]) {
    let text = std::str::from_utf8(line).unwrap();
    let end = if *format == Format::Csv { "\r\n" } else { "\n" };
    let body = text.strip_suffix(end).unwrap();
    assert_eq!(body, spelled(body), "{format:?}");
}

#[test]
fn every_kind_of_record_is_read_back_from_every_format() {
    let records = sealed(&events(500));
    for format in FORMATS {
        if format == Format::Csv {
            continue; // Below, in one file.
        }
        for sealed in &records {
            let line = format.export(&sealed.open());
            assert_one_visible_line(&format, &line);
            let read = read(&format, &line);
            assert_eq!(read, expected(&format, sealed), "{format:?}");
        }
    }
    let mut file = Format::Csv.header();
    for sealed in &records {
        let line = Format::Csv.export(&sealed.open());
        assert_one_visible_line(&Format::Csv, &line);
        file.extend(line);
    }
    let wanted = records.iter().map(|sealed| expected(&Format::Csv, sealed));
    assert_eq!(read_csv(&file), wanted.collect::<Vec<_>>());
}

#[test]
fn the_entry_is_in_the_line_byte_for_byte_where_the_format_has_a_place_for_it() {
    for sealed in sealed(&events(100)) {
        let entry = String::from_utf8(sealed.record.to_bytes()).unwrap();
        let leaf = Hash::leaf(entry.as_bytes()).to_string();
        let json = |format: Format| -> serde_json::Value {
            serde_json::from_slice(&format.export(&sealed.open())).unwrap()
        };
        let (ocsf, ecs) = (json(Format::Ocsf), json(Format::Ecs));
        assert_eq!(ocsf["raw_data"], *entry);
        assert_eq!(ocsf["unmapped"]["audit"]["leaf"], *leaf);
        assert_eq!(ecs["event"]["original"], *entry);
        assert_eq!(ecs["event"]["hash"], *leaf);
        let syslog = FORMATS[4].export(&sealed.open());
        let syslog = String::from_utf8(syslog).unwrap();
        assert!(syslog.ends_with(&format!("] {entry}\n")));
        for format in FORMATS {
            let line = String::from_utf8(format.export(&sealed.open())).unwrap();
            assert!(line.contains(&leaf), "{format:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_the_texts_are_a_line_is_read_back(
        kind in any::<prop::sample::Index>(),
        [actor, note, subject] in [text(), text(), text()],
        address in any::<IpAddr>(),
    ) {
        let action = kind.get(actions()).clone();
        let event = told(action, &actor, &note, &subject).address(address);
        let sealed = &sealed(&[event])[0];
        for format in FORMATS {
            let line = format.export(&sealed.open());
            assert_one_visible_line(&format, &line);
            if format != Format::Csv {
                prop_assert_eq!(read(&format, &line), expected(&format, sealed));
            }
        }
    }
}

/// Every action.
pub(crate) fn actions() -> &'static [Action] {
    static ACTIONS: OnceLock<Vec<Action>> = OnceLock::new();
    ACTIONS.get_or_init(|| {
        let records = sealed(&events(Action::WORDS.len()));
        let actions = records.iter().map(|sealed| sealed.record.action().clone());
        actions.collect()
    })
}

/// Texts of characters that mean something to one of the formats, and of any others.
fn text() -> impl Strategy<Value = String> {
    let special: Vec<char> =
        "\"'\\|=,;][{}<>@+-\t \u{202e}\u{2066}\u{2028}\u{feff}\u{e0041}\u{ff1d}\u{e4}\u{1f600}"
            .chars()
            .collect();
    let character = prop_oneof![prop::sample::select(special), any::<char>()];
    let characters = prop::collection::vec(character, 1..60);
    characters.prop_map(|characters| {
        let text: String = characters.into_iter().filter(|c| !c.is_control()).collect();
        if text.is_empty() {
            "x".to_owned()
        } else {
            text
        }
    })
}
