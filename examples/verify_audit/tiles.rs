//! A folder of tiles: `c2sp.org/tlog-tiles`.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use portcullis_audit::{
    CHECKPOINT_PATH, Checkpoint, Damage, StoredEntry, TileFile, TileReader, TileWriter, Verified,
    Verifier, VerifierKey, bundle_entries, bundle_path,
};

use crate::known::KnownHeads;
use crate::progress::Progress;
use crate::{Failure, Sound, file};

pub(crate) fn verify(
    folder: &Path,
    keys: &[VerifierKey],
    known: &KnownHeads,
) -> Result<Sound, Failure> {
    let export = Export::open(folder, keys)?;
    let verified = export.verify(known)?;
    let Verified {
        log, size, minimum, ..
    } = verified;
    let compared = known.compared(&log)?;
    let pruned = match minimum {
        0 => String::new(),
        minimum => format!("; the {minimum} before them were pruned, and a record says so"),
    };
    Ok(Sound {
        sentence: format!(
            "{log}: {} records, up to the head at size {size}, are as they were signed, and so is every tile{pruned}{compared}",
            size - minimum
        ),
        incomplete: minimum > 0,
    })
}

/// A log in a folder.
struct Export {
    folder: PathBuf,
    head: Checkpoint,
    /// The first bundle that is there; those before were pruned, if a record says so.
    first: u64,
}

impl Export {
    fn open(folder: &Path, keys: &[VerifierKey]) -> Result<Self, Failure> {
        let path = folder.join(CHECKPOINT_PATH);
        let Some(note) = file::if_there(&path)? else {
            let why = "there is no signed head in this folder: it is no export, or one that was broken off";
            return Err(Failure::unverified(folder, &why));
        };
        let head = Checkpoint::verify(&note, keys);
        let head = head.map_err(|why| Failure::tampered(&path, &why))?;
        let is_there = |bundle: &u64| folder.join(bundle_path(*bundle, head.size())).exists();
        let first = (0..bundles(&head)).find(is_there).unwrap_or(0);
        Ok(Self {
            folder: folder.to_owned(),
            head,
            first,
        })
    }

    /// Verifies the records as they stand in the bundles, and that the tiles are those which the records make.
    fn verify(&self, known: &KnownHeads) -> Result<Verified, Failure> {
        let (minimum, size) = (self.first * WIDTH, self.head.size());
        let log = self.head.origin();
        let damaged = |damage: Damage| match known.concerned(log, damage.kind) {
            Some(known) => known.damaged(&self.folder, damage.kind, &damage),
            None => Failure::tampered(&self.folder, &damage),
        };
        let mut verifier = Verifier::of_checkpoint(self.head.clone());
        let mut writer = TileWriter::new();
        if minimum > 0 {
            let last = RefCell::new((String::new(), None));
            let tiles = TileReader::new(size, |path: &str| self.cached(&last, path));
            verifier = verifier
                .pruned(minimum, |node| tiles.hash(node))
                .map_err(damaged)?;
            let pruned = TileWriter::pruned(minimum, |node| tiles.hash(node));
            let why = "tiles are missing that reach beyond the pruned records";
            writer = pruned.ok_or_else(|| Failure::tampered(&self.folder, &why))?;
        }
        // What can be compared with one head is, whatever became of another.
        let mut not_compared = None;
        for known in known.of(log) {
            match verifier.clone().known(known.head.clone()) {
                Ok(with) => verifier = with,
                Err(damage) => match known.damaged(&self.folder, damage.kind, &damage) {
                    Failure::Unverified(why) => {
                        not_compared.get_or_insert(Failure::Unverified(why));
                    }
                    tampered @ Failure::Tampered(_) => return Err(tampered),
                },
            }
        }
        let mut progress = Progress::default();
        // What the records say comes first: a tile that does not fit is the lesser news.
        let mut wrong_tile = None;
        for bundle in self.first..bundles(&self.head) {
            let path = self.folder.join(bundle_path(bundle, size));
            // The next one that is there tells what is missing.
            let Some(bytes) = file::if_there(&path)? else {
                continue;
            };
            let why = "it is no bundle of entries";
            let entries = bundle_entries(&bytes).ok_or_else(|| Failure::tampered(&path, &why))?;
            for (seq, bytes) in (bundle * WIDTH..).zip(entries) {
                let hashes = &[];
                let row = StoredEntry { seq, bytes, hashes };
                verifier.push(row).map_err(damaged)?;
                writer.push(bytes, |tile| self.compare(&tile, &mut wrong_tile));
                progress.at(verifier.position(), Some(size));
            }
        }
        let verified = verifier.finish().map_err(damaged)?;
        let last = writer.finish(&self.head);
        let last = last.map_err(|why| Failure::tampered(&self.folder, &why))?;
        for tile in last {
            self.compare(&tile, &mut wrong_tile);
        }
        wrong_tile.or(not_compared).map_or(Ok(verified), Err)
    }

    /// Notes the first tile that is not what the records make.
    fn compare(&self, tile: &TileFile, wrong: &mut Option<Failure>) {
        let path = self.folder.join(&tile.path);
        let why = match file::if_there(&path) {
            Ok(Some(found)) if found == tile.bytes => return,
            Ok(Some(_)) => "it is not what the records make: it was edited",
            Ok(None) => "it is missing",
            Err(why) => {
                wrong.get_or_insert(why);
                return;
            }
        };
        wrong.get_or_insert_with(|| Failure::tampered(&path, &why));
    }

    /// Reads a tile, once for all of its hashes.
    fn cached(&self, last: &RefCell<(String, Option<Vec<u8>>)>, path: &str) -> Option<Vec<u8>> {
        let mut last = last.borrow_mut();
        if last.0 != path {
            let read = file::if_there(&self.folder.join(path)).ok().flatten();
            *last = (path.to_owned(), read);
        }
        last.1.clone()
    }
}

fn bundles(head: &Checkpoint) -> u64 {
    head.size().div_ceil(WIDTH)
}

/// How many entries a full bundle has.
const WIDTH: u64 = 256;
