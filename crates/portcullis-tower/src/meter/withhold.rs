//! An answer without the event that its client did not ask for.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use http::header::CONTENT_LENGTH;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use portcullis_gate::UsageFilter;

use crate::body::{BoxError, is_encoded, is_event_stream};

pin_project! {
    /// A body that passes as it is, or through a filter.
    pub(super) struct Withhold<B> {
        #[pin]
        body: B,
        filtering: Option<Filtering>,
    }
}

/// A filter, and what comes after it.
#[derive(Default)]
struct Filtering {
    filter: UsageFilter,
    /// What came behind bytes that were still held: trailers, or an error.
    next: Option<Result<Frame<Bytes>, BoxError>>,
    /// The body behind has ended.
    is_over: bool,
}

impl<B> Withhold<B> {
    /// Puts the filter before the body of `answer`, if it is to hide its usage and is a stream that can be read.
    pub(super) fn from(mut answer: Response<B>, hides_usage: bool) -> Response<Self> {
        let headers = answer.headers_mut();
        let filters = hides_usage && is_event_stream(headers) && !is_encoded(headers);
        if filters {
            headers.remove(CONTENT_LENGTH);
        }
        answer.map(|body| Self {
            body,
            filtering: filters.then(Filtering::default),
        })
    }
}

impl<B> Body for Withhold<B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut this = self.project();
        let Some(filtering) = this.filtering else {
            let polled = this.body.poll_frame(cx);
            return polled.map(|polled| polled.map(|result| result.map_err(Into::into)));
        };
        loop {
            if let Some(next) = filtering.next.take() {
                return Poll::Ready(Some(next));
            }
            if filtering.is_over {
                return Poll::Ready(None);
            }
            let polled = ready!(this.body.as_mut().poll_frame(cx));
            let passed = filtering.take(polled.map(|result| result.map_err(Into::into)));
            // An empty frame says nothing; there may be another one.
            if !passed.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(passed.into()))));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.filtering {
            None => self.body.is_end_stream(),
            // The last bytes may be held here.
            Some(filtering) => filtering.is_over && filtering.next.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.filtering {
            None => self.body.size_hint(),
            Some(_) => SizeHint::default(),
        }
    }
}

impl Filtering {
    /// Takes what the body gave, and gives what may pass of it and before it.
    fn take(&mut self, polled: Option<Result<Frame<Bytes>, BoxError>>) -> Vec<u8> {
        let after = match polled.map(|result| result.map(Frame::into_data)) {
            Some(Ok(Ok(data))) => return self.filter.push(&data),
            Some(Ok(Err(trailers))) => Some(Ok(trailers)),
            Some(Err(error)) => Some(Err(error)),
            None => {
                self.is_over = true;
                None
            }
        };
        self.next = after;
        self.filter.end()
    }
}

#[cfg(test)]
mod tests;
