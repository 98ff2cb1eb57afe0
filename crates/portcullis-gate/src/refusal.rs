//! Every door back is one type: rich inside, uniform outside.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use chrono::SecondsFormat;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use portcullis_allowlist::{AddressError, ClientAddress};
use portcullis_dialect::{ApiError, BodyError, Dialect, Unbounded, error_body, error_event};
use portcullis_envelope::CredentialUnusable;
use portcullis_key::MalformedKey;
use portcullis_limits::{Level, LimitRefusal, Unit, Window};
use portcullis_scope::ScopeRefusal;
use portcullis_store::{KeyId, OrgId, StoreErrorKind};

use crate::limits::quota::RateLimits;

/// Why a request is refused.
///
/// `Display` and `Debug` are for the operator: they name the cause. What the caller is told is
/// [`code`](Refusal::code) and [`message`](Refusal::message), from the table in `spec/decisions.md`: before
/// a key's secret has been shown, every cause has one and the same answer.
///
/// # Security
/// No variant holds a secret, a digest, or text that a client wrote.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No credential header.
    #[error("the request carries no credential")]
    NoCredential,
    /// An `Authorization` header that is not `Bearer <key>`.
    #[error("the Authorization header is not of the form `Bearer <key>`")]
    MalformedCredential,
    /// Two credential headers that differ.
    #[error("the request carries two different credentials")]
    ConflictingCredentials,
    /// Text that is no key: wrong length, characters or checksum.
    #[error("the credential is not a key: {0}")]
    MalformedKey(MalformedKey),
    /// A well-formed key whose id nobody has.
    #[error("no key has the id {0}")]
    UnknownKey(KeyId),
    /// A known id under a prefix that is not the key's own.
    #[error("key {0} was presented under another prefix than its own")]
    WrongPrefix(KeyId),
    /// A known id with a secret that is not valid for it.
    #[error("key {0} was presented with a wrong secret")]
    WrongSecret(KeyId),
    /// The key's own rules say no.
    #[error("key {key}: {}", why.code())]
    Scope {
        /// The key.
        key: KeyId,
        /// What its rules said.
        why: ScopeRefusal,
    },
    /// The key's organization is shut out.
    #[error("key {key}: organization {org} is suspended")]
    OrganizationSuspended {
        /// The key.
        key: KeyId,
        /// Its organization.
        org: OrgId,
    },
    /// The key may not be used from the client's address, or that address could not be told.
    #[error(
        "key {key} may not be used from {}; rules {rules} of the key, {org_rules} of its organization",
        told(from)
    )]
    AddressNotAllowed {
        /// The key.
        key: KeyId,
        /// The address and how it was found, or why it could not be told.
        from: Result<ClientAddress, AddressError>,
        /// The generation of the key's rules.
        rules: u64,
        /// The generation of the organization's.
        org_rules: u64,
    },
    /// A limit of the key, its project or its organization has no room for the request, or cannot be applied to it.
    #[error("key {key}: {why}")]
    Limit {
        /// The key.
        key: KeyId,
        /// Which limit, and when it has room again.
        why: LimitRefusal,
        /// In how many seconds trying again makes sense, where it does.
        retry_after: Option<u64>,
        /// What is left of the key's own rates.
        limits: Box<RateLimits>,
    },
    /// Nobody can tell how much the request may use, and a cap counts it.
    #[error("the request cannot be bounded: {0}")]
    Unbounded(Unbounded),
    /// Too many invalid credentials came from the client's address.
    #[error("too many invalid credentials from this address")]
    TooManyAttempts {
        /// How long to wait.
        wait: Duration,
    },
    /// A path that is not forwarded.
    #[error("the endpoint is not one that is forwarded")]
    UnsupportedEndpoint,
    /// A body that cannot be read in exactly one way.
    #[error("the request body was refused: {0}")]
    Body(BodyError),
    /// A body longer than the gateway takes.
    #[error("the request body is longer than {limit} bytes")]
    BodyTooLong {
        /// The most that is taken, in bytes.
        limit: usize,
    },
    /// A body that ended before it was whole.
    #[error("the request body did not arrive whole")]
    BodyCutShort,
    /// No credential is stored for the provider.
    #[error("no credential is stored for provider {provider:?}, name {name:?}")]
    MissingCredential {
        /// The provider, as the gateway named it.
        provider: Box<str>,
        /// The credential's name.
        name: Box<str>,
        /// What the caller is told to do, from the gateway's configuration.
        hint: Option<Box<str>>,
    },
    /// The credential that is stored cannot be used. The caller is told what [`MissingCredential`](Self::MissingCredential)
    /// tells.
    #[error("the credential {name:?} for provider {provider:?} cannot be used: {why}")]
    CredentialUnusable {
        /// The provider, as the gateway named it.
        provider: Box<str>,
        /// The credential's name.
        name: Box<str>,
        /// What the caller is told to do, from the gateway's configuration.
        hint: Option<Box<str>>,
        /// The cause, for the operator.
        why: Unusable,
    },
    /// The key service of the organization does not answer at the moment.
    #[error("the credential for provider {provider:?} cannot be opened at the moment: {why}")]
    KeyServiceUnavailable {
        /// The provider.
        provider: Box<str>,
        /// The cause, for the operator.
        why: Box<str>,
        /// When to try again.
        retry_after: Duration,
    },
    /// The gate cannot answer for its rules.
    #[error("the gate cannot check requests: {0}")]
    Unavailable(#[from] Unavailable),
    /// A handler asked for its caller where nobody authenticates one. The gateway's mistake, so nothing is said of it.
    #[error(
        "the route was reached without a caller: put it behind the layer that authenticates, and do not list it as open"
    )]
    NoCaller,
    /// The provider did not answer. Not the gate's refusal, but it leaves by the same door.
    #[error("the provider did not answer")]
    Upstream,
    /// The provider did not accept the stored credential. The caller's own key is in order, so it must not hear "401".
    #[error("the provider did not accept the stored credential; put a valid one")]
    CredentialRejected,
}

