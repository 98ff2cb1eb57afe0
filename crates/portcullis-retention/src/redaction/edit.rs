//! Changes to a text, put together and made.

use std::ops::Range;

use super::{RuleCounts, placeholder};

/// One change of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) range: Range<usize>,
    pub(super) rule: &'static str,
    pub(super) instead: Instead,
}

/// What takes the place of what is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Instead {
    /// The name of the rule in brackets.
    Placeholder,
    /// A number, where only a number may stand.
    Zero,
    /// Nothing: the rest of a match whose placeholder stands further up.
    Nothing,
}

/// The text with all changes made, each counted once by its rule. Of changes that overlap, the one that begins first gives
/// the rule, then the one that was found first.
pub(super) fn apply(text: &str, mut edits: Vec<Edit>, counts: &mut RuleCounts) -> String {
    for edit in &mut edits {
        edit.range.start = text.floor_char_boundary(edit.range.start);
        edit.range.end = text.ceil_char_boundary(edit.range.end);
    }
    edits.retain(|edit| edit.range.start < edit.range.end);
    edits.sort_by_key(|edit| edit.range.start); // stable
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    let mut edits = edits.into_iter().peekable();
    while let Some(mut edit) = edits.next() {
        while let Some(next) = edits.next_if(|next| next.range.start < edit.range.end) {
            edit.range.end = edit.range.end.max(next.range.end);
        }
        out.push_str(text.get(done..edit.range.start).unwrap_or_default());
        match edit.instead {
            Instead::Placeholder => out.push_str(&placeholder(edit.rule)),
            Instead::Zero => out.push('0'),
            Instead::Nothing => {}
        }
        if edit.instead != Instead::Nothing {
            counts.add(edit.rule);
        }
        done = edit.range.end;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(range: Range<usize>, rule: &'static str) -> Edit {
        let instead = Instead::Placeholder;
        Edit {
            range,
            rule,
            instead,
        }
    }

    fn applied(text: &str, edits: impl IntoIterator<Item = Edit>) -> (String, String) {
        let mut counts = RuleCounts::default();
        let text = apply(text, edits.into_iter().collect(), &mut counts);
        (text, counts.to_string())
    }

    #[test]
    fn overlapping_changes_are_one_and_touching_ones_are_two() {
        let (text, counts) = applied(
            "abcdef",
            [edit(3..5, "y"), edit(1..4, "x"), edit(5..6, "z")],
        );
        assert_eq!(text, "a[redacted:x][redacted:z]");
        assert_eq!(counts, "x=1 z=1");
    }

    #[test]
    fn a_range_that_no_text_has_does_no_harm() {
        let edits = [
            edit(1..2, "x"),
            edit(9..12, "y"),
            edit(4..4, "z"),
            edit(70..90, "w"),
        ];
        let (text, counts) = applied("\u{20ac}uro", edits);
        assert_eq!((&*text, &*counts), ("[redacted:x]uro", "x=1"));
    }

    #[test]
    fn a_rule_with_a_strange_name_cannot_break_json() {
        assert_eq!(applied("abc", [edit(0..3, "\",\"x")]).0, "[redacted]");
    }
}
