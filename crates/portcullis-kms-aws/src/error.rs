//! What an error of KMS means.

use std::time::Duration;

use aws_sdk_kms::config::http::HttpResponse;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use portcullis_envelope::{KeyServiceError, KeyServiceFault};

/// Puts an error of the SDK into a class. What is kept of it is the code, and the id by which AWS finds the
/// request: nothing that was sent.
pub(crate) fn classified<E>(reference: &str, error: &SdkError<E, HttpResponse>) -> KeyServiceError
where
    E: ProvideErrorMetadata,
{
    let (fault, detail) = match error {
        SdkError::ServiceError(answer) => of_answer(answer.err().code(), answer.raw()),
        SdkError::TimeoutError(_) => (KeyServiceFault::Unreachable, "timed out".to_owned()),
        SdkError::DispatchFailure(failure) if failure.is_user() => {
            (KeyServiceFault::Unexpected, "not sent".to_owned())
        }
        SdkError::DispatchFailure(_) => (KeyServiceFault::Unreachable, "no connection".to_owned()),
        SdkError::ResponseError(_) => (KeyServiceFault::Unreachable, "no whole answer".to_owned()),
        SdkError::ConstructionFailure(_) => (
            KeyServiceFault::Unexpected,
            "the request could not be made: check the client's credentials and region".to_owned(),
        ),
        // The SDK may add others.
        _ => (KeyServiceFault::Unexpected, "unknown".to_owned()),
    };
    KeyServiceError::new(reference, fault).with_detail(detail)
}

fn of_answer(code: Option<&str>, answer: &HttpResponse) -> (KeyServiceFault, String) {
    let status = answer.status().as_u16();
    let header = |name: &str| answer.headers().get(name);
    let retry_after = header("retry-after").and_then(|value| value.parse().ok());
    let fault = of_code(code.unwrap_or_default(), status, retry_after);
    let code = code.unwrap_or("no code");
    let detail = match header("x-amzn-requestid") {
        Some(id) => format!("{code}, status {status}, request {id}"),
        None => format!("{code}, status {status}"),
    };
    (fault, detail)
}

/// By the code, and by the status for a code that is not known: a proxy on the way has none.
fn of_code(code: &str, status: u16, retry_after: Option<u64>) -> KeyServiceFault {
    let throttled = KeyServiceFault::Throttled {
        retry_after: retry_after.map(Duration::from_secs),
    };
    match code {
        "DependencyTimeoutException"
        | "KMSInternalException"
        | "KeyUnavailableException"
        | "InternalFailure"
        | "InternalServerError"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "RequestTimeout"
        | "RequestTimeoutException" => KeyServiceFault::Unreachable,
        "LimitExceededException"
        | "RequestLimitExceeded"
        | "SlowDown"
        | "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException" => throttled,
        "AccessDenied"
        | "AccessDeniedException"
        | "NotAuthorized"
        | "OptInRequired"
        | "InvalidGrantTokenException"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => KeyServiceFault::Denied,
        "DisabledException" | "KMSInvalidStateException" => KeyServiceFault::Disabled,
        "NotFoundException" => KeyServiceFault::NotFound,
        "InvalidCiphertextException" | "IncorrectKeyException" => KeyServiceFault::Rejected,
        _ => match status {
            429 => throttled,
            500..=599 => KeyServiceFault::Unreachable,
            _ => KeyServiceFault::Unexpected,
        },
    }
}