/// Why a stored credential cannot be used: for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
    /// It was switched off, or its time is up.
    #[error(transparent)]
    Standing(#[from] CredentialUnusable),
    /// It does not open: its record, its organization's key or the key service is the reason.
    #[error("it does not open: {why}")]
    Unreadable {
        /// The cause.
        why: Box<str>,
    },
}

/// Why a gate cannot answer for its rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// Its rules were not confirmed within the bound: the upkeep does not run, or the store does not answer.
    #[error("its rules are older than the bound; is the upkeep running and does the store answer?")]
    Stale,
    /// The change log is not the one it followed: a restored or replaced database.
    #[error(
        "the store's change log is not the one this process followed (a restored or replaced database?); restart it"
    )]
    Diverged,
    /// It was closed, or another process took its place.
    #[error("it was closed, or its lease was taken over")]
    Closed,
    /// A permit was kept for too long before it was used.
    #[error("a permit was used too long after it was given")]
    PermitExpired,
    /// The store failed.
    #[error("the store failed ({0:?})")]
    Store(StoreErrorKind),
}

impl Refusal {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.line().0
    }

    /// The stable code of `spec/decisions.md`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.line().1
    }

    /// The sentence that the caller is told.
    #[must_use]
    pub fn message(&self) -> Cow<'static, str> {
        match self {
            Self::NoCredential
            | Self::MalformedCredential
            | Self::ConflictingCredentials
            | Self::MalformedKey(_)
            | Self::UnknownKey(_)
            | Self::WrongPrefix(_)
            | Self::WrongSecret(_) => {
                "The API key is missing or not valid. Send a valid key as `Authorization: Bearer <key>`.".into()
            }
            Self::Scope { why, .. } => why.to_string().into(),
            Self::OrganizationSuspended { .. } => {
                "Your organization is suspended. Ask your administrator.".into()
            }
            Self::AddressNotAllowed { .. } => {
                "This API key may not be used from your address. Call from an allowed network, or ask your \
                 administrator to allow this one."
                    .into()
            }
            Self::Limit { why, .. } => limit_message(*why),
            Self::Unbounded(why) => {
                format!("This API key is restricted, and this request cannot be bounded. {why}").into()
            }
            Self::TooManyAttempts { .. } => {
                "Too many requests with an invalid API key came from your address. Wait as long as `Retry-After` says, and \
                 check the key."
                    .into()
            }
            Self::UnsupportedEndpoint => {
                "This endpoint is not supported here. Check the method and the path.".into()
            }
            Self::Body(why) => why.to_string().into(),
            Self::BodyCutShort => {
                "The request body did not arrive whole: send the request again.".into()
            }
            Self::BodyTooLong { limit } => {
                format!("The request body is too long: send at most {limit} bytes.").into()
            }
            Self::MissingCredential { provider, name, hint }
            | Self::CredentialUnusable { provider, name, hint, .. } => {
                let what = format!("No usable credential {name:?} is configured for provider {provider:?}.");
                let cure = hint.as_deref().unwrap_or("Ask your administrator to add one.");
                format!("{what} {cure}").into()
            }
            Self::KeyServiceUnavailable { .. } => {
                "The provider's credential cannot be read at the moment. Try again later; if it persists, tell \
                 your administrator."
                    .into()
            }
            Self::Unavailable(_) | Self::NoCaller => {
                "The gateway cannot check this request at the moment. Try again shortly.".into()
            }
            Self::Upstream => "The provider did not answer. Try again shortly.".into(),
            Self::CredentialRejected => {
                "The provider did not accept the gateway's credential. Tell your administrator.".into()
            }
        }
    }

    /// How long the caller should wait before trying again, where waiting helps.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        if let Self::Limit { retry_after, .. } = self {
            retry_after.map(Duration::from_secs)
        } else if let Self::TooManyAttempts { wait } = self {
            Some(whole_seconds(*wait))
        } else if let Self::KeyServiceUnavailable { retry_after, .. } = self {
            Some(whole_seconds(*retry_after))
        } else {
            matches!(self, Self::Unavailable(_)).then_some(Duration::from_secs(1))
        }
    }

    /// Whether the refusal came before a key's secret was shown: all that a stranger can reach.
    #[must_use]
    pub fn is_before_secret(&self) -> bool {
        self.code() == "invalid_api_key"
    }

    /// The whole answer, in the words of the caller's API.
    #[must_use]
    pub fn to_response(&self, dialect: Dialect) -> Response<Bytes> {
        let mut response = Response::new(self.write(|error| error_body(dialect, error)));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
        }
        if let Self::Limit { limits, .. } = self {
            limits.write(headers);
        }
        if self.status() == StatusCode::PAYMENT_REQUIRED {
            // The SDKs of OpenAI and Anthropic obey it: waiting two seconds does not refill a budget.
            headers.insert("x-should-retry", HeaderValue::from_static("false"));
        }
        response
    }

    /// The event that ends a stream of server-sent events which this refusal cuts.
    #[must_use]
    pub fn to_event(&self, dialect: Dialect) -> Bytes {
        self.write(|error| error_event(dialect, error))
    }

    /// The line of the table in `spec/decisions.md`, section 4: status and code.
    fn line(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NoCredential
            | Self::MalformedCredential
            | Self::ConflictingCredentials
            | Self::MalformedKey(_)
            | Self::UnknownKey(_)
            | Self::WrongPrefix(_)
            | Self::WrongSecret(_) => (StatusCode::UNAUTHORIZED, "invalid_api_key"),
            Self::Scope { why, .. } => (scope_status(*why), why.code()),
            Self::OrganizationSuspended { .. } => (StatusCode::FORBIDDEN, "organization_suspended"),
            Self::AddressNotAllowed { .. } => (StatusCode::FORBIDDEN, "ip_not_allowed"),
            Self::Limit { why, .. } => (limit_status(*why), why.code()),
            Self::Unbounded(_) => (
                StatusCode::FORBIDDEN,
                LimitRefusal::EndpointNotAllowed.code(),
            ),
            Self::TooManyAttempts { .. } => (StatusCode::TOO_MANY_REQUESTS, "too_many_attempts"),
            Self::UnsupportedEndpoint => (StatusCode::NOT_FOUND, "unsupported_endpoint"),
            Self::Body(_) | Self::BodyCutShort => (StatusCode::BAD_REQUEST, "invalid_body"),
            Self::BodyTooLong { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_long"),
            Self::MissingCredential { .. } | Self::CredentialUnusable { .. } => {
                (StatusCode::FAILED_DEPENDENCY, "missing_provider_credential")
            }
            Self::KeyServiceUnavailable { .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, "credential_unreadable")
            }
            Self::Unavailable(_) | Self::NoCaller => {
                (StatusCode::SERVICE_UNAVAILABLE, "gate_unavailable")
            }
            Self::Upstream => (StatusCode::BAD_GATEWAY, "upstream_unavailable"),
            Self::CredentialRejected => (StatusCode::BAD_GATEWAY, "provider_credential_rejected"),
        }
    }

    /// Lends the answer's parts to a writer of one dialect.
    fn write(&self, write: impl FnOnce(&ApiError<'_>) -> Vec<u8>) -> Bytes {
        let param = if let Self::Body(why) = self {
            why.param()
        } else if let Self::Unbounded(why) = self {
            why.param()
        } else {
            None
        };
        let message = self.message();
        let error = ApiError {
            status: self.status().as_u16(),
            code: self.code(),
            message: &message,
            param,
        };
        Bytes::from(write(&error))
    }
}

