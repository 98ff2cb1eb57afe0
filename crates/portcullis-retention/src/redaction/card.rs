//! Numbers of payment cards (ISO/IEC 7812).

use super::{Finding, begins_word, ends_word};

/// Adds every number of a known scheme with a right check digit, with spaces or dashes between groups or without.
pub(super) fn find(text: &str, found: &mut Vec<Finding>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let begins = bytes.get(at).is_some_and(u8::is_ascii_digit) && begins_word(bytes, at);
        if begins
            && !fraction(bytes, at)
            && let Some(length) = card(bytes, at)
        {
            found.push(Finding {
                range: at..at + length,
                rule: RULE,
            });
            at += length;
        } else {
            at += 1;
        }
    }
}

/// Whether the digits at `at` are those after a decimal point.
fn fraction(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(..at), Some([.., before, b'.']) if before.is_ascii_digit())
}

/// How many bytes the longest number at `start` takes.
fn card(bytes: &[u8], start: usize) -> Option<usize> {
    let rest = bytes.get(start..)?;
    let mut digits = Vec::with_capacity(MAX_DIGITS);
    let mut longest = None;
    let mut separated = false;
    for (offset, byte) in rest.iter().enumerate() {
        if byte.is_ascii_digit() {
            digits.push(u32::from(byte - b'0'));
            separated = false;
        } else if matches!(byte, b' ' | b'-') && !separated {
            separated = true;
            continue;
        } else {
            break;
        }
        if digits.len() > MAX_DIGITS {
            break;
        }
        let end = offset + 1;
        if ends_word(bytes, start + end) && scheme(&digits) && luhn(&digits) {
            longest = Some(end);
        }
    }
    longest
}

/// Whether the digits begin, and are as many, as those of a scheme. Without this, every tenth long number would be one.
fn scheme(digits: &[u32]) -> bool {
    let prefix = |length: usize| {
        digits
            .iter()
            .take(length)
            .fold(0, |number, digit| number * 10 + digit)
    };
    let (one, two, three, four) = (prefix(1), prefix(2), prefix(3), prefix(4));
    match digits.len() {
        13 => one == 4,
        14 => matches!(three, 300..=305) || matches!(two, 36 | 38 | 39),
        15 => matches!(two, 34 | 37),
        16 => {
            let visa_or_mastercard =
                one == 4 || matches!(two, 51..=55) || matches!(four, 2221..=2720);
            let discover = four == 6011 || two == 65 || matches!(three, 644..=649);
            let others = matches!(four, 3528..=3589 | 2200..=2204)
                || matches!(two, 50 | 56..=58 | 60 | 62 | 63 | 67);
            visa_or_mastercard || discover || others
        }
        17 | 18 => matches!(two, 50 | 56..=58 | 62 | 63 | 67),
        19 => one == 4 || matches!(two, 50 | 56..=58 | 62 | 63 | 67),
        _ => false,
    }
}

/// The check digit of ISO/IEC 7812-1, annex B.
fn luhn(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => *digit,
            (_, double) => double / 10 + double % 10,
        })
        .sum();
    sum.is_multiple_of(10)
}

const RULE: &str = "card_number";
const MAX_DIGITS: usize = 19;
