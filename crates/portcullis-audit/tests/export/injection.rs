//! Texts that try to become something else.

use portcullis_audit::*;

use crate::read_back::{actions, assert_one_visible_line, expected, spelled};
use crate::readers::{csv_rows, read, read_csv};
use crate::records::{FORMATS, sealed, told};

/// What a private text may hold.
const HOSTILE: &[&str] = &[
    "=cmd|' /C calc'!A0",
    "=HYPERLINK(\"http://198.51.100.1\",\"ok\")",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "'=1",
    "''",
    "\u{ff1d}1\u{ff0b}1",
    "\u{ff0b}1",
    "\u{ff0d}1",
    "\u{ff20}SUM(A1)",
    "\u{200b}=1",
    "x,=1",
    "\",\"=1",
    "\"quoted\"",
    "\\",
    "\\\\",
    "\\\"",
    "\\|",
    "a|b|c",
    "act=key.minted externalId=0",
    "x externalId=999",
    "x\\ externalId=999",
    " leading and trailing ",
    "]",
    "\\]",
    "\"] injected",
    "\"][fake@1 log=\"x\"]",
    "}",
    "\",\"seq\":0,\"x\":\"",
    "</script><script>alert(1)</script>",
    "\u{202e}nimda\u{202c}",
    "\u{2066}admin\u{2069}",
    "\u{200f}\u{200e}",
    "a\u{2028}<34>1 - - - - - - forged",
    "a\u{2029}b",
    "\u{feff}bom",
    "\u{e0041}\u{e0042}",
    "\u{fff9}a\u{fffa}b\u{fffb}",
    "\u{e4}\u{f6}\u{fc} \u{65e5}\u{672c}\u{8a9e} \u{1f600}",
    "\u{5e9}\u{5dc}\u{5d5}\u{5dd}",
    "e\u{301}",
    "\\n\\r\\u0000",
    "%0a%0d",
    "<U+202E>",
];

#[test]
fn no_text_leaves_its_field_in_any_format() {
    for &text in HOSTILE {
        for action in [&actions()[0], &Action::KeyMinted] {
            let event = told(action.clone(), text, text, text);
            let sealed = &sealed(&[event])[0];
            for format in FORMATS {
                let line = format.export(&sealed.open());
                assert_one_visible_line(&format, &line);
                // CSV has its own tests below, in one file.
                if format != Format::Csv {
                    let read = read(&format, &line);
                    assert_eq!(read, expected(&format, sealed), "{format:?} {text}");
                }
            }
        }
    }
}

#[test]
fn the_subject_of_a_role_stays_in_its_field() {
    let mut actions = actions().iter();
    let role = actions
        .find(|action| action.word() == "role.granted")
        .unwrap();
    for &text in HOSTILE {
        let sealed = &sealed(&[told(role.clone(), text, text, text)])[0];
        for format in [Format::Ocsf, Format::Ecs] {
            let line = format.export(&sealed.open());
            assert_eq!(read(&format, &line), expected(&format, sealed), "{text}");
        }
    }
}

#[test]
fn a_private_text_has_no_line_breaks_and_no_control_characters_to_begin_with() {
    for text in [
        "a\nb",
        "a\r\nb",
        "\0",
        "\u{1b}[2J",
        "\u{7f}",
        "\u{85}",
        "\t=1",
    ] {
        assert!(PrivateText::new(text).is_err(), "{text:?}");
    }
}

#[test]
fn no_text_leaves_its_cell_and_none_begins_with_what_a_spreadsheet_calculates() {
    let events: Vec<Event> = HOSTILE
        .iter()
        .map(|text| told(Action::KeyMinted, text, text, text))
        .collect();
    let mut file = Format::Csv.header();
    let records = sealed(&events);
    for sealed in &records {
        file.extend(Format::Csv.export(&sealed.open()));
    }
    let rows = csv_rows(&file);
    assert_eq!(rows.len(), HOSTILE.len());
    let formula = [
        "=", "+", "-", "@", "\u{ff1d}", "\u{ff0b}", "\u{ff0d}", "\u{ff20}",
    ];
    for cell in rows.iter().flat_map(|row| row.values()) {
        assert!(!formula.iter().any(|sign| cell.starts_with(sign)), "{cell}");
    }
    assert_eq!(
        read_csv(&file),
        records
            .iter()
            .map(|sealed| expected(&Format::Csv, sealed))
            .collect::<Vec<_>>()
    );
    for (row, text) in rows.iter().zip(HOSTILE) {
        // One apostrophe was put in front of what begins with a sign or an apostrophe, and of nothing else.
        let spelled = spelled(text);
        let guarded =
            spelled.starts_with('\'') || formula.iter().any(|sign| spelled.starts_with(sign));
        let wanted = if guarded {
            format!("'{spelled}")
        } else {
            spelled
        };
        assert_eq!(row["note"], wanted);
    }
}