fn scope_status(why: ScopeRefusal) -> StatusCode {
    match why {
        ScopeRefusal::KeyRevoked | ScopeRefusal::KeyDisabled | ScopeRefusal::KeyExpired => {
            StatusCode::UNAUTHORIZED
        }
        ScopeRefusal::EnvironmentNotAllowed
        | ScopeRefusal::ProviderNotAllowed
        | ScopeRefusal::ModelNotAllowed
        | ScopeRefusal::EndpointNotAllowed => StatusCode::FORBIDDEN,
    }
}

fn limit_status(why: LimitRefusal) -> StatusCode {
    match why {
        LimitRefusal::EndpointNotAllowed | LimitRefusal::ModelNotPriced => StatusCode::FORBIDDEN,
        LimitRefusal::RateLimited(_) => StatusCode::TOO_MANY_REQUESTS,
        // Rates wait, budgets do not: the leaf tells them apart by whether waiting helps soon.
        LimitRefusal::CapReached(_) if why.code() == "rate_limited" => {
            StatusCode::TOO_MANY_REQUESTS
        }
        LimitRefusal::CapReached(_) => StatusCode::PAYMENT_REQUIRED,
    }
}

/// Which cap it is and when it starts again; no amount, and no id.
fn limit_message(why: LimitRefusal) -> Cow<'static, str> {
    match why {
        LimitRefusal::EndpointNotAllowed => ScopeRefusal::EndpointNotAllowed.to_string().into(),
        LimitRefusal::ModelNotPriced => {
            "This API key has a spend cap, and this model has no price. Choose another model, or ask your administrator \
             to set its price."
                .into()
        }
        LimitRefusal::RateLimited(_) => RATE_LIMITED.into(),
        LimitRefusal::CapReached(_) if why.code() == "rate_limited" => RATE_LIMITED.into(),
        LimitRefusal::CapReached(cap) => {
            let whose = match cap.level {
                Level::Key => "this API key",
                Level::Project => "the project of this API key",
                Level::Organization => "your organization",
            };
            let what = match cap.unit {
                Unit::Usd => "spend",
                Unit::Tokens => "token",
                Unit::Requests => "request",
            };
            let how_long = match cap.window {
                Window::Minute => "minute's",
                Window::Hour => "hour's",
                Window::Day(_) => "day's",
                Window::Month(_) => "month's",
                Window::Total => "total",
            };
            let until = match cap.resets_at {
                Some(at) => {
                    let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
                    format!("Ask your administrator to raise it, or wait until {at}.")
                }
                None if cap.window == Window::Total => "Ask your administrator to raise it.".to_owned(),
                None => "This request is larger than the whole cap: send a smaller one, or ask your administrator to raise it.".to_owned(),
            };
            format!("The {how_long} {what} cap of {whose} is reached. {until}").into()
        }
    }
}

