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
