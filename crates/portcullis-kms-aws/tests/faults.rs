//! What each answer of KMS counts as: by answers that nobody sent.

#![expect(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    reason = "helpers of tests may fail loudly"
)]

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use portcullis_envelope::testkit::block_on;
use portcullis_envelope::{KeySeed, KeyServiceError, KeyServiceFault, KeyWrapper, OrgKeyRef};
use portcullis_kms_aws::AwsKms;
use portcullis_kms_aws::aws_sdk_kms::config::{
    BehaviorVersion, Credentials, IdentityCache, Region, StalledStreamProtectionConfig,
};
use portcullis_kms_aws::aws_sdk_kms::{Client, Config};

const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/1234abcd";

/// What comes back, whatever is asked.
#[derive(Clone, Debug)]
enum Answer {
    Http {
        status: u16,
        headers: Vec<(&'static str, &'static str)>,
        body: String,
    },
    NoConnection,
    Timeout,
}

impl HttpConnector for Answer {
    fn call(&self, _request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(match self.clone() {
            Self::NoConnection => Err(ConnectorError::io("refused".into())),
            Self::Timeout => Err(ConnectorError::timeout("too long".into())),
            Self::Http {
                status,
                headers,
                body,
            } => {
                let status = status.try_into().unwrap();
                let mut response = HttpResponse::new(status, SdkBody::from(body));
                for (name, value) in headers {
                    response.headers_mut().insert(name, value);
                }
                Ok(response)
            }
        })
    }
}

fn asking(answer: &Answer) -> Result<KeySeed, KeyServiceError> {
    let answer = answer.clone();
    let http = http_client_fn(move |_, _| SharedHttpConnector::new(answer.clone()));
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
        .identity_cache(IdentityCache::no_cache())
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(http)
        .build();
    let kms = AwsKms::new(Client::from_conf(config), KEY).unwrap();
    let of = OrgKeyRef::new(&[1; 16], [2; 8], 1).unwrap();
    block_on(kms.unwrap_key(&of, b"wrapped"))
}

fn error(code: &str, status: u16) -> Answer {
    Answer::Http {
        status,
        headers: vec![("x-amzn-requestid", "request-7")],
        body: format!(r#"{{"__type":"{code}","message":"it was so"}}"#),
    }
}

#[track_caller]
fn counts_as(answer: &Answer, expected: KeyServiceFault) {
    let refused = asking(answer).unwrap_err();
    assert_eq!(refused.fault(), expected, "{refused}");
    assert_eq!(refused.service(), format!("aws-kms:{KEY}"));
}

#[test]
fn each_code_of_kms_counts_as_what_it_means() {
    use KeyServiceFault as F;
    for (code, status, expected) in [
        ("DependencyTimeoutException", 503, F::Unreachable),
        ("KMSInternalException", 500, F::Unreachable),
        ("KeyUnavailableException", 500, F::Unreachable),
        (
            "ThrottlingException",
            400,
            F::Throttled { retry_after: None },
        ),
        (
            "LimitExceededException",
            400,
            F::Throttled { retry_after: None },
        ),
        ("AccessDeniedException", 400, F::Denied),
        ("UnrecognizedClientException", 400, F::Denied),
        ("ExpiredTokenException", 400, F::Denied),
        ("InvalidSignatureException", 400, F::Denied),
        ("InvalidGrantTokenException", 400, F::Denied),
        ("DisabledException", 400, F::Disabled),
        ("KMSInvalidStateException", 400, F::Disabled),
        ("NotFoundException", 400, F::NotFound),
        ("InvalidCiphertextException", 400, F::Rejected),
        ("IncorrectKeyException", 400, F::Rejected),
        ("InvalidKeyUsageException", 400, F::Unexpected),
        ("ValidationException", 400, F::Unexpected),
        ("SomethingNewException", 400, F::Unexpected),
        ("SomethingNewException", 502, F::Unreachable),
        (
            "SomethingNewException",
            429,
            F::Throttled { retry_after: None },
        ),
    ] {
        counts_as(&error(code, status), expected);
        let refused = asking(&error(code, status)).unwrap_err();
        let detail = refused.detail().unwrap();
        assert_eq!(
            detail,
            format!("{code}, status {status}, request request-7")
        );
    }
}

#[test]
fn a_pause_that_is_asked_for_is_kept() {
    let throttled = Answer::Http {
        status: 429,
        headers: vec![("retry-after", "9")],
        body: String::new(),
    };
    let retry_after = Some(Duration::from_secs(9));
    counts_as(&throttled, KeyServiceFault::Throttled { retry_after });
}

#[test]
fn nobody_there_and_no_answer_in_time_are_unreachable() {
    counts_as(&Answer::NoConnection, KeyServiceFault::Unreachable);
    counts_as(&Answer::Timeout, KeyServiceFault::Unreachable);
}

#[test]
fn a_proxy_on_the_way_that_has_its_own_say_is_unreachable() {
    let proxy = Answer::Http {
        status: 502,
        headers: vec![],
        body: "<html>Bad Gateway</html>".to_owned(),
    };
    counts_as(&proxy, KeyServiceFault::Unreachable);
}

#[test]
fn an_answer_that_is_no_seed_is_refused() {
    let answer = |body: &str| Answer::Http {
        status: 200,
        headers: vec![],
        body: body.to_owned(),
    };
    counts_as(&answer("{}"), KeyServiceFault::Unexpected);
    // 31 bytes, and 32 zeros.
    for text in [
        "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ==",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ] {
        let body = format!(r#"{{"Plaintext":"{text}"}}"#);
        counts_as(&answer(&body), KeyServiceFault::WrongBytes);
    }
    let right = r#"{"Plaintext":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="}"#;
    assert_eq!(asking(&answer(right)).unwrap().expose(), &[1; 32]);
}
