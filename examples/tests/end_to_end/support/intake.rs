//! What arrives from a pipe or a socket, with the time at which it did.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Instant;

use super::PATIENCE;

/// Everything that was read so far from a reader that a thread of its own drains.
#[derive(Clone)]
pub(crate) struct Intake {
    shared: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    /// How many bytes there were, and since when.
    arrivals: Vec<(usize, Instant)>,
    ended: Option<Instant>,
}

impl Intake {
    pub(crate) fn of(mut reader: impl Read + Send + 'static) -> Self {
        let intake = Self {
            shared: Arc::default(),
        };
        let writer = intake.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 8 * 1024];
            loop {
                // A connection that was reset has ended, too.
                let count = reader.read(&mut buffer).unwrap_or(0);
                let now = Instant::now();
                let mut state = writer.lock();
                match count {
                    0 => state.ended = Some(now),
                    _ => {
                        state.bytes.extend_from_slice(&buffer[..count]);
                        let length = state.bytes.len();
                        state.arrivals.push((length, now));
                    }
                }
                writer.shared.1.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        intake
    }

    /// Waits for a text, and tells when its last byte was there.
    pub(crate) fn wait_for(&self, text: &str) -> Instant {
        self.wait(&format!("{text:?}"), |state| {
            let end = find(&state.bytes, text.as_bytes())? + text.len();
            let arrival = state.arrivals.iter().find(|(length, _)| *length >= end)?;
            Some(arrival.1)
        })
    }

    /// Waits for so many lines, and tells the last of them.
    pub(crate) fn wait_for_line(&self, number: usize) -> String {
        self.wait(&format!("line {number}"), |state| {
            let mut lines = state.bytes.split_inclusive(|byte| *byte == b'\n');
            let line = lines.nth(number)?.strip_suffix(b"\n")?;
            Some(String::from_utf8_lossy(line).into_owned())
        })
    }

    /// Waits for the end, and tells when it was reached.
    pub(crate) fn wait_for_end(&self) -> Instant {
        self.wait("the end", |state| state.ended)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.lock().ended.is_some()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.lock().bytes.clone()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    fn wait<T>(&self, what: &str, look: impl Fn(&State) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.lock();
        loop {
            if let Some(found) = look(&state) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let text = String::from_utf8_lossy(&state.bytes);
            assert!(!left.is_zero(), "{what} did not come; there is:\n{text}");
            assert!(
                state.ended.is_none(),
                "it ended without {what}; there is:\n{text}"
            );
            state = self.shared.1.wait_timeout(state, left).unwrap().0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap()
    }
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}
