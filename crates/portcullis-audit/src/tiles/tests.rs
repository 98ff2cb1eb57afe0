use std::collections::BTreeMap;

use getrandom::SysRng;

use super::*;
use crate::{
    Action, Actor, Batch, Ed25519Signer, Event, Hash, Head, Node, Origin, ProofPlan, Pruning,
    Target, Timestamp, Word, retained, whole_tiles,
};

type Files = BTreeMap<String, Vec<u8>>;

fn signer() -> Ed25519Signer {
    Ed25519Signer::from_seed(&[1; 32])
}

fn log(size: usize) -> Batch {
    let origin = Origin::new("gate.example/audit/system").unwrap();
    let event = |number| {
        let at = Timestamp::from_micros(number);
        Event::new(at, Actor::System, Action::NodeStarted, Target::Instance)
    };
    let events: Vec<Event> = (0..).map(event).take(size).collect();
    let head = Head::create(origin, &signer()).unwrap();
    head.append(&events, &mut SysRng, &signer()).unwrap()
}

fn keep(files: &mut Files) -> impl FnMut(TileFile) + '_ {
    |file| {
        let before = files.insert(file.path.clone(), file.bytes);
        assert_eq!(before, None, "{}", file.path);
    }
}

fn export(log: &Batch) -> Files {
    let mut files = Files::new();
    let mut writer = TileWriter::new();
    for entry in &log.entries {
        writer.push(&entry.bytes, keep(&mut files));
    }
    let end = writer.finish(log.head.checkpoint()).unwrap();
    end.into_iter().for_each(keep(&mut files));
    files
}

#[test]
fn indexes_are_written_in_groups_of_three_digits() {
    assert_eq!(path(0, 0, 256), "tile/0/000");
    assert_eq!(path(0, 273, 112), "tile/0/273.p/112");
    assert_eq!(path(ENTRIES, 1_234_067, 256), "tile/entries/x001/x234/067");
    assert_eq!(path(1, 1_000, 1), "tile/1/x001/000.p/1");
    assert_eq!(bundle_path(273, 70_000), "tile/entries/273.p/112");
    assert_eq!(bundle_path(272, 70_000), "tile/entries/272");
}

/// The example of C2SP tlog-tiles, "Partial Tiles".
#[test]
fn a_tree_of_70000_records_has_the_tiles_of_the_specification() {
    let files = export(&log(70_000));
    let of = |start: &str| files.keys().filter(|path| path.starts_with(start)).count();
    assert_eq!((of("tile/0/"), of("tile/entries/")), (274, 274));
    let above: Vec<&String> = files
        .keys()
        .filter(|path| path.starts_with("tile/1") || path.starts_with("tile/2"))
        .collect();
    assert_eq!(above, ["tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"]);
    assert_eq!(files["tile/0/273.p/112"].len(), 112 * 32);
    assert_eq!(files["tile/0/000"].len(), 8_192);
}

#[test]
fn a_tree_of_256_records_has_a_full_tile_and_one_hash_above() {
    let files = export(&log(256));
    let names: Vec<&String> = files.keys().collect();
    assert_eq!(
        names,
        [
            "checkpoint",
            "tile/0/000",
            "tile/1/000.p/1",
            "tile/entries/000"
        ]
    );
    let empty = export(&log(0));
    assert_eq!(empty.keys().collect::<Vec<_>>(), ["checkpoint"]);
}

#[test]
fn nodes_in_tiles_are_those_of_the_rows() {
    let log = log(1_500);
    let files = export(&log);
    let reader = TileReader::new(1_500, |path: &str| files.get(path).cloned());
    for entry in &log.entries {
        for level in 0..u8::try_from(entry.hashes.len() / 32).unwrap() {
            let index = ((entry.seq + 1) >> level) - 1;
            let node = Node::new(level, index).unwrap();
            assert_eq!(reader.hash(node), node.hash_in(&entry.hashes), "{node:?}");
        }
    }
    assert_eq!(reader.hash(Node::new(0, 1_500).unwrap()), None);
    assert_eq!(reader.hash(Node::new(2, 375).unwrap()), None);
    // A partial tile of another size, and a file that is none.
    let leaf = Node::new(0, 1_400).unwrap();
    for length in [0, 31, 219 * 32, 221 * 32] {
        let read = |_: &str| Some(vec![0; length]);
        assert_eq!(TileReader::new(1_500, read).hash(leaf), None, "{length}");
    }
    let plan = ProofPlan::inclusion(700, 1_500).unwrap();
    let proof = plan.proof(|node| reader.hash(node)).unwrap();
    let leaf = Hash::leaf(&log.entries[700].bytes);
    assert!(log.head.checkpoint().includes(700, &leaf, &proof));
}

