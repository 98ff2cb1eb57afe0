//! What tokens of one model cost.

use crate::{NanoUsd, TokenBound, Tokens};

/// The price of one model: three rates for a million tokens, and a fee for each request.
///
/// No field is negative in a [`PriceList`](crate::PriceList). A negative rate built by hand counts as zero, so that no
/// request can earn money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Price {
    /// For a million tokens of input.
    pub input: NanoUsd,
    /// For a million tokens of input that came from the provider's cache.
    pub cached_input: NanoUsd,
    /// For a million tokens of output.
    pub output: NanoUsd,
    /// For the request itself.
    pub fee: NanoUsd,
}

impl Price {
    /// The most that an attempt within `bound` can cost, rounded up to the nano-dollar; `None` when
    /// it does not fit a [`NanoUsd`].
    ///
    /// Input is taken at the dearer of its two rates: with some providers, filling a cache costs
    /// more than not using it.
    #[must_use]
    pub fn hold(&self, bound: TokenBound) -> Option<NanoUsd> {
        let dearer = self.input.max(self.cached_input);
        let output = bound.all_output()?;
        self.sum(&[(bound.input, dearer), (output, self.output)])
    }

    /// What `tokens` cost, rounded up to the nano-dollar; `None` when it does not fit a [`NanoUsd`].
    ///
    /// Never more than [`Price::hold`] of a bound that the tokens keep.
    #[must_use]
    pub fn cost(&self, tokens: Tokens) -> Option<NanoUsd> {
        let cached = tokens.cached_input.min(tokens.input);
        self.sum(&[
            (tokens.input - cached, self.input),
            (cached, self.cached_input),
            (tokens.output, self.output),
        ])
    }

    /// Adds before it divides: one rounding for the whole amount.
    fn sum(&self, parts: &[(u64, NanoUsd)]) -> Option<NanoUsd> {
        let mut millionths: u128 = 0;
        for (tokens, rate) in parts {
            // Two factors of 64 bits always fit.
            millionths =
                millionths.checked_add(u128::from(*tokens) * u128::from(unsigned(*rate)))?;
        }
        let nanos = match u64::try_from(millionths) {
            // Nearly always, and a division in 64 bits takes a tenth of the time.
            Ok(millionths) => millionths.div_ceil(RATE_TOKENS),
            Err(_) => u64::try_from(millionths.div_ceil(RATE_TOKENS.into())).ok()?,
        };
        let nanos = nanos.checked_add(unsigned(self.fee))?;
        i64::try_from(nanos).ok().map(NanoUsd::from_nanos)
    }
}

fn unsigned(amount: NanoUsd) -> u64 {
    u64::try_from(amount.nanos()).unwrap_or(0)
}

/// Rates are for this many tokens.
const RATE_TOKENS: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usd(text: &str) -> NanoUsd {
        NanoUsd::parse(text).unwrap()
    }

    fn price() -> Price {
        Price {
            input: usd("2.50"),
            cached_input: usd("1.25"),
            output: usd("10"),
            fee: usd("0.01"),
        }
    }

    #[test]
    fn a_hold_is_input_and_output_of_all_choices_and_the_fee() {
        let bound = TokenBound {
            input: 1_000,
            output: 500,
            choices: 2,
        };
        // 1,000 x 2.50/M + 1,000 x 10/M + 0.01
        assert_eq!(price().hold(bound), Some(usd("0.0225")));
    }

    #[test]
    fn cached_input_is_charged_at_its_own_rate() {
        let tokens = Tokens {
            input: 1_000,
            cached_input: 400,
            output: 100,
        };
        // 600 x 2.50/M + 400 x 1.25/M + 100 x 10/M + 0.01
        assert_eq!(price().cost(tokens), Some(usd("0.013")));
    }

    #[test]
    fn an_amount_is_rounded_up_once() {
        let price = Price {
            input: NanoUsd::from_nanos(1),
            cached_input: NanoUsd::from_nanos(1),
            output: NanoUsd::from_nanos(1),
            fee: NanoUsd::ZERO,
        };
        let tokens = |input, output| Tokens {
            input,
            cached_input: 0,
            output,
        };
        let nanos = |tokens| price.cost(tokens).unwrap().nanos();
        assert_eq!(nanos(tokens(0, 0)), 0);
        assert_eq!(nanos(tokens(1, 0)), 1);
        assert_eq!(nanos(tokens(1, 1)), 1); // two roundings would make it 2
        assert_eq!(nanos(tokens(1_000_000, 0)), 1);
        assert_eq!(nanos(tokens(1_000_000, 1)), 2);
    }

    #[test]
    fn an_amount_that_does_not_fit_is_none() {
        let tokens = Tokens {
            input: u64::MAX,
            cached_input: 0,
            output: u64::MAX,
        };
        let dear = Price {
            input: NanoUsd::MAX,
            cached_input: NanoUsd::ZERO,
            output: NanoUsd::MAX,
            fee: NanoUsd::MAX,
        };
        assert_eq!(dear.cost(tokens), None);
        assert_eq!(dear.cost(Tokens::default()), Some(NanoUsd::MAX));
        let bound = TokenBound {
            input: 0,
            output: u64::MAX,
            choices: u32::MAX,
        };
        assert_eq!(price().hold(bound), None);
    }

    #[test]
    fn an_amount_is_the_same_on_both_sides_of_64_bits() {
        let rate = NanoUsd::from_nanos(1_000_000_000_000);
        let price = Price {
            input: rate,
            cached_input: rate,
            output: rate,
            fee: NanoUsd::from_nanos(3),
        };
        for input in [18_446_744, 18_446_745, 1_000_000_000_000] {
            let tokens = Tokens {
                input,
                cached_input: 0,
                output: 0,
            };
            let nanos = i64::try_from(input).unwrap() * 1_000_000 + 3;
            assert_eq!(price.cost(tokens), Some(NanoUsd::from_nanos(nanos)));
        }
        let large = NanoUsd::from_nanos((1 << 44) + 1);
        let odd = Price {
            input: large,
            ..price
        };
        let tokens = Tokens {
            input: 1 << 20,
            cached_input: 0,
            output: 0,
        };
        let exact: u128 = ((1_u128 << 64) + (1 << 20)).div_ceil(1_000_000) + 3;
        let exact = i64::try_from(exact).unwrap();
        assert_eq!(odd.cost(tokens), Some(NanoUsd::from_nanos(exact)));
    }

    #[test]
    fn more_cached_tokens_than_input_do_not_lower_a_cost() {
        let tokens = |cached_input| Tokens {
            input: 1_000,
            cached_input,
            output: 0,
        };
        assert_eq!(price().cost(tokens(u64::MAX)), price().cost(tokens(1_000)));
    }

    proptest! {
        #[test]
        fn usage_within_its_bound_never_costs_more_than_its_hold(
            rates in prop::array::uniform4(0..1_000_000_000_000_i64),
            input in 0..10_000_000_u64,
            output in 0..1_000_000_u64,
            choices in 1..9_u32,
            used in prop::array::uniform3(0..=100_u64),
        ) {
            let [input_rate, cached_input, output_rate, fee] = rates.map(NanoUsd::from_nanos);
            let price = Price { input: input_rate, cached_input, output: output_rate, fee };
            let bound = TokenBound { input, output, choices };
            let part = |of: u64, percent: u64| of * percent / 100;
            let tokens = Tokens {
                input: part(input, used[0]),
                cached_input: part(part(input, used[0]), used[1]),
                output: part(bound.all_output().unwrap(), used[2]),
            };
            prop_assert!(price.cost(tokens).unwrap() <= price.hold(bound).unwrap());
        }
    }
}
