//! The words that may be recorded of a request: what a client wrote is looked up, never copied.

use std::sync::{Arc, LazyLock};

use portcullis_limits::PriceList;
use portcullis_retention::{ClosedList, Recorded};

use crate::dispatch::{Dispatch, Target};

/// The models that may be recorded.
pub(crate) struct Words {
    models: ClosedList,
}

impl Words {
    pub(crate) fn new(models: &[String], prices: &PriceList) -> Self {
        let named = models.iter().map(String::as_str);
        Self {
            models: ClosedList::new(named.chain(prices.names())),
        }
    }

    /// What is recorded of the model that a dispatch names.
    pub(super) fn model(&self, dispatch: &Dispatch<'_>) -> Arc<str> {
        match &dispatch.target {
            Target::Model(model) => self.listed(model),
            Target::ModelList | Target::Opaque => Arc::clone(&NONE),
        }
    }

    fn listed(&self, model: &str) -> Arc<str> {
        let found = self.models.shared(model);
        Arc::clone(found.unwrap_or(&NOT_LISTED))
    }
}

/// The word in the place of one that is not listed.
static NOT_LISTED: LazyLock<Arc<str>> = LazyLock::new(|| Recorded::NotListed.as_str().into());
/// The word where no model was named.
pub(super) static NONE: LazyLock<Arc<str>> = LazyLock::new(|| Recorded::Absent.as_str().into());
