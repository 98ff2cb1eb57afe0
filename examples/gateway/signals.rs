//! How the gateway is told to stop: Ctrl-C, and SIGTERM where there is one.

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::Failure;

/// What tells the gateway to stop. From when this exists no signal ends the process by itself.
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Signal,
}

impl Signals {
    #[cfg(unix)]
    pub(crate) fn listen() -> Result<Self, Failure> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Completes when it is told to stop.
    #[cfg(unix)]
    pub(crate) async fn stop(mut self) {
        tokio::select! { _ = self.interrupt.recv() => {}, _ = self.terminate.recv() => {} }
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
    pub(crate) fn listen() -> Result<Self, Failure> {
        Ok(Self {})
    }

    /// Completes when it is told to stop.
    #[cfg(not(unix))]
    pub(crate) async fn stop(self) {
        drop(tokio::signal::ctrl_c().await);
    }
}