/// Rounded up, and at least one: a client that comes back too early is refused again.
fn whole_seconds(wait: Duration) -> Duration {
    let partial = u64::from(wait.subsec_nanos() > 0);
    Duration::from_secs(wait.as_secs().saturating_add(partial).max(1))
}

/// Where a client is, for the log.
fn told(from: &Result<ClientAddress, AddressError>) -> String {
    match from {
        Ok(client) => client.to_string(),
        Err(why) => format!("an address that could not be told: {why}"),
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

impl From<MalformedKey> for Refusal {
    fn from(error: MalformedKey) -> Self {
        Self::MalformedKey(error)
    }
}

const RATE_LIMITED: &str = "Too many requests or tokens for this API key. Wait as long as `Retry-After` says, then try again.";

#[cfg(test)]
mod tests {
    use portcullis_limits::{CapReached, TooSoon, Zone};

    use super::*;

    const SPEC: &str = include_str!("../../../spec/decisions.md");

    /// One refusal for each line of the table that needs no more than this version has.
    fn samples() -> Vec<Refusal> {
        let key: KeyId = "3fK9aaaaaaaa".parse().unwrap();
        let org: OrgId = "0198c0de-0000-7000-8000-000000000001".parse().unwrap();
        let mut samples = vec![
            Refusal::NoCredential,
            Refusal::OrganizationSuspended { key, org },
            Refusal::AddressNotAllowed {
                key,
                from: Err(AddressError::NoPeer),
                rules: 1,
                org_rules: 1,
            },
            Refusal::UnsupportedEndpoint,
            Refusal::KeyServiceUnavailable {
                provider: "openai".into(),
                why: "".into(),
                retry_after: Duration::from_secs(1),
            },
            Refusal::Unavailable(Unavailable::Stale),
            Refusal::Upstream,
            Refusal::CredentialRejected,
            Refusal::TooManyAttempts {
                wait: Duration::from_millis(300),
            },
            limit(LimitRefusal::EndpointNotAllowed),
            limit(LimitRefusal::ModelNotPriced),
            limit(too_soon()),
            limit(cap(Unit::Tokens, Window::Minute)),
        ];
        samples.extend(ScopeRefusal::ALL.map(|why| Refusal::Scope { key, why }));
        samples
    }

    fn limit(why: LimitRefusal) -> Refusal {
        let now = "2026-11-30T23:59:30Z".parse().unwrap();
        Refusal::Limit {
            key: "3fK9aaaaaaaa".parse().unwrap(),
            why,
            retry_after: why.retry_after(now),
            limits: Box::default(),
        }
    }

    fn too_soon() -> LimitRefusal {
        let wait = Duration::from_millis(1_200);
        TooSoon { wait }.into()
    }

    fn cap(unit: Unit, window: Window) -> LimitRefusal {
        let now = "2026-11-30T23:59:30Z".parse().unwrap();
        let resets_at = window.period(now).end;
        let level = Level::Organization;
        CapReached {
            level,
            unit,
            window,
            resets_at,
        }
        .into()
    }

    #[test]
    fn a_reached_cap_is_named_with_its_reset_and_no_amount() {
        let month = limit(cap(Unit::Usd, Window::Month(Zone::UTC)));
        assert_eq!(
            (month.status().as_u16(), month.code()),
            (402, "budget_exceeded")
        );
        assert_eq!(
            month.message(),
            "The month's spend cap of your organization is reached. Ask your administrator to raise it, or wait until \
             2026-12-01T00:00:00Z."
        );
        let total = limit(cap(Unit::Requests, Window::Total));
        assert_eq!(
            total.message(),
            "The total request cap of your organization is reached. Ask your administrator to raise it."
        );
        let response = month.to_response(Dialect::OpenAi);
        assert_eq!(response.headers()["x-should-retry"], "false");
        assert!(!response.headers().contains_key(RETRY_AFTER));
    }

    #[test]
    fn a_rate_says_in_whole_seconds_when_to_come_back() {
        let response = limit(too_soon()).to_response(Dialect::OpenAi);
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[RETRY_AFTER], "2");
        let response = limit(cap(Unit::Tokens, Window::Minute)).to_response(Dialect::OpenAi);
        assert_eq!(response.headers()[RETRY_AFTER], "30");
    }

    #[test]
    fn status_code_and_sentence_are_those_of_the_spec() {
        for refusal in samples() {
            let code = format!("| `{}` | {} |", refusal.code(), refusal.status().as_u16());
            let line = SPEC.lines().find(|line| line.starts_with(&code));
            let line = line.unwrap_or_else(|| panic!("{code} is no line of the table"));
            let sentence = format!("| {} |", refusal.message());
            assert!(line.ends_with(&sentence), "{line}\n{sentence}");
        }
    }

    #[test]
    fn what_waiting_helps_with_says_how_long() {
        for refusal in samples() {
            let says = refusal.retry_after().is_some();
            let helps = [
                "credential_unreadable",
                "gate_unavailable",
                "rate_limited",
                "too_many_attempts",
            ];
            assert_eq!(says, helps.contains(&refusal.code()), "{refusal:?}");
        }
    }
}
