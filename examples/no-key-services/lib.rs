//! The example gateway without key services of organizations: the instance's own, `local`, is always there and needs nothing.

use std::error::Error;
use std::sync::Arc;

use clap::Args;
use portcullis::KeyWrapper;

/// No words on the command line.
#[derive(Args, Clone, Debug)]
pub struct KeyServices {}

impl KeyServices {
    /// Opens none.
    ///
    /// # Errors
    /// None.
    #[expect(
        clippy::unused_async,
        reason = "a gateway with key services waits here for a module to log in"
    )]
    pub async fn open(&self) -> Result<Vec<Arc<dyn KeyWrapper>>, Box<dyn Error + Send + Sync>> {
        Ok(Vec::new())
    }
}
