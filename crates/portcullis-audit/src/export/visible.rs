//! Characters that do not show, or make others show elsewhere.

/// Whether a character is written as its number: control characters, what reorders text (the `Bidi_Control` of UAX 9),
/// what some programs take for the end of a line, and what has no width and no use in a name. Joiners stay: scripts need
/// them.
pub(super) const fn is_hidden(character: char) -> bool {
    matches!(
        character,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
            | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            | '\u{2028}' | '\u{2029}'
            | '\u{ad}' | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// Writes a text for a format that has no escapes for such characters: they become `<U+202E>`.
pub(super) fn push(out: &mut Vec<u8>, text: &str, mut visible: impl FnMut(&mut Vec<u8>, char)) {
    for character in text.chars() {
        if is_hidden(character) {
            let number = u32::from(character);
            out.extend_from_slice(format!("<U+{number:04X}>").as_bytes());
        } else {
            visible(out, character);
        }
    }
}

/// Writes a character as UTF-8.
pub(super) fn character(out: &mut Vec<u8>, character: char) {
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(text: &str) -> String {
        let mut out = Vec::new();
        push(&mut out, text, character);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn no_control_character_passes() {
        for each in '\0'..=char::MAX {
            assert!(is_hidden(each) || !each.is_control(), "{each:?}");
        }
        assert_eq!(
            spelled("a\r\nb\0\u{85}"),
            "a<U+000D><U+000A>b<U+0000><U+0085>"
        );
    }

    #[test]
    fn no_end_of_line_passes_that_a_reader_may_see() {
        // What `str.splitlines` of Python takes for one.
        for end in "\n\r\u{b}\u{c}\u{1c}\u{1d}\u{1e}\u{85}\u{2028}\u{2029}".chars() {
            assert!(is_hidden(end), "{end:?}");
        }
    }

    #[test]
    fn nothing_that_changes_the_direction_of_text_passes() {
        // Bidi_Control of UAX 9, table 4.
        let controls = "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
        assert!(controls.chars().all(is_hidden));
        assert_eq!(spelled("\u{202e}x\u{e0041}"), "<U+202E>x<U+E0041>");
    }

    #[test]
    fn texts_of_all_scripts_stay_as_they_are() {
        for text in [
            "f\u{fc}r Ada",
            "\u{5e9}\u{5dc}\u{5d5}\u{5dd}",
            "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
            "\u{1f469}\u{200d}\u{1f4bb}",
            "<>&",
        ] {
            assert_eq!(spelled(text), text);
        }
    }
}
