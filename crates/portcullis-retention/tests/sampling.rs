//! Sampling over a million ids of each kind that a gateway might make.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use portcullis_retention::{Rate, Sampler, SamplingKey};
use proptest::prelude::*;
use zeroize::Zeroizing;

const MILLION: u64 = 1_000_000;
const ORGANIZATION: [u8; 16] = [7; 16];

fn sampler(key: u8) -> Sampler {
    Sampler::new(&SamplingKey::new(Zeroizing::new([key; 32])).unwrap())
}

/// Big-endian numbers, one after another.
fn sequential(number: u64) -> [u8; 16] {
    u128::from(number).to_be_bytes()
}

/// Like a ULID: 48 bits of milliseconds that advance every eighth request, then 80 bits of a linear generator.
fn ulid(number: u64) -> [u8; 16] {
    let time = 1_795_348_800_000 + number / 8;
    let noise = u128::from(number).wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645);
    ((u128::from(time) << 80) | (noise >> 48)).to_be_bytes()
}

/// Five standard deviations of a binomial count, as an integer rounded up.
fn bound(trials: u64, ppm: u64) -> u64 {
    let variance = trials * ppm / MILLION * (MILLION - ppm) / MILLION;
    5 * (variance.isqrt() + 1)
}

fn within_bound(ids: impl Fn(u64) -> [u8; 16]) {
    let sampler = sampler(1);
    let kept =
        (0..MILLION).filter(|number| sampler.keeps(&ORGANIZATION, &ids(*number), Rate::DEFAULT));
    let (kept, expected) = (kept.count() as u64, MILLION / 20);
    let bound = bound(MILLION, 50_000); // 1,090
    assert!(
        kept.abs_diff(expected) <= bound,
        "{kept} of a million, {expected} +- {bound}"
    );
}

#[test]
fn a_million_sequential_ids_are_within_the_binomial_bound() {
    within_bound(sequential);
}

#[test]
fn a_million_ids_like_ulids_are_within_the_binomial_bound() {
    within_bound(ulid);
}

#[test]
fn ids_chosen_under_another_key_are_sampled_like_all_others() {
    // Whoever lacks the key can at best try ids under a key of their own, and present those that it drops, or keeps.
    let (mine, theirs) = (sampler(2), sampler(1));
    for wanted in [false, true] {
        let rate = if wanted {
            Rate::DEFAULT
        } else {
            Rate::from_ppm(500_000).unwrap()
        };
        let chosen = (0..100_000).map(sequential);
        let chosen: Vec<_> = chosen
            .filter(|id| mine.keeps(&ORGANIZATION, id, rate) == wanted)
            .collect();
        let kept = chosen
            .iter()
            .filter(|id| theirs.keeps(&ORGANIZATION, *id, rate))
            .count() as u64;
        let trials = chosen.len() as u64;
        let expected = trials * u64::from(rate.ppm()) / MILLION;
        let bound = bound(trials, u64::from(rate.ppm()));
        assert!(
            trials > 4_000 && kept.abs_diff(expected) <= bound,
            "{kept} of {trials}"
        );
    }
}

#[test]
fn ids_that_are_sampled_for_one_organization_are_nothing_special_for_another() {
    let sampler = sampler(1);
    let chosen = (0..100_000).map(sequential);
    let chosen: Vec<_> = chosen
        .filter(|id| sampler.keeps(&ORGANIZATION, id, Rate::DEFAULT))
        .collect();
    let kept = chosen
        .iter()
        .filter(|id| sampler.keeps(&[8; 16], *id, Rate::DEFAULT))
        .count() as u64;
    let trials = chosen.len() as u64;
    assert!(
        kept.abs_diff(trials / 20) <= bound(trials, 50_000),
        "{kept} of {trials}"
    );
}

proptest! {
    #[test]
    fn two_nodes_agree_and_a_higher_rate_keeps_what_a_lower_one_kept(
        key in 1_u8..,
        organization in any::<[u8; 16]>(),
        id in prop::collection::vec(any::<u8>(), 0..40),
        rates in any::<[u32; 2]>(),
    ) {
        let [low, high] = {
            let mut rates = rates.map(|ppm| ppm % 1_000_001);
            rates.sort_unstable();
            rates.map(|ppm| Rate::from_ppm(ppm).unwrap())
        };
        let nodes = [sampler(key), sampler(key)];
        let kept = |node: usize, rate| nodes[node].keeps(&organization, &id, rate);
        prop_assert_eq!(kept(0, low), kept(1, low));
        prop_assert!(!kept(0, low) || kept(1, high));
        prop_assert!(kept(0, Rate::ALL) && !kept(0, Rate::NONE));
    }
}
