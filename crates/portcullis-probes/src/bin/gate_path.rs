//! A gate's answer to a stranger, a number of times, for valgrind to count its instructions.
//!
//! `gate_path <scheme> <case> <times>`; the names are in the tables below.

use std::hint::black_box;
use std::process::ExitCode;

use portcullis_gate::{DigestPolicy, Refusal};
use portcullis_probes::served::Served;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [scheme, case, times] = args.as_slice() else {
        return ExitCode::from(2);
    };
    let (Some(digests), Ok(times)) = (digests(scheme), times.parse()) else {
        return ExitCode::from(2);
    };
    if run(&Served::new(digests), case, times) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(2)
    }
}

fn digests(scheme: &str) -> Option<DigestPolicy> {
    match scheme {
        "sha256" => Some(DigestPolicy::Sha256),
        "hmac-sha256" => Some(DigestPolicy::HmacSha256),
        "both" => Some(DigestPolicy::HmacSha256WhileSha256IsReplaced),
        _ => None,
    }
}

/// False when the case is unknown, or its outcome is not what the case says.
fn run(served: &Served, case: &str, times: u32) -> bool {
    let (text, expected): (_, fn(&Refusal) -> bool) = match case {
        "unknown-id" => (&served.unknown_id, |why| {
            matches!(why, Refusal::UnknownKey(_))
        }),
        "wrong-secret" => (&served.wrong_secret, |why| {
            matches!(why, Refusal::WrongSecret(_))
        }),
        _ => return false,
    };
    (0..times).all(|_| {
        let answer = served.authenticate(Served::presented(black_box(text)));
        answer.is_err_and(|why| expected(&why))
    })
}
