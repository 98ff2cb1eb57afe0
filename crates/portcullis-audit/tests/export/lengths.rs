//! The longest records there are.

use portcullis_audit::*;

use crate::read_back::{actions, assert_one_visible_line, expected};
use crate::readers::read;
use crate::records::{FORMATS, Sealed, sealed, told};

/// 64 changes, and texts of 1,024 bytes that every format escapes.
pub(crate) fn longest() -> Sealed {
    let text = "\"".repeat(PrivateText::MAX_LEN);
    let settings = actions().iter().find(|action| {
        matches!(action, Action::OrganizationRetentionChanged(settings) if settings.changes().len() == Settings::MAX)
    });
    sealed(&[told(settings.unwrap().clone(), &text, &text, &text)]).remove(0)
}

#[test]
fn the_longest_record_is_read_back_from_every_format() {
    let sealed = longest();
    for format in FORMATS {
        let line = format.export(&sealed.open());
        assert_one_visible_line(&format, &line);
        if format != Format::Csv {
            assert_eq!(read(&format, &line), expected(&format, &sealed));
        }
    }
}

#[test]
fn details_that_do_not_fit_into_cef_are_said_to_be_elsewhere() {
    let line = String::from_utf8(Format::Cef.export(&longest().open())).unwrap();
    assert!(line.contains(" cs4=too long for CEF; see the record cs5Label="));
    let short = sealed(&[told(actions()[0].clone(), "a", "n", "s")]).remove(0);
    let line = String::from_utf8(Format::Cef.export(&short.open())).unwrap();
    assert!(line.contains(" cs4={\""));
}

#[test]
fn a_custom_string_of_cef_holds_what_fits_to_the_last_byte() {
    let change = |setting, after| Change {
        after: Some(Count::new(after)),
        before: None,
        setting: Word::new(setting).unwrap(),
    };
    // Details of exactly so many bytes.
    let details = |length: usize| {
        let setting = "a_word_of_the_program_that_has_forty_ch0";
        let one = format!("{{\"after\":1,\"setting\":\"{setting}\"}},").len();
        let count = (length - "{\"changes\":[]}".len() + 1) / one;
        let left = (length - "{\"changes\":[]}".len() + 1) % one;
        let mut changes = vec![change(setting, 1); count];
        // The rest are further digits, at most 15 for each.
        let mut left = u32::try_from(left).unwrap();
        for change in &mut changes {
            let digits = left.min(15);
            change.after = Some(Count::new(10_u64.pow(digits)));
            left -= digits;
        }
        Action::KeyLimitsChanged(Settings::new(changes).unwrap())
    };
    for (length, fits) in [(3_999, true), (4_000, true), (4_001, false)] {
        let sealed = sealed(&[told(details(length), "a", "n", "s")]).remove(0);
        let csv = String::from_utf8(Format::Csv.export(&sealed.open())).unwrap();
        let (_, cell) = csv.split_once(",\"{").unwrap();
        let (cell, _) = cell.split_once("}\",").unwrap();
        assert_eq!(cell.replace("\"\"", "\"").len() + "{}".len(), length);
        let line = String::from_utf8(Format::Cef.export(&sealed.open())).unwrap();
        assert_eq!(line.contains("cs4={"), fits, "{length}");
    }
}
