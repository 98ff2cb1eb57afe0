//! One request whose bodies are kept.

use portcullis_retention::redact_body;
use portcullis_store::{KeyId, OrgId, ProjectId, RequestId, UnixMicros};

use crate::database::{NewBody, Side};
use crate::{Bodies, SampledBody};

/// No more of a body is kept, in bytes; what is cut off was never copied.
pub const MAX_BODY: usize = 256 * 1024;

/// Which request a sample is of, as the gate names it.
#[derive(Clone, Copy, Debug)]
pub struct SampleOf {
    /// The gateway's id of the request.
    pub id: RequestId,
    /// The organization of its key.
    pub org: OrgId,
    /// The project of its key.
    pub project: ProjectId,
    /// Its key.
    pub key: KeyId,
    /// When it was dispatched, as its trace says: the age of its bodies counts from there.
    pub at: UnixMicros,
}

/// The bodies of one request that was chosen; see [`Bodies::begin`].
#[derive(Debug)]
pub struct Sample {
    bodies: Bodies,
    of: SampleOf,
}

impl Sample {
    pub(crate) fn new(bodies: Bodies, of: SampleOf) -> Self {
        Self { bodies, of }
    }

    /// Keeps the body that the client sent. Redacts it here, and waits for nobody.
    pub fn request(&self, body: &[u8]) {
        self.keep(Side::Request, body, body.len() > MAX_BODY);
    }

    /// The body that the provider answers, unchanged: what passes by is copied, and kept when it is over or dropped.
    #[must_use]
    pub fn watch<B>(self, body: B) -> SampledBody<B> {
        SampledBody::new(self, body)
    }

    pub(crate) fn response(&self, body: &[u8], cut: bool) {
        self.keep(Side::Response, body, cut);
    }

    fn keep(&self, side: Side, body: &[u8], cut: bool) {
        let kept = body.get(..MAX_BODY).unwrap_or(body);
        let redacted = redact_body(self.bodies.redactor(), kept);
        let counts: serde_json::Map<String, serde_json::Value> = redacted
            .counts()
            .iter()
            .map(|(rule, count)| (rule.to_owned(), count.into()))
            .collect();
        self.bodies.push(NewBody {
            of: self.of,
            side,
            redactions: serde_json::Value::Object(counts).to_string(),
            content: redacted.into_bytes(),
            cut,
        });
    }
}
