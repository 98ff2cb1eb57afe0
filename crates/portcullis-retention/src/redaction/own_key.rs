//! Keys of this gateway: `{brand}_{env}_` and 61 characters of base62 (`spec/key-format.md`).

use super::Finding;

/// Adds texts of the shape of a key, or those of them that `check` takes for one.
pub(super) fn find(text: &str, check: Option<fn(&[u8]) -> bool>, found: &mut Vec<Finding>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        let run = rest.iter().take_while(|byte| word(**byte)).count();
        // In `%3Dmr_live_..` the key begins after the two digits.
        let encoded = at > 0 && bytes.get(at - 1) == Some(&b'%') && run > 2;
        let skip = if encoded { 2 } else { 0 };
        if let Some(start) = key(rest.get(skip..run).unwrap_or_default(), check) {
            let range = at + skip + start..at + run;
            found.push(Finding { range, rule: RULE });
        }
        at += run.max(1);
    }
}

/// Where the key begins that a word ends with.
fn key(word: &[u8], check: Option<fn(&[u8]) -> bool>) -> Option<usize> {
    let tail_at = word.len().checked_sub(TAIL)?;
    let (prefix, tail) = word.split_at(tail_at);
    if !tail.iter().all(u8::is_ascii_alphanumeric) {
        return None;
    }
    let mut rest = prefix.strip_suffix(b"_")?;
    let mut parts = 0_usize;
    let mut starts = Vec::new();
    // From the right: the environment, then one or more parts of the brand.
    while prefix.len() - rest.len() <= MAX_PREFIX {
        let cut = rest.iter().rposition(|byte| *byte == b'_');
        let start = cut.map_or(0, |cut| cut + 1);
        let part = rest.get(start..).unwrap_or_default();
        let lower = part
            .iter()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if part.is_empty() || !lower {
            break;
        }
        parts += 1;
        let letter = part.first().is_some_and(u8::is_ascii_lowercase);
        if parts == 1 && !letter {
            break;
        }
        if parts > 1 && letter {
            starts.push(start);
        }
        match cut {
            Some(cut) => rest = rest.get(..cut).unwrap_or_default(),
            None => break,
        }
    }
    // The longest that it can be.
    let mut starts = starts.into_iter().rev();
    match check {
        Some(check) => starts.find(|start| word.get(*start..).is_some_and(check)),
        None => starts.next(),
    }
}

fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

const RULE: &str = "gateway_key";

/// Id, secret and checksum.
const TAIL: usize = 12 + 43 + 6;

/// Brand and environment with their underscores, at most.
const MAX_PREFIX: usize = 38;
