//! Why a scope says no.

/// Why a [`Scope`](crate::Scope) refuses.
///
/// The set is closed on purpose, so that whoever turns it into an answer has to name every case. It
/// carries no text: nothing that a client sent can pass through it. `Display` is the sentence that
/// the holder of the key is told (`spec/decisions.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ScopeRefusal {
    /// The key was revoked. 401.
    #[error("This API key has been revoked. Use a new key.")]
    KeyRevoked,
    /// The key is switched off. 401.
    #[error("This API key is disabled. Ask your administrator to enable it, or use another key.")]
    KeyDisabled,
    /// `now >= expires_at`. 401.
    #[error("This API key has expired. Use a new key.")]
    KeyExpired,
    /// The gate does not serve the key's environment. 403.
    #[error(
        "This API key belongs to an environment that is not served here. Use the endpoint or the key \
         of the right environment."
    )]
    EnvironmentNotAllowed,
    /// The key may not use the provider. 403.
    #[error(
        "This API key may not use this provider. Choose an allowed provider, or ask your \
         administrator to allow it."
    )]
    ProviderNotAllowed,
    /// The key may not use the model. 403.
    #[error(
        "This API key may not use this model. Choose an allowed model, or ask your administrator to \
         allow it."
    )]
    ModelNotAllowed,
    /// Nobody can tell which model a call to this path uses, and the key may not use every model. 403.
    #[error(
        "This API key is restricted, and its restrictions cannot be enforced on this endpoint. Use a \
         supported endpoint, or ask your administrator for a key without these restrictions."
    )]
    EndpointNotAllowed,
}

impl ScopeRefusal {
    /// Every refusal, in the order in which the checks are made.
    pub const ALL: [Self; 7] = [
        Self::KeyRevoked,
        Self::KeyDisabled,
        Self::KeyExpired,
        Self::EnvironmentNotAllowed,
        Self::ProviderNotAllowed,
        Self::ModelNotAllowed,
        Self::EndpointNotAllowed,
    ];

    /// The stable code, the same in every dialect and every version.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::KeyRevoked => "key_revoked",
            Self::KeyDisabled => "key_disabled",
            Self::KeyExpired => "key_expired",
            Self::EnvironmentNotAllowed => "environment_not_allowed",
            Self::ProviderNotAllowed => "provider_not_allowed",
            Self::ModelNotAllowed => "model_not_allowed",
            Self::EndpointNotAllowed => "endpoint_not_allowed",
        }
    }
}
