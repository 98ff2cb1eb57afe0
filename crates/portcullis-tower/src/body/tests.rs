use super::*;

fn ending(headers: &[(&'static str, &'static str)], size: &SizeHint) -> Ending {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, HeaderValue::from_static(value));
    }
    Ending::of(&map, size)
}

#[test]
fn an_event_is_written_into_a_stream_of_events_only() {
    let unknown = SizeHint::default();
    for value in ["text/event-stream", "Text/Event-Stream ; charset=utf-8"] {
        let headers = [("content-type", value)];
        assert_eq!(ending(&headers, &unknown), Ending::Event, "{value}");
    }
    for value in [
        "application/json",
        "text/event-streams",
        "text/plain; text/event-stream",
        "",
    ] {
        let headers = [("content-type", value)];
        assert_eq!(ending(&headers, &unknown), Ending::Error, "{value}");
    }
    assert_eq!(ending(&[], &unknown), Ending::Error);
}

#[test]
fn no_event_is_written_where_it_would_be_garbage_or_too_long() {
    let stream = ("content-type", "text/event-stream");
    let unknown = SizeHint::default();
    for (headers, expected) in [
        ([stream, ("content-encoding", "identity")], Ending::Event),
        ([stream, ("content-encoding", "gzip")], Ending::Error),
        (
            [stream, ("content-encoding", "identity, br")],
            Ending::Error,
        ),
        ([stream, ("content-length", "10")], Ending::Error),
    ] {
        assert_eq!(ending(&headers, &unknown), expected, "{headers:?}");
    }
    assert_eq!(ending(&[stream], &SizeHint::with_exact(10)), Ending::Error);
    let mut bounded = SizeHint::new();
    bounded.set_lower(10);
    assert_eq!(ending(&[stream], &bounded), Ending::Event);
}

#[test]
fn an_error_tells_a_failure_from_a_cut() {
    let inner = ProtectedBodyError::Inner("reset".into());
    assert_eq!(
        inner.source().map(ToString::to_string).as_deref(),
        Some("reset")
    );
    assert!(ProtectedBodyError::Cut.source().is_none());
}

#[test]
fn whoever_awaits_it_elsewhere_can() {
    fn is_portable<T: Send + 'static>() {}
    is_portable::<ProtectedBody<http_body_util::Full<Bytes>>>();
    is_portable::<crate::MeteredBody<http_body_util::Full<Bytes>>>();
    is_portable::<ProtectedBodyError>();
}