#[test]
fn bundles_hold_the_entries() {
    let log = log(300);
    let files = export(&log);
    let bundles = [&files["tile/entries/000"], &files["tile/entries/001.p/44"]];
    let entries: Vec<&[u8]> = bundles
        .iter()
        .flat_map(|bundle| bundle_entries(bundle).unwrap())
        .collect();
    assert!(
        entries
            .iter()
            .zip(&log.entries)
            .all(|(found, entry)| *found == entry.bytes)
    );
    assert_eq!(entries.len(), 300);
    assert_eq!(bundle_entries(&[0]), None);
    assert_eq!(bundle_entries(&[0, 2, 1]), None);
}

#[test]
fn an_export_goes_on_where_the_last_one_ended() {
    let log = log(1_000);
    let whole = export(&log);
    for first in [0, 1, 255, 256, 300, 512, 999] {
        let mut before = Head::create(log.head.origin().clone(), &signer()).unwrap();
        let mut files = Files::new();
        let mut writer = TileWriter::new();
        let events: Vec<Event> = (0..first)
            .map(|number| {
                Event::new(
                    Timestamp::from_micros(number),
                    Actor::System,
                    Action::NodeStarted,
                    Target::Instance,
                )
            })
            .collect();
        before = before.append(&events, &mut SysRng, &signer()).unwrap().head;
        for entry in &log.entries[..events.len()] {
            writer.push(&entry.bytes, keep(&mut files));
        }
        writer
            .finish(before.checkpoint())
            .unwrap()
            .into_iter()
            .for_each(keep(&mut files));
        let mut resumed =
            TileWriter::resume(before.size(), |path| files.get(path).cloned()).unwrap();
        for entry in &log.entries[events.len()..] {
            resumed.push(&entry.bytes, |file| {
                drop(files.insert(file.path, file.bytes));
            });
        }
        for file in resumed.finish(log.head.checkpoint()).unwrap() {
            files.insert(file.path, file.bytes);
        }
        files.retain(|path, _| whole.contains_key(path));
        assert_eq!(files, whole, "{first}");
    }
    assert!(TileWriter::resume(300, |_| None).is_none());
    assert!(TileWriter::resume(300, |_| Some(vec![0; 32])).is_none());
}

#[test]
fn entries_that_are_not_those_of_the_head_are_not_published() {
    let log = log(300);
    let mut writer = TileWriter::new();
    for entry in &log.entries[1..] {
        writer.push(&entry.bytes, |_| ());
    }
    assert_eq!(writer.finish(log.head.checkpoint()), Err(WrongCheckpoint));
    writer.push(&log.entries[0].bytes, |_| ());
    assert_eq!(writer.finish(log.head.checkpoint()), Err(WrongCheckpoint));
    let mut writer = TileWriter::new();
    for length in [crate::Record::MAX_LEN + 1, 65_535, 65_536] {
        writer.push(&vec![0; length], |_| ());
        assert_eq!(writer, TileWriter::new(), "what is no record");
    }
}

#[test]
fn a_pruned_log_has_every_tile_that_reaches_beyond_the_minimum() {
    let log = log(1_500);
    let whole = export(&log);
    let hash =
        |node: Node| node.hash_in(&log.entries[usize::try_from(node.entry()).unwrap()].hashes);
    for wanted in [1, 255, 256, 700, 1_024, 1_279, 1_500] {
        let cause = Word::new("retention").unwrap();
        let pruning = Pruning::plan(&log.head, 0, wanted, cause, hash).unwrap();
        let kept: BTreeMap<Node, Hash> = pruning.retained().iter().copied().collect();
        assert_eq!(kept.keys().copied().collect::<Vec<_>>(), retained(wanted));
        let mut writer = TileWriter::pruned(wanted, |node| kept.get(&node).copied()).unwrap();
        let mut files = Files::new();
        for entry in &log.entries[usize::try_from(wanted).unwrap()..] {
            writer.push(&entry.bytes, keep(&mut files));
        }
        writer
            .finish(log.head.checkpoint())
            .unwrap()
            .into_iter()
            .for_each(keep(&mut files));
        for (path, bytes) in &files {
            assert_eq!(bytes, &whole[path], "{path}");
        }
        // What is not there ends at or below the minimum; bundles, at the end of the tile that it falls into.
        let tiles = whole_tiles(wanted + 255) / 256;
        for path in whole.keys().filter(|path| !files.contains_key(*path)) {
            let number: u64 = path.split(['/', '.']).nth(2).unwrap().parse().unwrap();
            let bundle = path.starts_with("tile/entries/");
            assert!(
                bundle && number < tiles
                    || path.starts_with("tile/0/") && (number + 1) * 256 <= wanted,
                "{path}"
            );
        }
    }
}
