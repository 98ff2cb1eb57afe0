//! Everything that one key may do, and the questions a request asks.

use chrono::{DateTime, Utc};

use crate::{Environment, Environments, Models, Providers, ScopeRefusal, Status};

/// What one key may do.
///
/// Each field is valid by its type, so a scope is built by naming all five. The checks are separate
/// because other checks stand between them: the client's address comes after the standing, limits
/// come after the model. There is deliberately no single check of everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Whether the key is in force.
    pub status: Status,
    /// The first instant at which the key is no longer valid; `None` never expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// The environment the key belongs to, from its row.
    pub environment: Environment,
    /// The providers the key may use.
    pub providers: Providers,
    /// The models the key may use.
    pub models: Models,
}

impl Scope {
    /// Whether the key is in force at `now`: the status first, then the expiry.
    ///
    /// Ask again whenever something is decided, with that decision's one reading of the clock.
    ///
    /// # Errors
    /// [`ScopeRefusal::KeyRevoked`], [`ScopeRefusal::KeyDisabled`], or [`ScopeRefusal::KeyExpired`]
    /// when `now >= expires_at`.
    pub fn check_standing(&self, now: DateTime<Utc>) -> Result<(), ScopeRefusal> {
        match self.status {
            Status::Revoked => Err(ScopeRefusal::KeyRevoked),
            Status::Disabled => Err(ScopeRefusal::KeyDisabled),
            Status::Active if self.is_expired(now) => Err(ScopeRefusal::KeyExpired),
            Status::Active => Ok(()),
        }
    }

    /// Whether a gate that serves `served` serves this key.
    ///
    /// # Errors
    /// [`ScopeRefusal::EnvironmentNotAllowed`].
    pub fn check_environment(&self, served: &Environments) -> Result<(), ScopeRefusal> {
        ensure(
            served.serves(&self.environment),
            ScopeRefusal::EnvironmentNotAllowed,
        )
    }

    /// Whether the key may use `provider`.
    ///
    /// # Errors
    /// [`ScopeRefusal::ProviderNotAllowed`].
    pub fn check_provider(&self, provider: &str) -> Result<(), ScopeRefusal> {
        ensure(
            self.providers.allows(provider),
            ScopeRefusal::ProviderNotAllowed,
        )
    }

    /// Whether the key may use `model`: the name that is really sent, or `None` when the path does
    /// not say which one it uses.
    ///
    /// # Errors
    /// [`ScopeRefusal::ModelNotAllowed`] for a name; [`ScopeRefusal::EndpointNotAllowed`] for `None`
    /// when the key [is restricted](Scope::is_model_restricted).
    pub fn check_model(&self, model: Option<&str>) -> Result<(), ScopeRefusal> {
        match model {
            Some(name) => ensure(self.allows_model(name), ScopeRefusal::ModelNotAllowed),
            None => ensure(
                !self.is_model_restricted(),
                ScopeRefusal::EndpointNotAllowed,
            ),
        }
    }

    /// The provider, then the model: what each attempt to reach a provider has to pass.
    ///
    /// # Errors
    /// Those of [`Scope::check_provider`] and of [`Scope::check_model`].
    pub fn check_dispatch(&self, provider: &str, model: Option<&str>) -> Result<(), ScopeRefusal> {
        self.check_provider(provider)?;
        self.check_model(model)
    }

    /// Whether any model can be refused to this key for its name.
    #[must_use]
    pub fn is_model_restricted(&self) -> bool {
        self.models.is_restricted()
    }

    /// Whether the key may use `model`; for filtering lists of models.
    #[must_use]
    pub fn allows_model(&self, model: &str) -> bool {
        self.models.allows(model)
    }

    fn is_expired(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|expires_at| now >= expires_at)
    }
}

fn ensure(allowed: bool, refusal: ScopeRefusal) -> Result<(), ScopeRefusal> {
    if allowed { Ok(()) } else { Err(refusal) }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn scope() -> Scope {
        Scope {
            status: Status::Active,
            expires_at: None,
            environment: Environment::parse("live").unwrap(),
            providers: Providers::Any,
            models: Models::unrestricted(),
        }
    }

    fn instant() -> DateTime<Utc> {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_key_is_expired_from_the_instant_of_its_expiry_on() {
        let key = Scope {
            expires_at: Some(instant()),
            ..scope()
        };
        let moment = TimeDelta::nanoseconds(1);
        assert_eq!(key.check_standing(instant() - moment), Ok(()));
        assert_eq!(key.check_standing(instant()), Err(ScopeRefusal::KeyExpired));
        assert_eq!(
            key.check_standing(instant() + moment),
            Err(ScopeRefusal::KeyExpired)
        );
        assert_eq!(scope().check_standing(DateTime::<Utc>::MAX_UTC), Ok(()));
    }

    #[test]
    fn the_status_is_told_before_the_expiry() {
        let expires_at = Some(instant());
        let revoked = Scope {
            status: Status::Revoked,
            expires_at,
            ..scope()
        };
        assert_eq!(
            revoked.check_standing(instant()),
            Err(ScopeRefusal::KeyRevoked)
        );
        let disabled = Scope {
            status: Status::Disabled,
            expires_at,
            ..scope()
        };
        assert_eq!(
            disabled.check_standing(instant()),
            Err(ScopeRefusal::KeyDisabled)
        );
    }

    #[test]
    fn the_environment_is_the_keys_own() {
        let served = Environments::parse(Some(&["test"])).unwrap();
        let refused = Err(ScopeRefusal::EnvironmentNotAllowed);
        assert_eq!(scope().check_environment(&served), refused);
        assert_eq!(scope().check_environment(&Environments::Any), Ok(()));
    }

    #[test]
    fn the_provider_is_refused_before_the_model() {
        let key = Scope {
            providers: Providers::parse(Some(&["openai"])).unwrap(),
            models: Models::parse::<&str, &str>(Some(&[]), &[]).unwrap(),
            ..scope()
        };
        let dispatch = |provider| key.check_dispatch(provider, Some("m"));
        assert_eq!(dispatch("mistral"), Err(ScopeRefusal::ProviderNotAllowed));
        assert_eq!(dispatch("openai"), Err(ScopeRefusal::ModelNotAllowed));
    }

    #[test]
    fn an_unreadable_model_is_for_unrestricted_keys_only() {
        assert_eq!(scope().check_model(None), Ok(()));
        let denies: [&[&str]; 2] = [&[], &["x"]];
        for (allow, deny) in [
            (Some(["openai/*"].as_slice()), denies[0]),
            (None, denies[1]),
        ] {
            let key = Scope {
                models: Models::parse(allow, deny).unwrap(),
                ..scope()
            };
            assert_eq!(key.check_model(None), Err(ScopeRefusal::EndpointNotAllowed));
        }
    }
}
