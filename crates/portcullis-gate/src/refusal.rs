//! Every door back is one type: rich inside, uniform outside.

use std::time::Duration;

use http::StatusCode;
use portcullis_allowlist::{AddressError, ClientAddress};
use portcullis_dialect::{BodyError, Unbounded};
use portcullis_envelope::CredentialUnusable;
use portcullis_key::MalformedKey;
use portcullis_limits::LimitRefusal;
use portcullis_scope::ScopeRefusal;
use portcullis_store::{KeyId, OrgId, StoreErrorKind};

use crate::limits::quota::RateLimits;

mod answer;
mod wording;

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

#[cfg(test)]
mod tests;
