//! What OpenAI's client says, wherever it can say something, and what becomes of it in both builds, also when the provider fails.

use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::Value;

use super::{MARKER, bodies, open, sampling_gateway};
use crate::support::{Gateway, Home, PATIENCE, Provider, Sdk, all_bytes_of};

#[test]
fn nothing_that_a_client_says_stays_in_the_gateway_without_bodies() {
    let provider = Provider::start();
    let home = Home::new();
    let (gateway, asked) = asked_at(&home, "100%", &provider);
    let while_serving = all_bytes_of(&home.data());
    assert!(while_serving.iter().any(|(name, _)| name.ends_with("-wal")));
    nothing_is_said(while_serving);
    let usage = home.run(&["usage"]).succeeded().stdout;
    let audit = home.run(&["audit", "tail"]).succeeded().stdout;
    let said = gateway.stop().succeeded();
    assert!(said.stderr.contains("TRACE"), "nothing was traced");
    nothing_is_said([
        ("usage".to_owned(), usage.into()),
        ("audit tail".to_owned(), audit.into()),
        ("standard output".to_owned(), said.stdout.into()),
        ("standard error".to_owned(), said.stderr.into()),
    ]);
    nothing_is_said(all_bytes_of(&home.data()));
    assert_eq!(traces(&home).len(), asked, "{:?}", traces(&home));
}

