//! Whatever a body is, its limits are those of its bound, and a second time changes nothing.

#![no_main]

use std::num::{NonZeroU32, NonZeroU64};

use libfuzzer_sys::fuzz_target;
use portcullis_dialect::{ChatLimit, Endpoint, EstimatePolicy, FreeMembers, OutputLimit, Request};

const ENDPOINTS: [Endpoint; 5] = [
    Endpoint::ChatCompletions,
    Endpoint::Completions,
    Endpoint::Responses,
    Endpoint::Embeddings,
    Endpoint::Messages,
];

fuzz_target!(|input: &[u8]| {
    let Some((choice, body)) = input.split_first() else {
        return;
    };
    let endpoint = ENDPOINTS[usize::from(*choice) % ENDPOINTS.len()];
    let tokens = |count| NonZeroU64::new(count).unwrap();
    let policy = EstimatePolicy {
        output: OutputLimit::new(tokens(500), tokens(2_000)).unwrap(),
        max_choices: NonZeroU32::new(4).unwrap(),
        context_window: (choice & 0x80 != 0).then(|| tokens(100_000)),
        chat_limit: if choice & 0x40 == 0 {
            ChatLimit::Either
        } else {
            ChatLimit::MaxTokens
        },
        free_members: FreeMembers::NONE,
    };
    let Ok(mut request) = Request::parse(endpoint, body) else {
        return;
    };
    let before = request.to_bytes();
    let bound = request.limit(&policy);
    let sent = request.to_bytes();
    match bound {
        Err(_) => assert_eq!(sent, before),
        Ok(bound) => {
            assert!(bound.output <= 2_000 && bound.input >= 1_024);
            let mut again = Request::parse(endpoint, &sent).unwrap();
            assert_eq!(again.limit(&policy), Ok(bound));
            assert_eq!(again.to_bytes(), sent);
        }
    }
});
