//! What is left of a key's rate, for the headers that SDKs read.

use std::time::Duration;

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

/// What is left of a key's own rates, as OpenAI's `x-ratelimit-*` headers tell it.
///
/// Of the key's own limits only: what others under the same project or organization have used is nobody's to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Of its requests.
    pub requests: Option<Quota>,
    /// Of its tokens.
    pub tokens: Option<Quota>,
}

/// What is left of one rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The most that is admitted at once.
    pub limit: u64,
    /// How much of it is left.
    pub remaining: u64,
    /// How long until all of it is there again.
    pub resets_in: Duration,
}

impl RateLimits {
    /// Writes the headers: `x-ratelimit-limit-requests`, `x-ratelimit-remaining-requests`, `x-ratelimit-reset-requests`
    /// (such as `6m0s` or `120ms`), and the same for `tokens`. A rate that the key does not have writes none.
    pub fn write(&self, headers: &mut HeaderMap) {
        for (quota, [limit, remaining, reset]) in
            [(self.requests, &REQUESTS), (self.tokens, &TOKENS)]
        {
            let Some(quota) = quota else { continue };
            headers.insert(limit, HeaderValue::from(quota.limit));
            headers.insert(remaining, HeaderValue::from(quota.remaining));
            if let Ok(value) = HeaderValue::try_from(duration(quota.resets_in)) {
                headers.insert(reset, value);
            }
        }
    }
}

/// As OpenAI writes it: `120ms` below a second, then `1s`, `6m0s`, `1h0m0s`, rounded up.
fn duration(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        return format!("{}ms", time.as_nanos().div_ceil(1_000_000));
    }
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m{rest}s"),
        (_, _) => format!("{hours}h{minutes}m{rest}s"),
    }
}

static REQUESTS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];
static TOKENS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_openai_writes_them() {
        for (time, text) in [
            (Duration::ZERO, "0ms"),
            (Duration::from_micros(119_001), "120ms"),
            (Duration::from_millis(999), "999ms"),
            (Duration::from_secs(1), "1s"),
            (Duration::from_millis(59_001), "1m0s"),
            (Duration::from_secs(360), "6m0s"),
            (Duration::from_secs(3_661), "1h1m1s"),
        ] {
            assert_eq!(duration(time), text);
        }
    }

    #[test]
    fn a_rate_that_the_key_does_not_have_writes_no_header() {
        let mut headers = HeaderMap::new();
        RateLimits::default().write(&mut headers);
        assert!(headers.is_empty());
        let tokens = Quota {
            limit: 100,
            remaining: 7,
            resets_in: Duration::from_secs(2),
        };
        RateLimits {
            requests: None,
            tokens: Some(tokens),
        }
        .write(&mut headers);
        assert_eq!(headers.len(), 3);
        assert_eq!(headers["x-ratelimit-remaining-tokens"], "7");
        assert_eq!(headers["x-ratelimit-reset-tokens"], "2s");
    }
}
