//! Text for the log, without what URLs may hold.

/// `text` with each URL cut down to scheme, host and port: user, path, query and fragment can hold credentials.
pub(crate) fn urls(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(SCHEME_END) {
        let end = after.find(is_outside_url).unwrap_or(after.len());
        let (url, next) = after.split_at(end);
        let authority = url.split(['/', '?', '#', '\\']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        out.push_str(before);
        out.push_str(SCHEME_END);
        out.push_str(host);
        if authority.len() < url.len() {
            out.push_str("/..");
        }
        rest = next;
    }
    out.push_str(rest);
    out
}

fn is_outside_url(character: char) -> bool {
    character.is_whitespace() || "\"'`<>(){}".contains(character)
}

const SCHEME_END: &str = "://";

#[cfg(test)]
mod tests {
    use super::urls;

    #[test]
    fn of_a_url_only_scheme_host_and_port_stay() {
        for (text, logged) in [
            (
                "error sending request for url (https://api.example.com/v1/x?key=SECRET)",
                "error sending request for url (https://api.example.com/..)",
            ),
            (
                "https://user:SECRET@[::1]:8443?SECRET to http://b#SECRET",
                "https://[::1]:8443/.. to http://b/..",
            ),
            (
                "\"https://a@SECRET@host\" refused",
                "\"https://host\" refused",
            ),
            ("https://host\\SECRET", "https://host/.."),
            (
                "connection refused (os error 111)",
                "connection refused (os error 111)",
            ),
            ("://", "://"),
        ] {
            assert_eq!(urls(text), logged);
        }
    }
}
