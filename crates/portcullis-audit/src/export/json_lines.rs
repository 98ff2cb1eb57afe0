//! JSON Lines that verify by themselves, wherever they are kept.
//!
//! | line | members |
//! |---|---|
//! | the first | `first`, `log`, `peaks`: the hashes of the tree below `first`; `v` |
//! | a record | `entry`: its exact bytes; `leaf`: its hash; `log`; `openings` of its private fields, if any; `seq` |
//! | a head | `checkpoint`: the signed note; `log`; `size` |
//!
//! Each line is canonical JSON (RFC 8785).

mod line;
#[cfg(test)]
mod tests;
mod verify;

pub use verify::{DamagedExport, ExportDamage, JsonLinesVerifier, VerifiedExport};

use crate::json::{self, Object};
use crate::{Checkpoint, Count, Hash, Node, Opening, Origin};

/// Writes the lines of one log. Every line ends with a newline.
///
/// Begin with [`begin`](Self::begin), then the records in order, and a head wherever one was kept; the last line has to be a
/// head of all records before it, for those after the last head prove nothing.
#[derive(Clone, Debug)]
pub struct JsonLines {
    log: Origin,
}

impl JsonLines {
    /// The version of the format, the member `v` of the first line.
    pub const VERSION: u8 = 1;

    /// For this log.
    #[must_use]
    pub const fn new(log: Origin) -> Self {
        Self { log }
    }

    /// The first line of an export that begins with record `first`. `hash` looks up [the peaks](crate::retained) of the
    /// records before it; `None` where one is missing.
    pub fn begin(&self, first: u64, hash: impl FnMut(Node) -> Option<Hash>) -> Option<Vec<u8>> {
        let peaks: Vec<Hash> = Node::peaks(first).map(hash).collect::<Option<_>>()?;
        Some(line(|object| {
            object.integer("first", Count::new(first));
            object.plain("log", self.log.as_str().as_bytes());
            object.array("peaks", peaks, |out, peak| {
                json::text(out, &peak.to_string());
            });
            object.integer("v", Count::new(Self::VERSION.into()));
        }))
    }

    /// A record: its entry as it is stored, and the openings that are still there and may leave the gateway.
    ///
    /// # Security
    /// Openings are personal data. Without them the line verifies as well.
    #[must_use]
    pub fn record(&self, seq: u64, entry: &[u8], openings: &[Opening]) -> Vec<u8> {
        let mut openings: Vec<&Opening> = openings.iter().collect();
        openings.sort_by_key(|opening| opening.field);
        openings.dedup_by_key(|opening| opening.field);
        line(|object| {
            object.raw("entry", entry);
            object.plain("leaf", &Hash::leaf(entry).hex());
            object.plain("log", self.log.as_str().as_bytes());
            if !openings.is_empty() {
                object.object("openings", |object| write(object, &openings));
            }
            object.integer("seq", Count::new(seq));
        })
    }

    /// A head of all records before it.
    #[must_use]
    pub fn checkpoint(&self, checkpoint: &Checkpoint) -> Vec<u8> {
        line(|object| {
            // A note is text.
            let note = String::from_utf8_lossy(checkpoint.note());
            object.text("checkpoint", &note);
            object.plain("log", self.log.as_str().as_bytes());
            object.integer("size", Count::new(checkpoint.size()));
        })
    }
}

fn write(object: &mut Object<'_>, openings: &[&Opening]) {
    for opening in openings {
        object.object(opening.field.as_str(), |object| {
            object.plain("salt", &Hash::from_bytes(opening.salt).hex());
            object.text("value", opening.value.expose());
        });
    }
}

fn line(members: impl FnOnce(&mut Object<'_>)) -> Vec<u8> {
    let mut line = Vec::new();
    Object::write(&mut line, members);
    line.push(b'\n');
    line
}
