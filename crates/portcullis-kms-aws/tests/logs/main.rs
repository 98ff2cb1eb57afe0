//! What the SDK logs, at its most talkative. A binary of its own, because logging is switched per process.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    reason = "helpers of tests may fail loudly"
)]

#[path = "../moto/support.rs"]
mod support;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use getrandom::SysRng;
use portcullis_envelope::{KeySeed, KeyWrapper, OrgKeyRef};
use portcullis_kms_aws::AwsKms;
use tracing_subscriber::fmt::MakeWriter;

use support::{client, create_key, moto};

fn name(org: u8) -> OrgKeyRef {
    OrgKeyRef::new(&[org; 16], [2; 8], 1).unwrap()
}

#[test]
fn no_log_line_of_any_level_holds_a_seed() {
    let logs = Logs::default();
    let seed = KeySeed::generate(&mut SysRng).unwrap();
    tracing::subscriber::with_default(logs.subscriber(), || {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        runtime.block_on(async {
            let client = client(&moto().endpoint);
            let kms = AwsKms::new(client.clone(), &create_key(&client).await).unwrap();
            let wrapped = kms.wrap_key(&name(1), &seed).await.unwrap();
            kms.unwrap_key(&name(1), &wrapped).await.unwrap();
            kms.unwrap_key(&name(2), &wrapped).await.unwrap_err();
        });
    });
    assert!(logs.lines() > 20, "the SDK logs at this level");
    assert!(logs.holds(b"TrentService.Decrypt"), "of these calls");
    logs.assert_silent_about(seed.expose());
}

/// Everything that was logged.
#[derive(Clone, Default)]
struct Logs(Arc<Mutex<Vec<u8>>>);

impl Logs {
    fn subscriber(&self) -> impl tracing::Subscriber + Send + Sync + 'static {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(self.clone())
            .finish()
    }

    fn lines(&self) -> usize {
        self.0
            .lock()
            .unwrap()
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
    }

    fn holds(&self, needle: &[u8]) -> bool {
        let logged = self.0.lock().unwrap();
        logged.windows(needle.len()).any(|window| window == needle)
    }

    /// Looks for six bytes in a row of a secret, raw, as digits and as a list; and for the secret in base64,
    /// as a request carries it.
    fn assert_silent_about(&self, secret: &[u8]) {
        for window in secret.windows(6) {
            assert!(!self.holds(window));
            let list = format!("{window:?}");
            assert!(!self.holds(list.trim_matches(['[', ']']).as_bytes()));
            let hex: String = window.iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(!self.holds(hex.as_bytes()));
        }
        let encoded = aws_smithy_types::base64::encode(secret);
        for window in encoded.as_bytes().windows(10) {
            assert!(!self.holds(window), "base64 of a seed was logged");
        }
    }
}

impl Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Logs {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
