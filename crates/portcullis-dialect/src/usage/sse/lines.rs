//! Bytes cut into lines.

use super::CAP;

/// Cuts bytes into lines ended by CR, LF or CRLF, after an optional byte order mark (WHATWG HTML
/// section 9.2.5).
#[derive(Default)]
pub(super) struct Lines {
    line: Vec<u8>,
    is_cut: bool,
    /// The line before ended in CR, so that an LF still belongs to it.
    after_cr: bool,
    /// The first line is over, and with it the place of a byte order mark.
    past_start: bool,
}

impl Lines {
    /// Takes bytes up to the end of a line; returns the rest, and whether the line has ended.
    pub(super) fn take<'b>(&mut self, bytes: &'b [u8]) -> (&'b [u8], bool) {
        let bytes = match bytes {
            [b'\n', rest @ ..] if self.after_cr => rest,
            _ => bytes,
        };
        self.after_cr = false;
        let length = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        let (text, rest) = bytes.split_at(length.unwrap_or(bytes.len()));
        let room = CAP - self.line.len();
        self.line
            .extend_from_slice(text.get(..room).unwrap_or(text));
        self.is_cut |= text.len() > room;
        let Some((end, rest)) = rest.split_first() else {
            return (rest, false);
        };
        self.after_cr = *end == b'\r';
        if !self.past_start && self.line.starts_with(BYTE_ORDER_MARK) {
            self.line.drain(..BYTE_ORDER_MARK.len());
        }
        self.past_start = true;
        (rest, true)
    }

    /// The line that has ended, without its end.
    pub(super) fn line(&self) -> &[u8] {
        &self.line
    }

    /// Whether the line was longer than `CAP`, and what was beyond is lost.
    pub(super) const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Makes room for the next line.
    pub(super) fn clear(&mut self) {
        self.line.clear();
        self.is_cut = false;
    }

    #[cfg(test)]
    pub(super) const fn capacity(&self) -> usize {
        self.line.capacity()
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
