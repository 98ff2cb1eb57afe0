//! What a caller wants to send where.

use std::borrow::Cow;

use portcullis_dialect::{Endpoint, Request};

use crate::refusal::Refusal;

/// One attempt to reach a provider: the model is the one that is really sent, so it is read from the body that
/// is forwarded, never from a header, a query or an alias. A retry or a fallback is a new dispatch.
#[derive(Clone, Debug)]
#[must_use = "a dispatch does nothing until it is authorized"]
pub struct Dispatch<'a> {
    pub(crate) provider: &'a str,
    pub(crate) target: Target<'a>,
    pub(crate) credential: CredentialChoice<'a>,
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
    /// Forward [`Request::to_bytes`], not the bytes that came in: what was read is what is sent.
    pub fn from_request(provider: &'a str, request: &'a Request<'_>) -> Self {
        Self::new(provider, request.model())
    }

    /// A call whose model is read from the body of an OpenAI chat completion.
    ///
    /// A body that could be read in two ways (duplicate keys, keys that differ by case) is refused, so the same bytes
    /// may be forwarded.
    ///
    /// # Errors
    /// [`Refusal::Body`].
    pub fn from_openai(provider: &'a str, body: &'a [u8]) -> Result<Self, Refusal> {
        let model = Request::parse(Endpoint::ChatCompletions, body)?.into_model();
        Ok(Self::new(provider, model))
    }

    /// A request for the provider's list of models. Filter the answer by
    /// [`Caller::allows_model`](crate::Caller::allows_model).
    pub fn model_list(provider: &'a str) -> Self {
        Self::to(provider, Target::ModelList)
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
        }
    }
}
