//! E-mail addresses.

use super::Finding;

/// Adds everything that looks like `local@domain.tld`, with `@` or `%40`.
pub(super) fn find(text: &str, found: &mut Vec<Finding>) {
    for (at, sign) in text.match_indices(['@', '%']) {
        let sign = if sign == "@" { "@" } else { "%40" };
        let Some(after) = text.get(at..).and_then(|rest| rest.strip_prefix(sign)) else {
            continue;
        };
        let local = local_len(text.get(..at).unwrap_or_default());
        if local == 0 {
            continue;
        }
        if let Some(domain) = domain_len(after) {
            let end = at + sign.len() + domain;
            found.push(Finding {
                range: at - local..end,
                rule: RULE,
            });
        }
    }
}

/// How long the local part at the end of a text is: letters, also beyond ASCII (RFC 6531), digits and the signs that people
/// have in addresses. RFC 5322 allows `=`, `&` or `/` too, but there they separate an address from what stands before it.
fn local_len(before: &str) -> usize {
    let part = |c: &char| c.is_alphanumeric() || "._+-'~".contains(*c);
    let length: usize = before
        .chars()
        .rev()
        .take_while(part)
        .take(MAX_LOCAL)
        .map(char::len_utf8)
        .sum();
    let local = before.get(before.len() - length..).unwrap_or_default();
    let encoded = before
        .strip_suffix(local)
        .is_some_and(|rest| rest.ends_with('%'));
    let local = match local.as_bytes() {
        [a, b, ..] if encoded && a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => local.get(2..),
        _ => Some(local),
    };
    // Quotes and signs before an address are rarely part of it.
    let local = local.unwrap_or_default();
    local
        .trim_start_matches(|c: char| !c.is_alphanumeric())
        .len()
}

/// How long the domain at the beginning of a text is: labels with points between, the last of them two letters at
/// least, or an address in brackets.
fn domain_len(after: &str) -> Option<usize> {
    if let Some(literal) = after.strip_prefix('[') {
        let inside = |c: &char| c.is_ascii_hexdigit() || ".:IPv".contains(*c);
        let length: usize = literal
            .chars()
            .take_while(inside)
            .take(MAX_DOMAIN)
            .map(char::len_utf8)
            .sum();
        let closed = literal
            .get(length..)
            .is_some_and(|rest| rest.starts_with(']'));
        return (length > 2 && closed).then_some(length + 2);
    }
    let part = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '.');
    let length: usize = after
        .chars()
        .take_while(part)
        .take(MAX_DOMAIN)
        .map(char::len_utf8)
        .sum();
    let domain = after.get(..length).unwrap_or_default();
    let domain = domain.trim_end_matches(['-', '.']);
    let (name, top) = domain.rsplit_once('.')?;
    let letters = top.chars().any(char::is_alphabetic) && top.chars().nth(1).is_some();
    let label = name.chars().next().is_some_and(char::is_alphanumeric);
    (letters && label).then_some(domain.len())
}

const RULE: &str = "email";

/// RFC 5321 section 4.5.3.1.
const MAX_LOCAL: usize = 64;
const MAX_DOMAIN: usize = 255;
