//! How many tokens a request can be billed for at most, and the limits that make it so.
//!
//! `spec/estimate.md` of the repository is normative for this module; the numbers of its rules stand
//! beside the code that keeps them.

use std::num::{NonZeroU32, NonZeroU64};

use crate::Request;

mod error;
mod free_members;
mod input;
mod limits;
mod rules;
mod shape;
mod weight;

pub use error::{InvalidOutputLimit, Unbounded};
pub use free_members::{FreeMembers, InvalidFreeMember};

/// What an operator allows a request to use, and knows about the model it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EstimatePolicy<'a> {
    /// The output of one choice.
    pub output: OutputLimit,
    /// The most choices (`n`, `best_of`) of one prompt. Who asks for more gets this many.
    pub max_choices: NonZeroU32,
    /// The most tokens of input that the provider bills for one inference of the model: its context
    /// window, and a multiple of that for a model that bills images at a multiple.
    ///
    /// It is the bound of what is not in the body as text: images, files, earlier responses. Without
    /// it they are refused. It is also taken as the bound of a longer text, so one that is too small
    /// makes holds that are too small.
    pub context_window: Option<NonZeroU64>,
    /// Which output limit of a chat completion the provider is known to keep.
    pub chat_limit: ChatLimit,
    /// Members that are not known here and taken all the same. [`FreeMembers::NONE`] is the safe choice.
    pub free_members: &'a FreeMembers,
}

/// A limit of output: what a request gets that asks for none, and the most that one gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimit {
    default: NonZeroU64,
    max: NonZeroU64,
}

impl OutputLimit {
    /// In tokens, those of reasoning included.
    ///
    /// # Errors
    /// [`InvalidOutputLimit`]: `default` is more than `max`.
    pub const fn new(default: NonZeroU64, max: NonZeroU64) -> Result<Self, InvalidOutputLimit> {
        if default.get() > max.get() {
            return Err(InvalidOutputLimit { default, max });
        }
        Ok(Self { default, max })
    }

    /// What a request gets that names no limit.
    #[must_use]
    pub const fn default_tokens(self) -> NonZeroU64 {
        self.default
    }

    /// The most that a request gets.
    #[must_use]
    pub const fn max_tokens(self) -> NonZeroU64 {
        self.max
    }

    /// What a request gets that asks for `asked`.
    fn clamp(self, asked: Option<u64>) -> u64 {
        asked.unwrap_or(self.default.get()).min(self.max.get())
    }
}

/// Which output limit of a chat completion a provider keeps. There are two names for it, and a server
/// that does not know one of them ignores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChatLimit {
    /// `max_tokens` and `max_completion_tokens` are both kept, or refused: OpenAI and Azure. The
    /// client's own is written back, and `max_completion_tokens` where it names none, because
    /// reasoning models refuse the other.
    Either,
    /// Only `max_tokens` is sure to be kept: everybody else. It is written into every request. (It is
    /// the safe choice for a provider that nobody has looked at: the worst is a model that refuses
    /// it.)
    MaxTokens,
}

/// The most tokens that a request can be billed for, as long as it is forwarded as
/// [`Request::limit`] left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Tokens of input, at the price of input that is not cached. What the provider charges for
    /// filling a cache is counted in, as more tokens.
    pub input: u64,
    /// The output limit of one choice that was written; 0 where there is no output.
    pub output: u64,
    /// How many choices can be billed, over all prompts; each has up to [`Bound::output`].
    pub choices: u32,
}

/// Members to write, as JSON text.
pub(crate) type Writes = Vec<(&'static str, String)>;

/// The bound of a request, and what has to be written so that it is one.
pub(crate) struct Plan {
    pub(crate) bound: Bound,
    pub(crate) writes: Writes,
    /// Among them is a request for the usage of a stream.
    pub(crate) adds_usage: bool,
}

pub(crate) fn plan(request: &Request<'_>, policy: &EstimatePolicy<'_>) -> Result<Plan, Unbounded> {
    let rules = rules::of(request.endpoint()).ok_or(Unbounded::Endpoint)?;
    let input = input::bound(request.body(), rules, policy)?;
    let limits = limits::plan(request, policy)?;
    let prompts = if limits.output == 0 { 1 } else { input.prompts };
    let choices = prompts
        .checked_mul(u64::from(limits.choices))
        .and_then(|choices| u32::try_from(choices).ok())
        .ok_or(Unbounded::Choices)?;
    let bound = Bound {
        input: input.tokens,
        output: limits.output,
        choices,
    };
    Ok(Plan {
        bound,
        writes: limits.writes,
        adds_usage: limits.adds_usage,
    })
}
