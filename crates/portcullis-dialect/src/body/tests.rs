use super::*;

fn refusal(body: &str) -> BodyError {
    JsonBody::parse(body.as_bytes()).map(drop).unwrap_err()
}

#[test]
fn what_is_forwarded_is_what_was_read() {
    let body = " {\"mod\\u0065l\" : \"a\\u0062\",\n\"x\":{\"B\":[1.0, 2e3 ],\"b\":null } , \"\\\"\":1}\r\n";
    let body = JsonBody::parse(body.as_bytes()).unwrap();
    assert_eq!(body.member("model"), Some(r#""a\u0062""#));
    let sent = r#"{"model":"a\u0062","x":{"B":[1.0, 2e3 ],"b":null },"\"":1}"#;
    assert_eq!(String::from_utf8(body.to_bytes()).unwrap(), sent);
}

#[test]
fn a_key_that_occurs_twice_is_refused_at_any_depth() {
    let model = KeyName::Field("model");
    for (body, key) in [
        (r#"{"model":"a","model":"b"}"#, model),
        (r#"{"model":"a","mod\u0065l":"b"}"#, model),
        (r#"{"\u006dodel":"a","model":"a"}"#, model),
        (r#"{"x":{"a":1,"a":1}}"#, KeyName::Other),
        (r#"{"x":[[{"a":1,"\u0061":1}]]}"#, KeyName::Other),
        (r#"{"":1,"":2}"#, KeyName::Other),
    ] {
        let error = refusal(body);
        assert!(
            matches!(error, BodyError::DuplicateKey { key: k, .. } if k == key),
            "{body} {error:?}"
        );
    }
}

#[test]
fn a_top_level_key_in_other_letters_is_refused() {
    for body in [
        r#"{"model":"a","Model":"b"}"#,
        r#"{"Model":"a","model":"b"}"#,
        r#"{"MODEL":"a"}"#,
        r#"{"model ":"a"}"#,
        r#"{" model":"a"}"#,
        r#"{"\ufeffmodel":"a"}"#,
        r#"{"model\u0000":"a"}"#,
        r#"{"model":"a","model\u0000x":"b"}"#,
        r#"{"\tmodel":"a"}"#,
        r#"{"Stream":true}"#,
        "{\"\u{17f}tream\":true}",
        "{\"to\u{212a}s\":1,\"TOKS\":1}",
        "{\"max_to\u{212a}ens\":1}",
        r#"{"custom":1,"Custom":1}"#,
        "{\"\u{e9}x\":1,\"\u{c9}X\":1}",
    ] {
        assert!(
            matches!(refusal(body), BodyError::AmbiguousKey { .. }),
            "{body:?}"
        );
    }
}

#[test]
fn an_error_names_fields_of_the_api_and_no_others() {
    assert_eq!(refusal(r#"{"MODEL":1}"#).param(), Some("model"));
    let own = refusal(r#"{"sk-secret":1,"sk-secret":2}"#);
    assert_eq!(own.param(), None);
    assert_eq!(
        own.to_string(),
        "A key occurs twice in one object at line 1, column 26: send it once."
    );
}

#[test]
fn keys_below_the_top_level_belong_to_the_user() {
    for body in [
        r#"{"tools":[{"Model":1,"model":2,"id":1,"ID":2," id":3}]}"#,
        r#"{"Custom":1}"#,
    ] {
        assert!(JsonBody::parse(body.as_bytes()).is_ok(), "{body}");
    }
}

#[test]
fn anything_but_one_object_is_refused() {
    for body in ["[]", "null", "\"{}\"", "1", "\u{feff}{}", "x", "//\n{}"] {
        assert_eq!(refusal(body), BodyError::NotAnObject, "{body:?}");
    }
    for body in [
        "",
        " ",
        "{",
        "{}{}",
        "{} x",
        "{}\0",
        "{\"a\":1,}",
        "{'a':1}",
        "{\"a\"}",
        "{\"a\":01}",
        "{\"a\":NaN}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\x\"}",
        "{a:1}",
        "{\"a\":1e999}",
    ] {
        assert!(
            matches!(refusal(body), BodyError::NotJson { .. }),
            "{body:?}"
        );
    }
    let bytes = b"{\"a\":\"\xff\"}";
    assert_eq!(
        JsonBody::parse(bytes).unwrap_err(),
        BodyError::NotUtf8 { offset: 6 }
    );
}

#[test]
fn nesting_ends_at_a_hundred_levels() {
    let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert!(JsonBody::parse(nested(99).as_bytes()).is_ok());
    assert!(matches!(refusal(&nested(100)), BodyError::TooDeep { .. }));
    assert!(matches!(
        refusal(&nested(100_000)),
        BodyError::TooDeep { .. }
    ));
}

#[test]
fn debug_does_not_show_what_the_user_wrote() {
    let body = JsonBody::parse(br#"{"messages":"my secret"}"#).unwrap();
    assert_eq!(format!("{body:?}"), "JsonBody { members: 1, .. }");
}