#[test]
fn the_gateway_with_bodies_keeps_them_in_their_table_alone_and_none_at_a_rate_of_zero() {
    let program = sampling_gateway();
    let provider = Provider::start();
    let none = Home::of(program.clone());
    let (gateway, asked) = asked_at(&none, "0%", &provider);
    nothing_is_said(all_bytes_of(&none.data()));
    let said = gateway.stop().succeeded();
    nothing_is_said([("standard error".to_owned(), said.stderr.into())]);
    nothing_is_said(all_bytes_of(&none.data()));
    let found = traces(&none);
    assert_eq!(found.len(), asked, "{found:?}");
    assert!(found.iter().all(|it| !it.sampled), "{found:?}");

    let all = Home::of(program);
    let (gateway, asked) = asked_at(&all, "100%", &provider);
    let said = gateway.stop().succeeded();
    nothing_is_said([("standard error".to_owned(), said.stderr.into())]);
    let found = traces(&all);
    assert_eq!(found.len(), asked, "{found:?}");
    let sampled = found.iter().filter(|it| it.sampled).count();
    let requests = bodies(&all).into_iter().filter(|it| it.0 == "request");
    let requests: Vec<String> = requests.map(|(_, content, _)| content).collect();
    assert_eq!(requests.len(), sampled, "{requests:?}");
    assert!(sampled + REFUSED == asked, "{found:?}");
    assert!(
        requests.iter().all(|it| it.contains(MARKER)),
        "{requests:?}"
    );
    // And nowhere but there.
    let without = all.copy();
    let db = Connection::open(without.data().join("portcullis.db")).unwrap();
    db.execute_batch("DELETE FROM body_samples; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    drop(db);
    nothing_is_said(all_bytes_of(&without.data()));
}

/// Has a client say the marker in calls of every outcome, at a rate: the gateway, and how many calls it authenticated.
fn asked_at(home: &Home, rate: &str, provider: &Provider) -> (Gateway, usize) {
    let url = provider.url();
    let gateway = home.serve_with(&["--log", "trace", "--upstream", &url]);
    home.put_credential("openai", "sk-test");
    let sampling = format!("sampling={rate}");
    home.run(&["retention", "set", &sampling]).succeeded();
    let key = gateway.first_key().clone();
    let restricted = home.mint(&["--model", Provider::PLAIN]);
    let mut sdk = Sdk::start(gateway.address());
    for (action, model, outcome) in CALLS {
        let answer = sdk.call_saying(&key, action, model, MARKER);
        outcome.is_that_of(&answer);
    }
    for action in ["chat", "stream"] {
        let answer = sdk.call_saying(&restricted, action, MARKER, MARKER);
        Outcome::Ours(403, "model_not_allowed").is_that_of(&answer);
    }
    assert!(
        provider.seen().iter().any(|it| it.body.contains(MARKER)),
        "the client did not say it"
    );
    let asked = CALLS.len() + REFUSED;
    let deadline = Instant::now() + PATIENCE;
    while traces(home).len() < asked {
        assert!(Instant::now() < deadline, "{:?}", traces(home));
        std::thread::sleep(Duration::from_millis(20));
    }
    (gateway, asked)
}

/// How a call ends.
#[derive(Clone, Copy)]
enum Outcome {
    Answered,
    /// With the provider's own error, which says the marker back.
    Quoted(u16),
    /// With an error in the gateway's words.
    Ours(u16, &'static str),
    /// With an answer that stops.
    BrokenOff,
}

impl Outcome {
    fn is_that_of(self, answer: &Value) {
        let error = &answer["error"];
        let text = answer.to_string();
        match self {
            Self::Answered => assert!(error.is_null(), "{answer}"),
            Self::Quoted(status) => {
                assert_eq!(error["status"], status, "{answer}");
                assert!(
                    text.contains(MARKER),
                    "the provider's error is the client's: {answer}"
                );
            }
            Self::Ours(status, code) => {
                assert_eq!(
                    (&error["status"], &error["code"]),
                    (&status.into(), &code.into()),
                    "{answer}"
                );
                assert!(!text.contains(MARKER), "{answer}");
            }
            Self::BrokenOff => {
                assert!(error.is_object() && !text.contains(MARKER), "{answer}");
            }
        }
    }
}

/// What of a trace is looked at.
#[derive(Debug)]
struct Trace {
    #[expect(dead_code, reason = "shown when a test fails")]
    what: String,
    sampled: bool,
}

fn traces(home: &Home) -> Vec<Trace> {
    let db = open(home);
    let months = "SELECT name FROM trace_months";
    let Ok(table) = db.query_row(months, [], |row| row.get::<_, String>(0)) else {
        return Vec::new();
    };
    let sql = format!("SELECT concat_ws(' ', model, outcome, cause, status), sampled FROM {table}");
    let mut statement = db.prepare(&sql).unwrap();
    let rows = statement.query_map([], |row| {
        Ok(Trace {
            what: row.get(0)?,
            sampled: row.get(1)?,
        })
    });
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

fn nothing_is_said(places: impl IntoIterator<Item = (String, Vec<u8>)>) {
    for (place, bytes) in places {
        let at = bytes
            .windows(MARKER.len())
            .position(|it| it == MARKER.as_bytes());
        let around = at.map(|at| String::from_utf8_lossy(&bytes[at.saturating_sub(200)..at + 20]));
        assert!(around.is_none(), "{place} holds the marker: {around:?}");
    }
}

/// Action, model, and how it ends. The marker as a model is one that the provider knows, and no price list.
const CALLS: [(&str, &str, Outcome); 11] = [
    ("chat", Provider::PLAIN, Outcome::Answered),
    ("stream", Provider::COUNTED, Outcome::Answered),
    ("chat", MARKER, Outcome::Answered),
    ("chat", Provider::QUOTES_400, Outcome::Quoted(400)),
    ("stream", Provider::QUOTES_400, Outcome::Quoted(400)),
    ("chat", Provider::QUOTES_500, Outcome::Quoted(500)),
    ("stream", Provider::QUOTES_500, Outcome::Quoted(500)),
    (
        "chat",
        Provider::HANGS_UP,
        Outcome::Ours(502, "upstream_unavailable"),
    ),
    (
        "stream",
        Provider::HANGS_UP,
        Outcome::Ours(502, "upstream_unavailable"),
    ),
    ("stream", Provider::BREAKS_OFF, Outcome::BrokenOff),
    (
        "chat",
        Provider::UNAUTHORIZED,
        Outcome::Ours(502, "provider_credential_rejected"),
    ),
];
/// Calls of a key that may not use the model.
const REFUSED: usize = 2;
