//! What is recorded of each request: noted on its path without waiting, written in batches by the upkeep.

mod answer;
mod call;
mod ids;
mod queue;
mod refused;
mod words;
pub(crate) mod writer;

pub(crate) use self::call::Traced;
pub use self::call::{SampledRequest, Sampling};
pub(crate) use self::ids::RequestIds;
pub(crate) use self::queue::Queue;
pub(crate) use self::words::{Word, Words};

use arc_swap::ArcSwap;
use portcullis_limits::PriceList;
use portcullis_store::NodeId;

/// All that a node has for tracing.
pub(crate) struct Traces {
    ids: RequestIds,
    /// The words that may be recorded, replaced with the price list.
    words: ArcSwap<Words>,
    /// Models that may be recorded beside those that have a price.
    models: Vec<String>,
    pub(crate) queue: Queue,
}

impl Traces {
    pub(crate) fn new(run: NodeId, models: Vec<String>, prices: &PriceList) -> Self {
        let words = Words::new(&models, prices);
        Self {
            ids: RequestIds::of(run),
            words: ArcSwap::from_pointee(words),
            models,
            queue: Queue::new(),
        }
    }

    /// The models of another price list may be recorded from now on.
    pub(crate) fn take_prices(&self, prices: &PriceList) {
        let words = Words::new(&self.models, prices);
        self.words.store(std::sync::Arc::new(words));
    }
}
