//! The outer form: `c2sp.org/signed-note`.

use base64ct::{Base64, Encoding};

/// A note that was taken apart; nothing of it is verified.
pub(super) struct Note<'a> {
    /// With its last newline: what is signed.
    pub(super) text: &'a str,
    pub(super) signatures: Vec<NoteSignature<'a>>,
}

pub(super) struct NoteSignature<'a> {
    pub(super) name: &'a str,
    pub(super) id: [u8; 4],
    pub(super) bytes: Vec<u8>,
}

impl<'a> Note<'a> {
    /// C2SP signed-note, "Format".
    pub(super) fn parse(note: &'a [u8]) -> Option<Self> {
        if note.len() > MAX_LEN {
            return None;
        }
        let note = std::str::from_utf8(note).ok()?;
        if note.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
            return None;
        }
        // The text is separated from the signatures by the last empty line, and keeps its own newline.
        let (before, lines) = note.rsplit_once("\n\n")?;
        let text = note.get(..before.len() + 1)?;
        let lines = lines.strip_suffix('\n')?;
        let signatures: Vec<_> = lines
            .split('\n')
            .map(NoteSignature::parse)
            .collect::<Option<_>>()?;
        (signatures.len() <= MAX_SIGNATURES).then_some(Self { text, signatures })
    }
}

impl<'a> NoteSignature<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (name, signature) = line.strip_prefix(DASH)?.split_once(' ')?;
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '+') {
            return None;
        }
        let decoded = Base64::decode_vec(signature).ok()?;
        let (&id, bytes) = decoded.split_first_chunk()?;
        (!bytes.is_empty()).then(|| Self {
            name,
            id,
            bytes: bytes.to_vec(),
        })
    }
}

/// A note with one signature.
pub(super) fn write(text: &str, name: &str, id: [u8; 4], signature: &[u8; 64]) -> String {
    let mut signed = id.to_vec();
    signed.extend_from_slice(signature);
    format!("{text}\n{DASH}{name} {}\n", Base64::encode_string(&signed))
}

/// U+2014 EM DASH and a space.
const DASH: &str = "\u{2014} ";

/// A head has three short lines; the rest is for cosignatures, of which verifiers take at least 16.
const MAX_LEN: usize = 1_000_000;
const MAX_SIGNATURES: usize = 100;
