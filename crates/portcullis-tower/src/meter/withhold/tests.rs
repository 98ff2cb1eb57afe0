use std::collections::VecDeque;
use std::io;

use http::{HeaderMap, HeaderValue};
use http_body_util::BodyExt;

use super::*;

/// A body of these frames, each of which is there at once.
struct Frames(VecDeque<Result<Frame<Bytes>, io::Error>>);

impl Body for Frames {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(self.0.pop_front())
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(7)
    }
}

fn data(text: &'static str) -> Result<Frame<Bytes>, io::Error> {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

fn answer(
    frames: impl IntoIterator<Item = Result<Frame<Bytes>, io::Error>>,
    hides_usage: bool,
) -> Response<Withhold<Frames>> {
    let answer = Response::builder()
        .header("content-type", "text/event-stream")
        .header("content-length", "7")
        .body(Frames(frames.into_iter().collect()));
    Withhold::from(answer.unwrap(), hides_usage)
}

/// What comes of it, frame by frame, as a server asks for it: to its end or until it says that it has ended.
async fn shown(frames: impl IntoIterator<Item = Result<Frame<Bytes>, io::Error>>) -> Vec<String> {
    let mut body = answer(frames, true).into_body();
    let mut shown = Vec::new();
    while !body.is_end_stream()
        && let Some(frame) = body.frame().await
    {
        shown.push(match frame.map(Frame::into_data) {
            Ok(Ok(data)) => String::from_utf8(data.to_vec()).unwrap(),
            Ok(Err(_)) => "trailers".to_owned(),
            Err(error) => error.to_string(),
        });
    }
    shown
}

const WORD: &str = "data: {\"choices\":[{}]}\n\n";
const USAGE: &str = "data: {\"choices\":[],\"usage\":{}}\n\n";

#[tokio::test]
async fn what_is_held_leaves_at_the_end_and_before_trailers_and_errors() {
    let trailers = || Ok(Frame::trailers(HeaderMap::new()));
    let error = || Err(io::Error::other("reset"));
    for (frames, expected) in [
        (vec![data(WORD), data("data: {")], vec![WORD, "data: {"]),
        (vec![data("id"), trailers()], vec!["id", "trailers"]),
        (vec![data("id"), error()], vec!["id", "reset"]),
        (vec![data(WORD), trailers()], vec![WORD, "trailers"]),
        (vec![data(USAGE), error()], vec!["reset"]),
        (vec![data(USAGE)], vec![]),
        (vec![], vec![]),
    ] {
        assert_eq!(shown(frames).await, expected);
    }
}

#[tokio::test]
async fn a_frame_with_nothing_to_show_is_not_shown() {
    let (start, end) = USAGE.split_at(30);
    let frames = [WORD, start, end, "data: [DO", "NE]\n\n"].map(data);
    assert_eq!(shown(frames).await, [WORD, "data: [DONE]\n\n"]);
}

#[test]
fn only_what_is_filtered_loses_its_length() {
    let length = HeaderValue::from_static("7");
    let whole = answer([data(USAGE)], false);
    assert_eq!(whole.headers().get(CONTENT_LENGTH), Some(&length));
    assert_eq!(whole.body().size_hint().exact(), Some(7));
    assert!(!whole.body().is_end_stream());
    assert!(answer([], false).body().is_end_stream());
    let filtered = answer([data(USAGE)], true);
    assert_eq!(filtered.headers().get(CONTENT_LENGTH), None);
    assert_eq!(filtered.body().size_hint().exact(), None);
    assert_eq!(filtered.body().size_hint().lower(), 0);
}
