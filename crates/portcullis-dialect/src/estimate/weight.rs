//! The most tokens that a piece of JSON text can be.

/// At most this many tokens: one for each byte of the text, as the provider may normalise it.
///
/// A token of a byte-level tokenizer covers at least one byte of the text, and JSON never writes a
/// text in fewer bytes. Some tokenizers bring text into normalisation form KC first (UAX 15), which
/// makes one character up to eleven times as long: each character counts as what it can become.
pub(super) fn of(json: &str) -> u64 {
    let mut rest = json;
    let mut weight = 0_u64;
    // Plain ASCII is counted by its length; what follows a plain part is one character or escape.
    while let Some(at) = rest.find(|c: char| c == '\\' || !c.is_ascii()) {
        let (plain, special) = rest.split_at(at);
        let (length, special_weight) = first(special);
        weight = weight.saturating_add(plain.len() as u64 + special_weight);
        rest = special.split_at(length).1;
    }
    weight.saturating_add(rest.len() as u64)
}

/// The length and weight of the character or escape at the start of `text`.
fn first(text: &str) -> (usize, u64) {
    if let Some(escape) = text.strip_prefix('\\') {
        // An escape is ASCII, and one of half a character (a surrogate) is longer than what it becomes.
        let code = escape.strip_prefix('u').and_then(|hex| hex.get(..4));
        let code = code.and_then(|hex| u32::from_str_radix(hex, 16).ok());
        return match (code, code.and_then(char::from_u32)) {
            (Some(_), Some(c)) => (6, of_char(c).max(6)),
            (Some(_), None) => (6, 6),
            (None, _) => (text.len().min(2), 2),
        };
    }
    let c = text.chars().next().unwrap_or_default();
    (c.len_utf8(), of_char(c))
}

/// The bytes of a character in UTF-8, normalised or not.
fn of_char(c: char) -> u64 {
    let bytes = c.len_utf8() as u64;
    let after = LONGER.partition_point(|(first, _, _)| *first <= c);
    match after.checked_sub(1).and_then(|at| LONGER.get(at)) {
        Some((_, last, longest)) if c <= *last => bytes.max(*longest),
        _ => bytes,
    }
}

/// Ranges with characters that form KC (or C) makes longer, and the bytes that the longest of them
/// has then. From the Unicode Character Database; the stability policy keeps it for all characters
/// that are assigned.
const LONGER: [(char, char, u64); 36] = [
    ('\u{a8}', '\u{be}', 5),
    ('\u{13f}', '\u{149}', 3),
    ('\u{1c4}', '\u{1c6}', 3),
    ('\u{2d8}', '\u{2dd}', 3),
    ('\u{344}', '\u{385}', 5),
    ('\u{587}', '\u{587}', 4),
    ('\u{675}', '\u{678}', 4),
    ('\u{958}', '\u{95f}', 6),
    ('\u{9dc}', '\u{9df}', 6),
    ('\u{a33}', '\u{a5e}', 6),
    ('\u{b5c}', '\u{b5d}', 6),
    ('\u{e33}', '\u{e33}', 6),
    ('\u{eb3}', '\u{edd}', 6),
    ('\u{f43}', '\u{fb9}', 9),
    ('\u{1fc1}', '\u{1fee}', 5),
    ('\u{2033}', '\u{2057}', 12),
    ('\u{2150}', '\u{2189}', 6),
    ('\u{222c}', '\u{2230}', 9),
    ('\u{247d}', '\u{2487}', 4),
    ('\u{2a0c}', '\u{2a0c}', 12),
    ('\u{2adc}', '\u{2adc}', 5),
    ('\u{309b}', '\u{309f}', 6),
    ('\u{30ff}', '\u{30ff}', 6),
    ('\u{3200}', '\u{327d}', 8),
    ('\u{32c0}', '\u{33fe}', 18),
    ('\u{fa6c}', '\u{fa6c}', 4),
    ('\u{facf}', '\u{fb4f}', 6),
    ('\u{fbdd}', '\u{fdf9}', 8),
    ('\u{fdfa}', '\u{fdfa}', 33),
    ('\u{fdfb}', '\u{fdfc}', 15),
    ('\u{fe71}', '\u{fe7f}', 4),
    ('\u{fef5}', '\u{fefc}', 4),
    ('\u{1d15e}', '\u{1d164}', 12),
    ('\u{1d1bb}', '\u{1d1c0}', 12),
    ('\u{1f12a}', '\u{1f12a}', 7),
    ('\u{1f200}', '\u{1f248}', 9),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_at_most_a_token_for_each_byte() {
        for (json, weight) in [
            ("", 0),
            ("\"abc\"", 5),
            ("\u{e9}", 2),
            ("a\u{4e2d}b", 5),
            ("\u{1f600}", 4),
            ("[1,22]", 6),
        ] {
            assert_eq!(of(json), weight, "{json}");
        }
    }

    #[test]
    fn an_escape_is_not_less_than_what_it_stands_for() {
        for (json, weight) in [
            (r#""\n""#, 4),
            (r"\u00e9", 6),
            (r"\ud83d\ude00", 12),
            (r"\ufdfa", 33),
            (r"\uFDFAx", 34),
            (r"\\ufdfa", 7),   // a backslash, and letters
            (r"\\\ufdfa", 35), // a backslash, and the character
        ] {
            assert_eq!(of(json), weight, "{json}");
        }
    }

    #[test]
    fn a_character_counts_as_what_it_is_normalised_to() {
        for (c, weight) in [
            ('\u{fdfa}', 33), // four words and their spaces
            ('\u{fdfb}', 15),
            ('\u{3316}', 18), // six katakana
            ('\u{33fe}', 18),
            ('\u{33ff}', 3),
            ('\u{2057}', 12), // four primes
            ('\u{bc}', 5),    // 1, a fraction slash, 4
            ('\u{bf}', 2),
            ('\u{1d160}', 12),
            ('\u{32bf}', 3),
        ] {
            assert_eq!(of(&c.to_string()), weight, "{c:?}");
        }
    }

    #[test]
    fn the_ranges_are_in_order() {
        let pairs = LONGER.iter().zip(LONGER.iter().skip(1));
        assert!(LONGER.iter().all(|(first, last, _)| first <= last));
        assert!(
            pairs
                .into_iter()
                .all(|((_, last, _), (next, _, _))| last < next)
        );
    }
}
