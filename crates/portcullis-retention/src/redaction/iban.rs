//! International bank account numbers (ISO 13616).

use super::{Finding, begins_word, ends_word};

/// Adds every number whose country, length and check digits are right, with spaces or dashes or without.
pub(super) fn find(text: &str, found: &mut Vec<Finding>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(start) = next(bytes, at) {
        at = start + 1;
        if let Some(length) = iban(bytes, start) {
            at = start + length;
            found.push(Finding {
                range: start..at,
                rule: RULE,
            });
        }
    }
}

/// Where two letters and two digits stand next.
fn next(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let start = |four: &[u8]| match four {
        [a, b, c, d] => {
            a.is_ascii_alphabetic()
                && b.is_ascii_alphabetic()
                && c.is_ascii_digit()
                && d.is_ascii_digit()
        }
        _ => false,
    };
    rest.windows(4).position(start).map(|offset| from + offset)
}

/// How many bytes the number at `start` takes.
fn iban(bytes: &[u8], start: usize) -> Option<usize> {
    if !begins_word(bytes, start) {
        return None;
    }
    let rest = bytes.get(start..)?;
    let country = rest.get(..2)?.to_ascii_uppercase();
    let (_, length) = LENGTHS
        .iter()
        .find(|(name, _)| name.as_bytes() == country)?;
    let mut symbols = Vec::with_capacity(*length);
    let mut taken = 0;
    let mut separated = true; // none before the first
    for byte in rest {
        if symbols.len() == *length {
            break;
        }
        if byte.is_ascii_alphanumeric() {
            symbols.push(*byte);
            separated = false;
        } else if matches!(byte, b' ' | b'-') && !separated {
            separated = true;
        } else {
            return None;
        }
        taken += 1;
    }
    let whole = symbols.len() == *length && ends_word(bytes, start + taken);
    (whole && mod_97(&symbols) == Some(1)).then_some(taken)
}

/// ISO 7064: the first four to the end, letters as 10 to 35, the rest after division by 97.
fn mod_97(symbols: &[u8]) -> Option<u32> {
    let (head, tail) = symbols.split_at_checked(4)?;
    tail.iter().chain(head).try_fold(0, |rest, symbol| {
        let value = char::from(*symbol).to_digit(36)?;
        let shift = if value < 10 { 10 } else { 100 };
        Some((rest * shift + value) % 97)
    })
}

const RULE: &str = "iban";

/// Countries and how many characters their numbers have, from the IBAN registry.
const LENGTHS: &[(&str, usize)] = &[
    ("AD", 24),
    ("AE", 23),
    ("AL", 28),
    ("AT", 20),
    ("AZ", 28),
    ("BA", 20),
    ("BE", 16),
    ("BG", 22),
    ("BH", 22),
    ("BI", 27),
    ("BR", 29),
    ("BY", 28),
    ("CH", 21),
    ("CR", 22),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DJ", 27),
    ("DK", 18),
    ("DO", 28),
    ("EE", 20),
    ("EG", 29),
    ("ES", 24),
    ("FI", 18),
    ("FK", 18),
    ("FO", 18),
    ("FR", 27),
    ("GB", 22),
    ("GE", 22),
    ("GI", 23),
    ("GL", 18),
    ("GR", 27),
    ("GT", 28),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IL", 23),
    ("IQ", 23),
    ("IS", 26),
    ("IT", 27),
    ("JO", 30),
    ("KW", 30),
    ("KZ", 20),
    ("LB", 28),
    ("LC", 32),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("LY", 25),
    ("MC", 27),
    ("MD", 24),
    ("ME", 22),
    ("MK", 19),
    ("MN", 20),
    ("MR", 27),
    ("MT", 31),
    ("MU", 30),
    ("NI", 28),
    ("NL", 18),
    ("NO", 15),
    ("OM", 23),
    ("PK", 24),
    ("PL", 28),
    ("PS", 29),
    ("PT", 25),
    ("QA", 29),
    ("RO", 24),
    ("RS", 22),
    ("RU", 33),
    ("SA", 24),
    ("SC", 31),
    ("SD", 18),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("SM", 27),
    ("SO", 23),
    ("ST", 25),
    ("SV", 28),
    ("TL", 23),
    ("TN", 24),
    ("TR", 26),
    ("UA", 29),
    ("VA", 22),
    ("VG", 24),
    ("XK", 20),
    ("YE", 30),
];
