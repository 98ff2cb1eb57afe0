//! A subscriber that keeps everything that the threads log which asked for it, at every level.
//!
//! It is the global one: interest in a line of code is remembered for the process, so a subscriber of one thread may
//! hear nothing once the line was run on another.

use std::cell::RefCell;
use std::fmt::{Debug, Write as _};
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

thread_local! {
    static LOG: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps what this thread logs from now on.
pub(crate) fn start() {
    static GLOBAL: Once = Once::new();
    GLOBAL.call_once(|| tracing::subscriber::set_global_default(Capture).unwrap());
    LOG.set(Some(String::new()));
}

/// Ends it, and hands over what was kept.
pub(crate) fn finish() -> String {
    LOG.take().unwrap()
}

struct Capture;

impl Subscriber for Capture {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut Line);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Line);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Line);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line;

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        LOG.with_borrow_mut(|log| {
            if let Some(log) = log {
                writeln!(log, "{field}={value:?}").unwrap();
            }
        });
    }
}
