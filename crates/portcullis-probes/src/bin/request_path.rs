//! A request under caps, a number of times, for valgrind to count its instructions.
//!
//! `request_path <until> <case> <times>`: until `authenticate`, `authorize` or `settle`; `first`, or `later`, when traces of others
//! wait already.

use std::process::ExitCode;

use portcullis_probes::capped::{self, Capped};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [until, case, times] = args.as_slice() else {
        return ExitCode::from(2);
    };
    let (Some(steps), Some(waiting), Ok(times)) = (steps(until), waiting(case), times.parse())
    else {
        return ExitCode::from(2);
    };
    let capped = Capped::new();
    for _ in 0..waiting {
        capped.request(capped.presented());
    }
    for _ in 0..times {
        run(&capped, steps);
    }
    ExitCode::SUCCESS
}

/// How many steps follow the first one; a permit that is opened is settled, whoever does it.
fn steps(until: &str) -> Option<u32> {
    match until {
        "authenticate" => Some(0),
        "authorize" => Some(1),
        "settle" => Some(2),
        _ => None,
    }
}

/// How many traces wait before the first request that counts: half of what can.
fn waiting(case: &str) -> Option<u32> {
    match case {
        "first" => Some(0),
        "later" => Some(4_000),
        _ => None,
    }
}

fn run(capped: &Capped, steps: u32) {
    let caller = capped.caller();
    if steps > 0 {
        let permit = capped::authorize(&caller);
        if steps > 1 {
            let (call, _credential) = capped::begin(permit);
            capped::settle(call);
        }
    }
}
