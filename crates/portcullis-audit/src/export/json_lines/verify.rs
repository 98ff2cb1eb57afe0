use std::fmt;

use super::line::{Line, Openings};
use crate::tree::Frontier;
use crate::verify::Chain;
use crate::{
    Checkpoint, Damage, DamageKind, Hash, InvalidCheckpoint, LogHead, Origin, StoredEntry,
    VerifierKey,
};

/// Verifies an export, line by line, with nothing but the keys of the log.
///
/// Members that are not part of the format are ignored, as whoever collects lines adds some; nothing vouches for them. The
/// lines have to come in their order, each once.
#[derive(Clone, Debug)]
pub struct JsonLinesVerifier {
    keys: Vec<VerifierKey>,
    /// Heads that were kept elsewhere and that it was not compared with yet.
    known: Vec<LogHead>,
    lines: u64,
    chain: Option<Chain>,
    first: u64,
    covered: Option<Checkpoint>,
    damage: Option<DamagedExport>,
}

/// An export that is what was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedExport {
    /// Which log.
    pub log: Origin,
    /// The first record exported.
    pub first: u64,
    /// The last head: it covers every record of the export. Whether it is the latest one of the log, an export cannot say.
    pub head: Checkpoint,
}

impl JsonLinesVerifier {
    /// An export of a log of these keys.
    #[must_use]
    pub fn new(keys: &[VerifierKey]) -> Self {
        Self {
            keys: keys.to_vec(),
            known: Vec::new(),
            lines: 0,
            chain: None,
            first: 0,
            covered: None,
            damage: None,
        }
    }

    /// The export must reach this head, which was kept elsewhere, and agree with it. It may be given several; the last time
    /// for one is before the line with the next record.
    #[must_use]
    pub fn known(mut self, known: LogHead) -> Self {
        self.known.push(known);
        self
    }

    /// Which log this claims to be an export of; `None` before its first line.
    #[must_use]
    pub fn log(&self) -> Option<&Origin> {
        self.chain.as_ref().map(Chain::log)
    }

    /// The next line, with or without its newline.
    ///
    /// # Errors
    /// The first damage. Every later call repeats it.
    pub fn push(&mut self, line: &[u8]) -> Result<(), DamagedExport> {
        let checked = match self.damage {
            Some(damage) => Err(damage),
            None => self.check_and_compare(line).map_err(|kind| DamagedExport {
                line: self.lines + 1,
                kind,
            }),
        };
        self.lines += 1;
        self.damage = checked.err();
        checked
    }

    /// There are no more lines.
    ///
    /// # Errors
    /// The first damage, in this or an earlier call.
    pub fn finish(mut self) -> Result<VerifiedExport, DamagedExport> {
        if let Some(damage) = self.damage {
            return Err(damage);
        }
        let at = self.lines;
        let at_end = |kind| DamagedExport { line: at, kind };
        self.compare_known().map_err(at_end)?;
        let (Some(chain), Some(head)) = (self.chain, self.covered) else {
            return Err(at_end(ExportDamage::NotCovered));
        };
        let end = chain.frontier().size();
        chain.finish(end).map_err(|damage| at_end(damage.into()))?;
        if head.size() != end {
            return Err(at_end(ExportDamage::NotCovered));
        }
        // What was reached was compared, so these lie behind the end, or before the first record.
        if let Some(size) = self.known.iter().map(|known| known.size.get()).max() {
            let kind = match size > end {
                true => DamageKind::Truncated { size },
                false => DamageKind::NotComparable { known: size },
            };
            let seq = end.min(size);
            return Err(at_end(Damage { seq, kind }.into()));
        }
        Ok(VerifiedExport {
            log: chain.log().clone(),
            first: self.first,
            head,
        })
    }

    /// Before a line too: a head may have been given since the one before.
    fn check_and_compare(&mut self, line: &[u8]) -> Result<(), ExportDamage> {
        self.compare_known()?;
        self.check(line)?;
        self.compare_known()
    }

    fn check(&mut self, line: &[u8]) -> Result<(), ExportDamage> {
        let line: Line<'_> = serde_json::from_slice(line).map_err(|_| ExportDamage::Form)?;
        match line {
            Line {
                log,
                first: Some(first),
                peaks: Some(peaks),
                v: Some(version),
                ..
            } => self.begin(log, first, &peaks, version),
            Line {
                log,
                entry: Some(entry),
                leaf: Some(leaf),
                seq: Some(seq),
                openings,
                ..
            } => self.record(log, entry.get().as_bytes(), leaf, seq, openings),
            Line {
                log,
                checkpoint: Some(note),
                size: Some(size),
                ..
            } => self.checkpoint(log, note.as_bytes(), size),
            Line { .. } => Err(ExportDamage::Form),
        }
    }

