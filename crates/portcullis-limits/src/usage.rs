//! Tokens: how many an attempt may use at most, and how many it used.

/// Tokens that one attempt used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Tokens of the prompt, the cached ones included.
    pub input: u64,
    /// Those of [`Tokens::input`] that the provider bills as cached. More than `input` counts as `input`.
    pub cached_input: u64,
    /// Tokens of the answer, over all choices, those of its reasoning included.
    pub output: u64,
}

impl Tokens {
    /// Input and output together: what a token cap counts. Saturating, because a settlement never fails.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

/// What is known of the tokens of an attempt once it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// The provider's final count. It is charged as it is, below or above the hold.
    Exact(Tokens),
    /// A count that may have grown after it. The larger of it and the hold is charged.
    Partial(Tokens),
    /// No count that can be trusted. The hold is charged.
    Unknown,
}

/// The most tokens that one attempt can use.
///
/// It is a bound only if it is enforced: the output limit has to be written into the request that is forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenBound {
    /// At least the tokens of the prompt. One token for each byte of the text is always enough.
    pub input: u64,
    /// The output limit of one choice.
    pub output: u64,
    /// How many choices are asked for (`n`), each up to the output limit.
    pub choices: u32,
}

impl TokenBound {
    /// Input and the output of all choices; `None` when that does not fit a `u64`.
    #[must_use]
    pub fn total(self) -> Option<u64> {
        self.all_output()?.checked_add(self.input)
    }

    /// The output of all choices; `None` when that does not fit a `u64`.
    #[must_use]
    pub fn all_output(self) -> Option<u64> {
        self.output.checked_mul(u64::from(self.choices))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_choice_counts_against_the_bound() {
        let bound = TokenBound {
            input: 10,
            output: 100,
            choices: 3,
        };
        assert_eq!(bound.total(), Some(310));
    }

    #[test]
    fn a_bound_that_does_not_fit_is_none() {
        let bound = |input, output, choices| TokenBound {
            input,
            output,
            choices,
        };
        assert_eq!(bound(0, u64::MAX, 2).total(), None);
        assert_eq!(bound(1, u64::MAX, 1).total(), None);
        assert_eq!(bound(0, u64::MAX, 1).total(), Some(u64::MAX));
    }
}
