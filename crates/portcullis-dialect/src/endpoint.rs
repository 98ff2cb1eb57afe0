//! Which endpoint a request is for.

/// An endpoint of OpenAI's API, or of Anthropic's, as far as this crate reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `POST /v1/chat/completions`.
    ChatCompletions,
    /// `POST /v1/completions`.
    Completions,
    /// `POST /v1/responses`.
    Responses,
    /// `POST /v1/embeddings`.
    Embeddings,
    /// `POST /v1/messages`, Anthropic's.
    Messages,
    /// `GET /v1/models`.
    ModelList,
    /// `GET /v1/models/{id}`; [`Endpoint::model_of_path`] has the id.
    Model,
    /// Anything else: nobody here can say which model it uses.
    Unknown,
}

impl Endpoint {
    /// The endpoint of a request, by its method and its path without the query.
    ///
    /// Both have to match exactly. Another method, a trailing or doubled slash, a dot segment or a
    /// percent-encoded character make it [`Endpoint::Unknown`], because the provider's server may
    /// read such a path differently from us.
    #[must_use]
    pub fn of(method: &str, path: &str) -> Self {
        match (method, path) {
            ("POST", "/v1/chat/completions") => Self::ChatCompletions,
            ("POST", "/v1/completions") => Self::Completions,
            ("POST", "/v1/responses") => Self::Responses,
            ("POST", "/v1/embeddings") => Self::Embeddings,
            ("POST", "/v1/messages") => Self::Messages,
            ("GET", "/v1/models") => Self::ModelList,
            ("GET", _) if Self::model_of_path(path).is_some() => Self::Model,
            _ => Self::Unknown,
        }
    }

    /// The id in `/v1/models/{id}`: one plain segment of at most 256 visible ASCII characters.
    #[must_use]
    pub fn model_of_path(path: &str) -> Option<&str> {
        let id = path.strip_prefix("/v1/models/")?;
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"/\\%?#".contains(&byte);
        let is_id = (1..=256).contains(&id.len()) && id.bytes().all(plain);
        (is_id && !matches!(id, "." | "..")).then_some(id)
    }

    /// Whether a request to it names its model in a JSON body.
    #[must_use]
    pub const fn has_body(self) -> bool {
        match self {
            Self::ChatCompletions
            | Self::Completions
            | Self::Responses
            | Self::Embeddings
            | Self::Messages => true,
            Self::ModelList | Self::Model | Self::Unknown => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_endpoints_are_found() {
        for (method, path, endpoint) in [
            ("POST", "/v1/chat/completions", Endpoint::ChatCompletions),
            ("POST", "/v1/completions", Endpoint::Completions),
            ("POST", "/v1/responses", Endpoint::Responses),
            ("POST", "/v1/embeddings", Endpoint::Embeddings),
            ("POST", "/v1/messages", Endpoint::Messages),
            ("GET", "/v1/models", Endpoint::ModelList),
            ("GET", "/v1/models/gpt-4o", Endpoint::Model),
            ("GET", "/v1/models/ft:gpt-4o:org::abc", Endpoint::Model),
        ] {
            assert_eq!(Endpoint::of(method, path), endpoint, "{method} {path}");
        }
        assert_eq!(Endpoint::model_of_path("/v1/models/gpt-4o"), Some("gpt-4o"));
    }

    #[test]
    fn what_does_not_match_exactly_is_unknown() {
        for (method, path) in [
            ("GET", "/v1/chat/completions"),
            ("post", "/v1/chat/completions"),
            ("POST", "/v1/chat/completions/"),
            ("POST", "//v1/chat/completions"),
            ("POST", "/v1/chat//completions"),
            ("POST", "/v1/./chat/completions"),
            ("POST", "/v1/chat%2fcompletions"),
            ("POST", "/v1/Chat/completions"),
            ("POST", "/v1/chat/completions?x"),
            ("POST", "/v1/responses/compact"),
            ("GET", "/v1/responses"),
            ("POST", "/v1/messages/count_tokens"),
            ("POST", "/v1/messages/batches"),
            ("GET", "/v1/models/"),
            ("GET", "/v1/models/."),
            ("GET", "/v1/models/.."),
            ("GET", "/v1/models/a/b"),
            ("GET", "/v1/models/a%2fb"),
            ("GET", "/v1/models/a b"),
            ("GET", "/v1/models/\u{e9}"),
            ("DELETE", "/v1/models/gpt-4o"),
            ("GET", ""),
        ] {
            assert_eq!(
                Endpoint::of(method, path),
                Endpoint::Unknown,
                "{method} {path}"
            );
        }
    }
}