    fn begin(
        &mut self,
        log: &str,
        first: u64,
        peaks: &[&str],
        version: u64,
    ) -> Result<(), ExportDamage> {
        if self.chain.is_some() || version != u64::from(super::JsonLines::VERSION) {
            return Err(ExportDamage::Form);
        }
        let log = Origin::new(log).map_err(|_| ExportDamage::Form)?;
        let peaks = peaks.iter().map(|peak| Hash::from_hex(peak));
        let frontier = peaks
            .collect::<Option<_>>()
            .and_then(|peaks| Frontier::from_peaks(first, peaks))
            .ok_or(ExportDamage::Form)?;
        self.first = first;
        self.chain = Some(Chain::new(log, frontier));
        Ok(())
    }

    fn record(
        &mut self,
        log: &str,
        entry: &[u8],
        leaf: &str,
        seq: u64,
        openings: Option<Openings<'_>>,
    ) -> Result<(), ExportDamage> {
        let chain = self.chain.as_mut().ok_or(ExportDamage::Form)?;
        let leaf = Hash::from_hex(leaf).ok_or(ExportDamage::Form)?;
        if log != chain.log().as_str() {
            let kind = DamageKind::Foreign;
            return Err(Damage { seq, kind }.into());
        }
        let row = StoredEntry {
            seq,
            bytes: entry,
            hashes: leaf.as_bytes(),
        };
        if chain.push(row)?.is_some() && openings.is_some_and(|openings| !openings.open(seq, entry))
        {
            return Err(ExportDamage::Opening);
        }
        Ok(())
    }

    fn checkpoint(&mut self, log: &str, note: &[u8], claimed: u64) -> Result<(), ExportDamage> {
        let checkpoint = Checkpoint::verify(note, &self.keys).map_err(ExportDamage::Head)?;
        let chain = self.chain.as_ref().ok_or(ExportDamage::Form)?;
        let (size, end) = (checkpoint.size(), chain.frontier().size());
        if claimed != size {
            return Err(ExportDamage::Form);
        }
        chain.finish(size)?;
        let (seq, kind) = if checkpoint.origin() != chain.log() || log != chain.log().as_str() {
            (self.first, DamageKind::Foreign)
        } else if size > end {
            (end, DamageKind::Truncated { size })
        } else if size < end {
            (size, DamageKind::Unsigned)
        } else if *checkpoint.root() != chain.frontier().root() {
            (self.covered(), DamageKind::NotWhatWasSigned)
        } else {
            self.covered = Some(checkpoint);
            return Ok(());
        };
        Err(Damage { seq, kind }.into())
    }

    /// Compares with the heads that are due at this size.
    fn compare_known(&mut self) -> Result<(), ExportDamage> {
        let seq = self.covered();
        let Some(chain) = &self.chain else {
            return Ok(());
        };
        let damaged = |kind| Err(Damage { seq, kind }.into());
        if self.known.iter().any(|known| known.log != *chain.log()) {
            return damaged(DamageKind::Foreign);
        }
        let size = chain.frontier().size();
        let is_due = |known: &LogHead| known.size.get() == size;
        let mut due = self.known.iter().filter(|known| is_due(known)).peekable();
        if due.peek().is_none() {
            return Ok(());
        }
        let root = chain.frontier().root();
        if due.any(|known| known.root != root) {
            return damaged(DamageKind::Forked { known: size });
        }
        self.known.retain(|known| !is_due(known));
        Ok(())
    }

    /// The records below this are those of a signed head.
    fn covered(&self) -> u64 {
        self.covered.as_ref().map_or(self.first, Checkpoint::size)
    }
}

/// The first thing that is wrong with an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DamagedExport {
    /// The line, counted from 1.
    pub line: u64,
    /// What is wrong there.
    pub kind: ExportDamage,
}

/// What can be wrong with an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportDamage {
    /// The line is none of the format, or stands in the wrong place.
    Form,
    /// A signed head cannot be trusted.
    Head(InvalidCheckpoint),
    /// No head covers the last records.
    NotCovered,
    /// A private field is not what the record committed to.
    Opening,
    /// The records are damaged.
    Records(Damage),
}

impl From<Damage> for ExportDamage {
    fn from(damage: Damage) -> Self {
        Self::Records(damage)
    }
}

impl fmt::Display for DamagedExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match self.kind {
            ExportDamage::Form => f.write_str("not a line of an export, or not in its place"),
            ExportDamage::Head(why) => why.fmt(f),
            ExportDamage::NotCovered => f.write_str("no signed head covers the last records"),
            ExportDamage::Opening => {
                f.write_str("a private field is not what the record committed to")
            }
            ExportDamage::Records(damage) => damage.fmt(f),
        }
    }
}

impl std::error::Error for DamagedExport {}
