//! The words that may be recorded of a request: what a client wrote is looked up, never copied.

use std::sync::Arc;

use portcullis_limits::PriceList;
use portcullis_retention::{ClosedList, Recorded};

use crate::dispatch::{Dispatch, Target};

/// The models that may be recorded.
pub(crate) struct Words {
    models: ClosedList,
}

/// What is recorded of the model that a request names: [`Recorded`], to be kept without copying it.
#[derive(Clone, Default)]
pub(crate) enum Word {
    /// It is the list's.
    Listed(Arc<str>),
    /// It is not in the list.
    NotListed,
    /// No model was named.
    #[default]
    Absent,
}

impl Words {
    pub(crate) fn new(models: &[String], prices: &PriceList) -> Self {
        let named = models.iter().map(String::as_str);
        Self {
            models: ClosedList::new(named.chain(prices.names())),
        }
    }

    /// What is recorded of the model that a dispatch names.
    pub(super) fn model(&self, dispatch: &Dispatch<'_>) -> Word {
        match &dispatch.target {
            Target::Model(model) => self.listed(model),
            Target::ModelList | Target::Opaque => Word::Absent,
        }
    }

    fn listed(&self, model: &str) -> Word {
        let found = self.models.shared(model).cloned();
        found.map_or(Word::NotListed, Word::Listed)
    }
}

impl Word {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Listed(word) => word,
            Self::NotListed => Recorded::NotListed.as_str(),
            Self::Absent => Recorded::Absent.as_str(),
        }
    }
}
