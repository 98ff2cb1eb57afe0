//! How requests are bounded under a cap in tokens or dollars.

use std::borrow::Cow;
use std::num::{NonZeroU32, NonZeroU64};

use bytes::Bytes;
use portcullis_dialect::{ChatLimit, Endpoint, EstimatePolicy, FreeMembers, OutputLimit, Request};
use portcullis_limits::{ModelEntry, TokenBound};

use crate::caller::Caller;
use crate::dispatch::{Dispatch, Estimate};
use crate::refusal::Refusal;

/// How the output of requests is limited under a cap in tokens or dollars. What is asked for beyond it is cut down, in the body
/// that is forwarded: the hold is an upper bound because the provider keeps the limit.
///
/// A model's own largest output and its context window stand in the price list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputPolicy {
    /// Tokens of output for each choice: what a request gets that names no limit, and the most that one gets.
    pub limit: OutputLimit,
    /// The most choices (`n`) of one prompt.
    pub max_choices: NonZeroU32,
    /// The providers that keep `max_completion_tokens` as well as `max_tokens`, as their names stand in the gateway. For all
    /// others `max_tokens` is written, which every server knows and reasoning models of these refuse.
    pub keep_both_limits: Vec<Cow<'static, str>>,
    /// Members of a body that this version does not know and that are taken all the same; others are refused under such a cap.
    pub free_members: FreeMembers,
}

impl Default for OutputPolicy {
    /// 4,096 tokens for a request that names no limit, 65,536 at most, 8 choices; `openai` and `azure` keep both limits.
    fn default() -> Self {
        Self {
            limit: LIMIT,
            max_choices: CHOICES,
            keep_both_limits: vec!["openai".into(), "azure".into()],
            free_members: FreeMembers::default(),
        }
    }
}

impl OutputPolicy {
    /// What holds for one model of one provider.
    fn of(&self, provider: &str, entry: Option<&ModelEntry>) -> EstimatePolicy<'_> {
        let keeps_both = self.keep_both_limits.iter().any(|name| name == provider);
        EstimatePolicy {
            output: entry.map_or(self.limit, |entry| self.of_model(entry)),
            max_choices: self.max_choices,
            context_window: entry.and_then(|entry| entry.context_window),
            chat_limit: if keeps_both {
                ChatLimit::Either
            } else {
                ChatLimit::MaxTokens
            },
            free_members: &self.free_members,
        }
    }

    fn of_model(&self, entry: &ModelEntry) -> OutputLimit {
        let max = entry.max_output.map_or(self.limit.max_tokens(), |own| {
            own.min(self.limit.max_tokens())
        });
        // The default is no more than a maximum that it was made to fit.
        OutputLimit::new(self.limit.default_tokens().min(max), max).unwrap_or(self.limit)
    }
}

/// A dispatch with its limits.
#[derive(Default)]
pub(super) struct Limited {
    /// The most that it can use, if that is known.
    pub(super) bound: Option<TokenBound>,
    /// The body that makes it so.
    pub(super) body: Option<Bytes>,
    /// The body asks for usage that the client did not ask for.
    pub(super) adds_usage: bool,
}

impl Caller {
    /// The most that a dispatch can use, and the body that makes it so.
    pub(super) fn bound(
        &self,
        dispatch: &Dispatch<'_>,
        entry: Option<&ModelEntry>,
    ) -> Result<Limited, Refusal> {
        let policy = || self.node.outputs.of(dispatch.provider, entry);
        match dispatch.estimate {
            Estimate::Unknown => Ok(Limited::default()),
            Estimate::Nothing => Ok(Limited::to(NOTHING)),
            Estimate::Known(bound) => Ok(Limited::to(bound)),
            Estimate::Body(endpoint, body) => limited(endpoint, body, &policy()),
            Estimate::Request(request) => {
                limited(request.endpoint(), &request.to_bytes(), &policy())
            }
        }
    }
}

impl Limited {
    fn to(bound: TokenBound) -> Self {
        Self {
            bound: Some(bound),
            ..Self::default()
        }
    }
}

fn limited(
    endpoint: Endpoint,
    body: &[u8],
    policy: &EstimatePolicy<'_>,
) -> Result<Limited, Refusal> {
    let mut request = Request::parse(endpoint, body)?;
    let bound = request.limit(policy).map_err(Refusal::Unbounded)?;
    let bound = TokenBound {
        input: bound.input,
        output: bound.output,
        choices: bound.choices,
    };
    Ok(Limited {
        bound: Some(bound),
        body: Some(request.to_bytes().into()),
        adds_usage: request.adds_usage(),
    })
}

const NOTHING: TokenBound = TokenBound {
    input: 0,
    output: 0,
    choices: 1,
};
const CHOICES: NonZeroU32 = NonZeroU32::new(8).unwrap();
const LIMIT: OutputLimit = {
    let (default, max) = (
        NonZeroU64::new(4_096).unwrap(),
        NonZeroU64::new(65_536).unwrap(),
    );
    match OutputLimit::new(default, max) {
        Ok(limit) => limit,
        Err(_) => panic!("the default is below the maximum"),
    }
};
