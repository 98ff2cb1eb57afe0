//! An answer that is copied while it passes by.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::{MAX_BODY, Sample};

pin_project! {
    /// The body of an answer whose sample is taken; see [`Sample::watch`].
    pub struct SampledBody<B> {
        #[pin]
        body: B,
        copy: Copy,
    }
}

/// What has passed by. It is kept when it goes away: at the end of the body, or when the body is dropped.
struct Copy {
    sample: Sample,
    bytes: Vec<u8>,
    cut: bool,
}

impl<B> SampledBody<B> {
    pub(crate) fn new(sample: Sample, body: B) -> Self {
        let copy = Copy {
            sample,
            bytes: Vec::new(),
            cut: false,
        };
        Self { body, copy }
    }
}

impl<B: Body<Data = Bytes>> Body for SampledBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        let polled = this.body.poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            this.copy.take(data);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Copy {
    fn take(&mut self, data: &[u8]) {
        let room = MAX_BODY - self.bytes.len();
        let part = data.get(..room).unwrap_or(data);
        self.cut |= part.len() < data.len();
        self.bytes.extend_from_slice(part);
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        self.sample.response(&self.bytes, self.cut);
    }
}

impl<B> fmt::Debug for SampledBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SampledBody(..)")
    }
}
