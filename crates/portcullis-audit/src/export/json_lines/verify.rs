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
    known: Option<LogHead>,
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
            known: None,
            lines: 0,
            chain: None,
            first: 0,
            covered: None,
            damage: None,
        }
    }

    /// The export must reach this head, which was kept elsewhere, and agree with it.
    #[must_use]
    pub fn known(mut self, known: LogHead) -> Self {
        self.known = Some(known);
        self
    }

    /// The next line, with or without its newline.
    ///
    /// # Errors
    /// The first damage. Every later call repeats it.
    pub fn push(&mut self, line: &[u8]) -> Result<(), DamagedExport> {
        let checked = match self.damage {
            Some(damage) => Err(damage),
            None => self.check(line).map_err(|kind| DamagedExport {
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
    pub fn finish(self) -> Result<VerifiedExport, DamagedExport> {
        let at_end = |kind| DamagedExport {
            line: self.lines,
            kind,
        };
        if let Some(damage) = self.damage {
            return Err(damage);
        }
        let (Some(chain), Some(head)) = (self.chain, self.covered) else {
            return Err(at_end(ExportDamage::NotCovered));
        };
        let end = chain.frontier().size();
        chain.finish(end).map_err(|damage| at_end(damage.into()))?;
        if head.size() != end {
            return Err(at_end(ExportDamage::NotCovered));
        }
        if let Some(known) = &self.known {
            // Every size on the way was compared when it was reached.
            let size = known.size.get();
            let kind = if size > end {
                Some(DamageKind::Truncated { size })
            } else if size < self.first {
                Some(DamageKind::NotComparable { known: size })
            } else {
                None
            };
            if let Some(kind) = kind {
                let seq = end.min(size);
                return Err(at_end(Damage { seq, kind }.into()));
            }
        }
        Ok(VerifiedExport {
            log: chain.log().clone(),
            first: self.first,
            head,
        })
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
        self.compare_known()
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
        if chain.push(row)?.is_some() {
            if openings.is_some_and(|openings| !openings.open(seq, entry)) {
                return Err(ExportDamage::Opening);
            }
            self.compare_known()?;
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

    fn compare_known(&self) -> Result<(), ExportDamage> {
        let (Some(chain), Some(known)) = (&self.chain, &self.known) else {
            return Ok(());
        };
        let size = known.size.get();
        let kind = if known.log != *chain.log() {
            DamageKind::Foreign
        } else if size == chain.frontier().size() && known.root != chain.frontier().root() {
            DamageKind::Forked { known: size }
        } else {
            return Ok(());
        };
        let seq = self.covered();
        Err(Damage { seq, kind }.into())
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
