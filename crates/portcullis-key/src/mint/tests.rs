use getrandom::SysRng;
use rand_core::TryRng;

use super::*;

/// Repeats a pattern of bytes; fails when the pattern is empty.
struct Pattern {
    bytes: Vec<u8>,
    at: usize,
}

impl Pattern {
    fn of(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_vec(),
            at: 0,
        }
    }
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("no entropy")]
struct NoEntropy;

impl TryRng for Pattern {
    type Error = NoEntropy;

    fn try_next_u32(&mut self) -> Result<u32, NoEntropy> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, NoEntropy> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), NoEntropy> {
        for byte in out {
            *byte = *self
                .bytes
                .get(self.at % self.bytes.len().max(1))
                .ok_or(NoEntropy)?;
            self.at += 1;
        }
        Ok(())
    }
}

impl TryCryptoRng for Pattern {}

fn prefix() -> KeyPrefix {
    KeyPrefix::new("mr", "live").unwrap()
}

#[test]
fn a_failing_random_source_is_an_error_not_a_key() {
    let error = MintedKey::mint(&prefix(), &mut Pattern::of(&[])).unwrap_err();
    assert_eq!(error, MintError::Rng(NoEntropy));
}

#[test]
fn a_stuck_random_source_is_an_error_not_a_key() {
    for byte in [0x00, 0x2a, 0x3e, 0xff] {
        let error = MintedKey::mint(&prefix(), &mut Pattern::of(&[byte])).unwrap_err();
        assert_eq!(error, MintError::Stuck, "{byte:#04x}");
    }
}

#[test]
fn a_source_of_rejected_values_ends_instead_of_looping() {
    let error = MintedKey::mint(&prefix(), &mut Pattern::of(&[0x3e, 0x3f])).unwrap_err();
    assert_eq!(error, MintError::Stuck);
}

#[test]
fn values_62_and_63_are_rejected_not_folded_back() {
    // Folding 62 and 63 back would give `0` and `1` (or `z`); rejecting leaves only what 7 gives.
    let mut drawn = Vec::new();
    draw(&mut Pattern::of(&[62, 63, 7]), 43, |symbol| {
        drawn.push(symbol);
    })
    .unwrap();
    assert_eq!(drawn, [b'7'; 43]);
}

#[test]
fn every_character_is_equally_likely() {
    // 62,000 draws, 1,000 expected each. Chi-squared with 61 degrees of freedom exceeds 200 about
    // once in 10^16 for a uniform source; folding 62 and 63 back would give a value near 1,800.
    let mut counts = [0_u32; 256];
    draw_many(62_000, |symbol| counts[usize::from(symbol)] += 1);
    let chi_squared: f64 = (0..base62::RADIX)
        .map(|value| f64::from(counts[usize::from(base62::symbol(value))]) - 1_000.0)
        .map(|difference| difference * difference / 1_000.0)
        .sum();
    assert!(chi_squared < 200.0, "{chi_squared}");
}

fn draw_many(count: usize, mut take: impl FnMut(u8)) {
    for _ in 0..count / 40 {
        draw(&mut SysRng, 40, &mut take).unwrap();
    }
}

#[test]
fn the_text_never_outgrows_the_buffer_it_was_born_in() {
    let longest = KeyPrefix::new(&"b".repeat(24), &"e".repeat(12)).unwrap();
    let key = MintedKey::mint(&longest, &mut SysRng).unwrap();
    assert_eq!(key.text.expose_secret().len(), MAX_KEY_LEN);
    assert_eq!(key.text.expose_secret().capacity(), MAX_KEY_LEN);
}

#[test]
fn rotation_keeps_the_id_and_changes_the_secret() {
    let old = MintedKey::mint(&prefix(), &mut SysRng).unwrap();
    let new = MintedKey::mint_with_id(&prefix(), old.id(), &mut SysRng).unwrap();
    assert_eq!(new.id(), old.id());
    assert_ne!(new.presented().secret(), old.presented().secret());
}

#[test]
fn an_unsized_random_source_is_accepted() {
    let rng: &mut dyn TryCryptoRng<Error = NoEntropy> = &mut Pattern::of(&[1, 2, 3]);
    assert!(MintedKey::mint(&prefix(), rng).is_ok());
}
