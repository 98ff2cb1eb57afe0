//! A limit on how long a key service may take.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::{
    KeyServiceError, KeyServiceFault, KeyServiceFuture, KeyServiceInfo, KeyWrapper, OrgKeyRef,
};
use crate::key_seed::KeySeed;

/// How to wait: the sleep of the runtime that polls, such as
/// `Arc::new(|time| Box::pin(tokio::time::sleep(time)))`.
pub type Sleep = Arc<dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A key service that answers within a time limit or counts as [`Late`](KeyServiceFault::Late).
///
/// The request is dropped at that moment, so an answer that comes later reaches nobody.
pub struct Deadline {
    service: Arc<dyn KeyWrapper>,
    limit: Duration,
    sleep: Sleep,
}

impl Deadline {
    /// Puts `limit` on each request to `service`.
    #[must_use]
    pub fn new(service: Arc<dyn KeyWrapper>, limit: Duration, sleep: Sleep) -> Self {
        Self {
            service,
            limit,
            sleep,
        }
    }

    /// Whichever comes first; an answer that is ready together with the limit is in time.
    fn limited<'a, T: 'a>(
        &'a self,
        mut answer: KeyServiceFuture<'a, T>,
    ) -> KeyServiceFuture<'a, T> {
        let mut sleep = (self.sleep)(self.limit);
        Box::pin(std::future::poll_fn(move |context| {
            if let Poll::Ready(answer) = answer.as_mut().poll(context) {
                return Poll::Ready(answer);
            }
            sleep.as_mut().poll(context).map(|()| {
                let fault = KeyServiceFault::Late { limit: self.limit };
                let reference = self.service.describe().reference;
                Err(KeyServiceError::new(reference, fault))
            })
        }))
    }
}

impl KeyWrapper for Deadline {
    fn describe(&self) -> KeyServiceInfo<'_> {
        self.service.describe()
    }

    fn wrap_key<'a>(
        &'a self,
        of: &'a OrgKeyRef,
        seed: &'a KeySeed,
    ) -> KeyServiceFuture<'a, Vec<u8>> {
        self.limited(self.service.wrap_key(of, seed))
    }

    fn unwrap_key<'a>(
        &'a self,
        of: &'a OrgKeyRef,
        blob: &'a [u8],
    ) -> KeyServiceFuture<'a, KeySeed> {
        self.limited(self.service.unwrap_key(of, blob))
    }
}

impl fmt::Debug for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deadline")
            .field("service", &self.service)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
