//! The sentences of `spec/decisions.md`.

use std::borrow::Cow;

use chrono::SecondsFormat;
use portcullis_limits::{CapReached, Level, LimitRefusal, Unit, Window};
use portcullis_scope::ScopeRefusal;

use super::Refusal;

impl Refusal {
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
                "The API key is missing or not valid. Send a valid key as \
                 `Authorization: Bearer <key>`."
                    .into()
            }
            Self::Scope { why, .. } => why.to_string().into(),
            Self::OrganizationSuspended { .. } => {
                "Your organization is suspended. Ask your administrator.".into()
            }
            Self::AddressNotAllowed { .. } => {
                "This API key may not be used from your address. Call from an allowed network, or ask \
                 your administrator to allow this one."
                    .into()
            }
            Self::Limit { why, .. } => limit_message(*why),
            Self::Unbounded(why) => {
                format!("This API key is restricted, and this request cannot be bounded. {why}")
                    .into()
            }
            Self::TooManyAttempts { .. } => {
                "Too many requests with an invalid API key came from your address. Wait as long as \
                 `Retry-After` says, and check the key."
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
                let what =
                    format!("No usable credential {name:?} is configured for provider {provider:?}.");
                let cure = hint.as_deref().unwrap_or("Ask your administrator to add one.");
                format!("{what} {cure}").into()
            }
            Self::KeyServiceUnavailable { .. } => {
                "The provider's credential cannot be read at the moment. Try again later; if it \
                 persists, tell your administrator."
                    .into()
            }
            Self::Unavailable(_) | Self::NoCaller => {
                "The gateway cannot check this request at the moment. Try again shortly.".into()
            }
            Self::Upstream => "The provider did not answer. Try again shortly.".into(),
            Self::CredentialRejected => {
                "The provider did not accept the gateway's credential. Tell your administrator."
                    .into()
            }
        }
    }
}

/// Which cap it is and when it starts again; no amount, and no id.
fn limit_message(why: LimitRefusal) -> Cow<'static, str> {
    match why {
        LimitRefusal::EndpointNotAllowed => ScopeRefusal::EndpointNotAllowed.to_string().into(),
        LimitRefusal::ModelNotPriced => {
            "This API key has a spend cap, and this model has no price. Choose another model, or ask \
             your administrator to set its price."
                .into()
        }
        LimitRefusal::RateLimited(_) => RATE_LIMITED.into(),
        LimitRefusal::CapReached(_) if why.code() == "rate_limited" => RATE_LIMITED.into(),
        LimitRefusal::CapReached(cap) => cap_message(&cap).into(),
    }
}

fn cap_message(cap: &CapReached) -> String {
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
    let cure = match cap.resets_at {
        Some(at) => {
            let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
            &format!("Ask your administrator to raise it, or wait until {at}.")
        }
        None if cap.window == Window::Total => "Ask your administrator to raise it.",
        None => {
            "This request is larger than the whole cap: send a smaller one, or ask your administrator \
             to raise it."
        }
    };
    format!("The {how_long} {what} cap of {whose} is reached. {cure}")
}

const RATE_LIMITED: &str = "Too many requests or tokens for this API key. Wait as long as \
                            `Retry-After` says, then try again.";
