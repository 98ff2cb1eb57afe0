//! What is stored of a wrapped seed: format, initialization vector, ciphertext and tag
//! (`spec/organization-keys.md`, section "Wrapping").

use portcullis_envelope::KeyServiceFault;

/// The bytes of an initialization vector.
pub(crate) const IV_LEN: usize = 12;

/// Puts the pieces together.
pub(crate) fn join(iv: &[u8; IV_LEN], sealed: &[u8]) -> Vec<u8> {
    [&[FORMAT], iv.as_slice(), sealed].concat()
}

/// Takes them apart.
pub(crate) fn split(blob: &[u8]) -> Result<([u8; IV_LEN], &[u8]), KeyServiceFault> {
    let rest = blob
        .strip_prefix(&[FORMAT])
        .ok_or(KeyServiceFault::Rejected)?;
    match rest.split_first_chunk() {
        Some((iv, sealed)) if sealed.len() == SEALED_LEN => Ok((*iv, sealed)),
        Some(_) | None => Err(KeyServiceFault::Rejected),
    }
}

/// AES-GCM with a tag of 16 bytes.
const FORMAT: u8 = 1;

/// The seed's 32 bytes and the tag.
const SEALED_LEN: usize = 32 + 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_joined_comes_apart_again_and_nothing_else_does() {
        let blob = join(&[7; IV_LEN], &[9; SEALED_LEN]);
        assert_eq!(split(&blob), Ok(([7; IV_LEN], [9; SEALED_LEN].as_slice())));
        for length in 0..blob.len() {
            assert!(split(&blob[..length]).is_err(), "{length}");
        }
        assert!(split(&[blob.as_slice(), b"x"].concat()).is_err());
        for format in (0..=u8::MAX).filter(|format| *format != FORMAT) {
            let mut other = blob.clone();
            other[0] = format;
            assert!(split(&other).is_err(), "{format}");
        }
    }
}
