//! The watch cell of one secret of one key: how a running response hears that it must end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, Ordering};

use arc_swap::ArcSwap;
use portcullis_scope::ScopeRefusal;
use portcullis_store::UnixMicros;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Signal and counters of one (key, secret version). It survives reloads of the rules.
pub(crate) struct Cell {
    signal: ArcSwap<Signal>,
    /// Microseconds since 1970; 0 = not used yet.
    used_at: AtomicI64,
    /// Whether the use waits to be written.
    noted: AtomicBool,
}

impl Cell {
    pub(crate) fn new() -> Self {
        Self {
            signal: ArcSwap::from_pointee(Signal::new()),
            used_at: AtomicI64::new(0),
            noted: AtomicBool::new(false),
        }
    }

    /// What whoever begins now listens to.
    pub(crate) fn signal(&self) -> Arc<Signal> {
        self.signal.load_full()
    }

    /// Ends all that runs. Whoever begins later listens to a fresh signal, so that a key which is switched on
    /// again works again; that it is refused until then is the rules' business.
    pub(crate) fn cut(&self, reason: CutReason) {
        let ended = self.signal.swap(Arc::new(Signal::new()));
        ended.end(reason);
    }

    /// Notes a use; `true` when the caller is the one to queue it for writing.
    pub(crate) fn note_use(&self, at: UnixMicros) -> bool {
        self.used_at.fetch_max(at.0, Ordering::Relaxed);
        !self.noted.swap(true, Ordering::AcqRel)
    }

    /// The last use, for writing; later uses are queued again.
    pub(crate) fn take_use(&self) -> UnixMicros {
        self.noted.store(false, Ordering::Release);
        UnixMicros(self.used_at.load(Ordering::Relaxed))
    }

    /// Says that a noted use could not be queued, so that the next one tries again.
    pub(crate) fn forget_note(&self) {
        self.noted.store(false, Ordering::Release);
    }
}

/// One generation of a cell's signal: given once, to everything that runs under it.
pub(crate) struct Signal {
    /// Wakes who waits for the end. It is behind a lock, which nobody takes to ask whether it has come.
    token: CancellationToken,
    /// A [`CutReason`] once it has ended.
    reason: AtomicU8,
}

impl Signal {
    fn new() -> Self {
        Self {
            token: CancellationToken::new(),
            reason: AtomicU8::new(RUNNING),
        }
    }

    fn end(&self, reason: CutReason) {
        self.reason.store(reason as u8, Ordering::Release);
        self.token.cancel();
    }

    /// Whether it was given. It is as soon as anybody is woken.
    pub(crate) fn is_given(&self) -> bool {
        self.reason.load(Ordering::Acquire) != RUNNING
    }

    /// Completes when it is given.
    pub(crate) fn given(&self) -> WaitForCancellationFutureOwned {
        self.token.clone().cancelled_owned()
    }

    /// Why it was given; meaningful once it was.
    pub(crate) fn reason(&self) -> CutReason {
        CutReason::from_u8(self.reason.load(Ordering::Acquire))
    }
}

/// Why running responses are ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum CutReason {
    Revoked = 1,
    Disabled,
    Expired,
    Suspended,
    Unavailable,
}

impl CutReason {
    /// The reason behind a scope's refusal of a secret's standing.
    pub(crate) fn of(refusal: ScopeRefusal) -> Self {
        match refusal {
            ScopeRefusal::KeyDisabled => Self::Disabled,
            ScopeRefusal::KeyExpired => Self::Expired,
            ScopeRefusal::KeyRevoked
            | ScopeRefusal::EnvironmentNotAllowed
            | ScopeRefusal::ProviderNotAllowed
            | ScopeRefusal::ModelNotAllowed
            | ScopeRefusal::EndpointNotAllowed => Self::Revoked,
        }
    }

    fn from_u8(value: u8) -> Self {
        let all = [
            Self::Disabled,
            Self::Expired,
            Self::Suspended,
            Self::Unavailable,
        ];
        all.into_iter()
            .find(|reason| *reason as u8 == value)
            .unwrap_or(Self::Revoked)
    }
}

/// The reason of a signal that was not given.
const RUNNING: u8 = 0;
