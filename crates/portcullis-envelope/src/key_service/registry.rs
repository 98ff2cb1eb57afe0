//! The key services that a process can use, by the reference that is stored beside a wrapped key.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::KeyWrapper;
use crate::wrapped_key::is_reference;

/// The key services of a process; an organization's row says which is its own.
#[derive(Clone, Debug, Default)]
pub struct KeyServices(BTreeMap<Box<str>, Arc<dyn KeyWrapper>>);

impl KeyServices {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a service under its own reference.
    ///
    /// # Errors
    ///
    /// [`InvalidKeyService`]: a reference that cannot be stored, or one that is here already.
    pub fn with(mut self, service: Arc<dyn KeyWrapper>) -> Result<Self, InvalidKeyService> {
        let reference: Box<str> = service.describe().reference.into();
        if !is_reference(&reference) {
            return Err(InvalidKeyService::Reference { reference });
        }
        if self.0.contains_key(&reference) {
            return Err(InvalidKeyService::Duplicate { reference });
        }
        self.0.insert(reference, service);
        Ok(self)
    }

    /// The service with this reference.
    #[must_use]
    pub fn by_reference(&self, reference: &str) -> Option<&Arc<dyn KeyWrapper>> {
        self.0.get(reference)
    }

    /// All references, ascending.
    pub fn references(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(AsRef::as_ref)
    }
}

/// A key service that cannot be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKeyService {
    /// The reference cannot be stored.
    #[error(
        "the reference {reference:?} of a key service is not 1 to 2048 visible ASCII characters"
    )]
    Reference {
        /// The reference.
        reference: Box<str>,
    },
    /// There is a service with this reference already.
    #[error("there are two key services with the reference {reference}: remove one of them")]
    Duplicate {
        /// The reference.
        reference: Box<str>,
    },
}
