//! What is taken out of every sampled body.

use std::fmt;

use super::{Finding, Redactor, card, email, iban, own_key, shapes};

/// Finds credentials of providers, keys of this gateway, e-mail addresses, bank accounts and card numbers.
///
/// | rule | finds |
/// |---|---|
/// | `openai_key`, `anthropic_key`, `openrouter_key`, `groq_key`, `xai_key`, `perplexity_key`, `huggingface_token`, `replicate_token`, `nvidia_key` | keys of model providers by prefix |
/// | `aws_access_key_id`, `google_key`, `google_oauth_token` | keys of clouds; an AWS *secret* key has no shape of its own |
/// | `github_token`, `gitlab_token`, `slack_token`, `slack_webhook`, `stripe_key` | credentials of services |
/// | `jwt`, `private_key` | signed tokens; PEM blocks |
/// | `gateway_key` | `{brand}_{env}_` and 61 characters |
/// | `email` | addresses, `%40` for `@` too |
/// | `iban` | bank accounts, by country, length and check digits (ISO 13616, mod 97) |
/// | `card_number` | 13 to 19 digits of a known card scheme with a right check digit (Luhn) |
///
/// It takes time linear in the text. It errs towards taking out too much.
#[derive(Clone, Default)]
pub struct StandardRedactor {
    own_key: Option<fn(&[u8]) -> bool>,
}

impl StandardRedactor {
    /// The names of all rules, for metrics that want to know them beforehand.
    pub const RULES: [&'static str; 23] = [
        "anthropic_key",
        "aws_access_key_id",
        "card_number",
        "email",
        "gateway_key",
        "github_token",
        "gitlab_token",
        "google_key",
        "google_oauth_token",
        "groq_key",
        "huggingface_token",
        "iban",
        "jwt",
        "nvidia_key",
        "openai_key",
        "openrouter_key",
        "perplexity_key",
        "private_key",
        "replicate_token",
        "slack_token",
        "slack_webhook",
        "stripe_key",
        "xai_key",
    ];

    /// All rules. A gateway key is known by its shape.
    #[must_use]
    pub const fn new() -> Self {
        Self { own_key: None }
    }

    /// A text of the shape of a gateway key is taken out only if `check` says that it is one, by its checksum for
    /// instance. It is given the text from brand to checksum.
    #[must_use]
    pub const fn with_key_check(mut self, check: fn(&[u8]) -> bool) -> Self {
        self.own_key = Some(check);
        self
    }
}

impl Redactor for StandardRedactor {
    fn find(&self, text: &str) -> Vec<Finding> {
        let mut found = Vec::new();
        shapes::find(text, &mut found);
        own_key::find(text, self.own_key, &mut found);
        email::find(text, &mut found);
        iban::find(text, &mut found);
        card::find(text, &mut found);
        found
    }
}

impl fmt::Debug for StandardRedactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StandardRedactor")
            .field("checks_own_keys", &self.own_key.is_some())
            .finish()
    }
}
