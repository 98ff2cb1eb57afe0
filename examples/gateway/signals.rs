//! How the gateway is told to stop: Ctrl-C, and SIGTERM where there is one. And to read its price list again: SIGHUP.

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

/// What tells the gateway to read its price list again. From when this exists a hangup does not end the process.
pub(crate) struct Hangups {
    #[cfg(unix)]
    hangup: Signal,
}

impl Hangups {
    #[cfg(unix)]
    pub(crate) fn listen() -> Result<Self, Failure> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Completes when it is told to; `false` when that cannot come any more.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) -> bool {
        self.hangup.recv().await.is_some()
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
    pub(crate) fn listen() -> Result<Self, Failure> {
        Ok(Self {})
    }

    /// Completes when it is told to; `false` when that cannot come any more.
    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) -> bool {
        false
    }
}
