//! Errors in the words that the caller's client library expects.

use crate::text;

/// Whose API the caller speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI, and all who copy it.
    OpenAi,
    /// Anthropic.
    Anthropic,
}

/// An error to tell a caller.
#[derive(Clone, Copy, Debug)]
pub struct ApiError<'a> {
    /// The HTTP status; the `type` in the body follows from it.
    pub status: u16,
    /// The stable code, such as `model_not_allowed`. Anthropic's shape has no place for it.
    pub code: &'a str,
    /// One sentence that says what to do.
    pub message: &'a str,
    /// The field of the request at fault. Anthropic's shape has no place for it.
    pub param: Option<&'a str>,
}

/// The JSON body of an error answer.
///
/// OpenAI: `{"error":{"message","type","param","code"}}`. Anthropic:
/// `{"type":"error","error":{"type","message"}}`. Members are always written in this order, so equal
/// errors are equal bytes.
///
/// ```
/// use portcullis_dialect::{ApiError, Dialect, error_body};
///
/// let error = ApiError { status: 401, code: "invalid_api_key", message: "No.", param: None };
/// assert_eq!(
///     error_body(Dialect::OpenAi, &error),
///     br#"{"error":{"message":"No.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
/// );
/// ```
#[must_use]
pub fn error_body(dialect: Dialect, error: &ApiError<'_>) -> Vec<u8> {
    error_json(dialect, error).into_bytes()
}

/// The server-sent event that ends a stream which is cut; write nothing after it.
///
/// It begins with an empty line. A stream may be cut within an event, and what follows would
/// otherwise become a part of that event; between events an empty line means nothing.
#[must_use]
pub fn error_event(dialect: Dialect, error: &ApiError<'_>) -> Vec<u8> {
    let name = match dialect {
        Dialect::OpenAi => "",
        Dialect::Anthropic => "event: error\n",
    };
    format!("\n\n{name}data: {}\n\n", error_json(dialect, error)).into_bytes()
}

fn error_json(dialect: Dialect, error: &ApiError<'_>) -> String {
    let message = text::quoted(error.message);
    match dialect {
        Dialect::OpenAi => {
            let kind = text::quoted(openai_type(error.status));
            let param = error.param.map_or_else(|| "null".to_owned(), text::quoted);
            let code = text::quoted(error.code);
            let inner = [
                ("message", &*message),
                ("type", &*kind),
                ("param", &*param),
                ("code", &*code),
            ];
            text::object([("error", &*text::object(inner.into_iter()))].into_iter())
        }
        Dialect::Anthropic => {
            let kind = text::quoted(anthropic_type(error.status));
            let inner = text::object([("type", &*kind), ("message", &*message)].into_iter());
            text::object([("type", "\"error\""), ("error", &*inner)].into_iter())
        }
    }
}

/// As OpenAI's API answers. A wrong key is `invalid_request_error` there, too; its libraries go by
/// the status, its users by the code.
const fn openai_type(status: u16) -> &'static str {
    match status {
        402 => "insufficient_quota",
        429 => "rate_limit_error",
        503 => "service_unavailable_error",
        500..=599 => "server_error",
        _ => "invalid_request_error",
    }
}

/// As <https://docs.anthropic.com/en/api/errors> lists them; other 4xx are
/// `invalid_request_error` by its words.
const fn anthropic_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500..=599 => "api_error",
        _ => "invalid_request_error",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn error(status: u16) -> ApiError<'static> {
        ApiError {
            status,
            code: "c",
            message: "Say \"no\"\n\u{2028}.",
            param: Some("model"),
        }
    }

    fn kind(dialect: Dialect, status: u16) -> String {
        let body: Value = serde_json::from_slice(&error_body(dialect, &error(status))).unwrap();
        body["error"]["type"].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_body_has_the_shape_of_its_dialect() {
        let body: Value =
            serde_json::from_slice(&error_body(Dialect::OpenAi, &error(400))).unwrap();
        let message = error(400).message;
        let inner = json!({
            "message": message, "type": "invalid_request_error", "param": "model", "code": "c",
        });
        assert_eq!(body, json!({ "error": inner }));
        let body: Value =
            serde_json::from_slice(&error_body(Dialect::Anthropic, &error(403))).unwrap();
        let inner = json!({ "type": "permission_error", "message": message });
        assert_eq!(body, json!({ "type": "error", "error": inner }));
    }

    #[test]
    fn the_type_follows_from_the_status() {
        for (status, openai, anthropic) in [
            (400, "invalid_request_error", "invalid_request_error"),
            (401, "invalid_request_error", "authentication_error"),
            (402, "insufficient_quota", "billing_error"),
            (403, "invalid_request_error", "permission_error"),
            (404, "invalid_request_error", "not_found_error"),
            (424, "invalid_request_error", "invalid_request_error"),
            (429, "rate_limit_error", "rate_limit_error"),
            (500, "server_error", "api_error"),
            (503, "service_unavailable_error", "api_error"),
        ] {
            assert_eq!(kind(Dialect::OpenAi, status), openai, "{status}");
            assert_eq!(kind(Dialect::Anthropic, status), anthropic, "{status}");
        }
    }

    #[test]
    fn an_event_is_one_event_wherever_the_stream_is_cut() {
        for dialect in [Dialect::OpenAi, Dialect::Anthropic] {
            let event = String::from_utf8(error_event(dialect, &error(401))).unwrap();
            let lines: Vec<&str> = event.split('\n').collect();
            let data = lines
                .iter()
                .filter_map(|line| line.strip_prefix("data: "))
                .collect::<Vec<_>>();
            assert_eq!(
                data,
                [String::from_utf8(error_body(dialect, &error(401))).unwrap()]
            );
            assert!(event.starts_with("\n\n") && event.ends_with("}\n\n"));
            assert_eq!(
                lines.contains(&"event: error"),
                dialect == Dialect::Anthropic
            );
        }
    }
}
