//! What a caller wants to send where.

use std::borrow::Cow;

use portcullis_dialect::{Endpoint, Request};
use portcullis_limits::TokenBound;

use crate::refusal::Refusal;

/// One attempt to reach a provider: the model is the one that is really sent, so it is read from the body that
/// is forwarded, never from a header, a query or an alias. A retry or a fallback is a new dispatch.
#[derive(Clone, Debug)]
#[must_use = "a dispatch does nothing until it is authorized"]
pub struct Dispatch<'a> {
    pub(crate) provider: &'a str,
    pub(crate) target: Target<'a>,
    pub(crate) credential: CredentialChoice<'a>,
    pub(crate) estimate: Estimate<'a>,
}

/// What is asked of the provider, as far as it concerns the rules.
#[derive(Clone, Debug)]
pub(crate) enum Target<'a> {
    /// A model by name.
    Model(Cow<'a, str>),
    /// The list of models, which the gateway filters.
    ModelList,
    /// A call of which nobody can tell the model.
    Opaque,
}

/// What the call may use at most, as far as anybody can tell. It is looked at under a cap in tokens or dollars only.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Estimate<'a> {
    /// Nobody can tell.
    Unknown,
    /// No token.
    Nothing,
    /// Whoever dispatches can tell, and sees to it.
    Known(TokenBound),
    /// It is read from this body, and its output limit is written into what is forwarded.
    Body(Endpoint, &'a [u8]),
    /// It is read from this request.
    Request(&'a Request<'a>),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum CredentialChoice<'a> {
    Named(&'a str),
    None,
}

impl<'a> Dispatch<'a> {
    /// A call to `model` of `provider`.
    pub fn new(provider: &'a str, model: impl Into<Cow<'a, str>>) -> Self {
        Self::to(provider, Target::Model(model.into()))
    }

    /// A call whose model is read from `request`, a body that was read strictly.
    ///
    /// Forward [`Request::to_bytes`], not the bytes that came in: what was read is what is sent; by way of
    /// [`Call::outgoing`](crate::Call::outgoing), so that a cap is a cap.
    pub fn from_request(provider: &'a str, request: &'a Request<'a>) -> Self {
        Self {
            estimate: Estimate::Request(request),
            ..Self::new(provider, request.model())
        }
    }

    /// A call whose model is read from the body of an OpenAI chat completion.
    ///
    /// A body that could be read in two ways (duplicate keys, keys that differ by case) is refused, so the same bytes
    /// may be forwarded: by way of [`Call::outgoing`](crate::Call::outgoing), which writes the output limit into them where a
    /// cap needs it.
    ///
    /// # Errors
    /// [`Refusal::Body`].
    pub fn from_openai(provider: &'a str, body: &'a [u8]) -> Result<Self, Refusal> {
        let endpoint = Endpoint::ChatCompletions;
        let model = Request::parse(endpoint, body)?.into_model();
        Ok(Self::new(provider, model).reading(endpoint, body))
    }

    /// Reads what the call may use at most from `body`, a body for `endpoint` that was read strictly before.
    ///
    /// Without this and [`with_bound`](Self::with_bound) nobody can tell, and the call is refused under a cap in tokens
    /// or dollars.
    pub fn reading(self, endpoint: Endpoint, body: &'a [u8]) -> Self {
        Self {
            estimate: Estimate::Body(endpoint, body),
            ..self
        }
    }

    /// The most that the call can use, from whoever builds its body. It is a bound only if the output limit and the number
    /// of choices stand in that body.
    pub fn with_bound(self, bound: TokenBound) -> Self {
        Self {
            estimate: Estimate::Known(bound),
            ..self
        }
    }

    /// A call that uses no token, such as a look at one model: counted as a request and as nothing else.
    pub fn without_usage(self) -> Self {
        Self {
            estimate: Estimate::Nothing,
            ..self
        }
    }

    /// A request for the provider's list of models. Filter the answer by
    /// [`Caller::allows_model`](crate::Caller::allows_model).
    pub fn model_list(provider: &'a str) -> Self {
        Self::to(provider, Target::ModelList).without_usage()
    }

    /// A call of which the model cannot be told, to a path this gateway does not know: refused for a key that may not
    /// use every model.
    pub fn opaque(provider: &'a str) -> Self {
        Self::to(provider, Target::Opaque)
    }

    /// Uses the credential of this name instead of `default`.
    pub fn with_credential_name(self, name: &'a str) -> Self {
        Self {
            credential: CredentialChoice::Named(name),
            ..self
        }
    }

    /// Needs no credential: for a provider that takes none. The permit is then opened by
    /// [`open_without_credential`](crate::Permit::open_without_credential).
    pub fn without_credential(self) -> Self {
        Self {
            credential: CredentialChoice::None,
            ..self
        }
    }

    fn to(provider: &'a str, target: Target<'a>) -> Self {
        Self {
            provider,
            target,
            credential: CredentialChoice::Named("default"),
            estimate: Estimate::Unknown,
        }
    }
}
