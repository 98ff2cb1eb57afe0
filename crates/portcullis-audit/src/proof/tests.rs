use getrandom::SysRng;
use proptest::prelude::*;

use super::*;
use crate::{
    Action, Actor, Comparison, Ed25519Signer, Entry, Event, Head, LogHead, Node, Origin, Target,
    Timestamp, VerifierKey,
};

fn signer() -> Ed25519Signer {
    Ed25519Signer::from_seed(&[1; 32])
}

fn origin() -> Origin {
    Origin::new("gate.example/audit/system").unwrap()
}

fn event() -> Event {
    let at = Timestamp::from_micros(1_795_330_515_123_456);
    Event::new(at, Actor::System, Action::NodeStarted, Target::Instance)
}

/// A log with the heads of all its sizes.
fn log(size: usize) -> (Vec<Entry>, Vec<Head>) {
    let mut heads = vec![Head::create(origin(), &signer()).unwrap()];
    let mut entries = Vec::new();
    for _ in 0..size {
        let batch = heads
            .last()
            .unwrap()
            .append(&[event()], &mut SysRng, &signer())
            .unwrap();
        entries.extend(batch.entries);
        heads.push(batch.head);
    }
    (entries, heads)
}

fn look_up(entries: &[Entry]) -> impl Fn(Node) -> Option<Hash> + '_ {
    |node| {
        let entry = entries.get(usize::try_from(node.entry()).unwrap())?;
        node.hash_in(&entry.hashes)
    }
}

fn leaf(entry: &Entry) -> Hash {
    Hash::leaf(&entry.bytes)
}

#[test]
fn every_record_is_proven_at_every_size_and_no_other_is() {
    let (entries, heads) = log(40);
    for head in &heads[1..] {
        let (size, checkpoint) = (head.size(), head.checkpoint());
        assert_eq!(ProofPlan::inclusion(size, size), None);
        for (entry, index) in entries.iter().zip(0..size) {
            let plan = ProofPlan::inclusion(index, size).unwrap();
            let proof = plan
                .proof(look_up(&entries[..size.try_into().unwrap()]))
                .unwrap();
            assert!(checkpoint.includes(index, &leaf(entry), &proof));
            let bad = |index, leaf: &Hash, proof: &[Hash]| {
                assert!(!checkpoint.includes(index, leaf, proof));
            };
            bad(index, &Hash::EMPTY_TREE, &proof);
            bad(index ^ 1, &leaf(entry), &proof);
            bad(index + size, &leaf(entry), &proof);
            bad(
                index,
                &leaf(entry),
                &[proof.as_slice(), &[Hash::EMPTY_TREE]].concat(),
            );
            if let Some((_, shorter)) = proof.split_last() {
                bad(index, &leaf(entry), shorter);
            }
        }
    }
}

#[test]
fn every_size_is_proven_to_begin_every_later_one() {
    let (entries, heads) = log(40);
    for (new, later) in heads.iter().enumerate() {
        let checkpoint = later.checkpoint();
        for (old, earlier) in heads.iter().enumerate().take(new + 1) {
            let plan = ProofPlan::consistency(old as u64, new as u64).unwrap();
            let proof = plan.proof(look_up(&entries[..new])).unwrap();
            let known = LogHead::from(earlier.checkpoint());
            let (size, root) = (old as u64, *earlier.checkpoint().root());
            assert!(checkpoint.extends(size, &root, &proof), "{old} {new}");
            assert_eq!(known.is_continued_by(checkpoint, &proof), Ok(()));
            assert!(!checkpoint.extends(size, &Hash::leaf(b"other"), &proof));
            if old != 0 && old != new {
                assert!(!checkpoint.extends(size, &root, &proof[1..]));
                assert!(!checkpoint.extends(size - 1, &root, &proof));
                assert!(!checkpoint.extends(size + 1, &root, &proof));
                let longer = [proof.as_slice(), &[Hash::EMPTY_TREE]].concat();
                assert!(!checkpoint.extends(size, &root, &longer));
            }
        }
        assert_eq!(ProofPlan::consistency(new as u64 + 1, new as u64), None);
    }
}

#[test]
fn a_node_is_not_taken_for_a_record_nor_a_size_for_another() {
    let (entries, heads) = log(4);
    let head = heads.last().unwrap().checkpoint();
    let node = |level, index| look_up(&entries)(Node::new(level, index).unwrap()).unwrap();
    let (left, right) = (node(1, 0), node(1, 1));
    assert!(head.includes(0, &leaf(&entries[0]), &[leaf(&entries[1]), right]));
    assert!(!head.includes(0, &left, &[right]));
    assert!(!head.extends(5, head.root(), &[]));
    assert!(!head.extends(0, head.root(), &[]));
}

#[test]
fn a_record_is_proven_in_its_own_place_and_log_only() {
    let (entries, heads) = log(2);
    let keys = [VerifierKey::of(origin(), &signer()).unwrap()];
    // A log that signs for a record which says that it stands elsewhere.
    let wrong = |entry: &[u8]| {
        let head = Checkpoint::sign(origin(), 1, Hash::leaf(entry), &signer()).unwrap();
        let text = ProofFile::new(0, Vec::new(), head).to_text();
        ProofFile::verify(text.as_bytes(), entry, &keys)
    };
    assert!(wrong(&entries[0].bytes).is_ok());
    assert_eq!(wrong(&entries[1].bytes), Err(InvalidProof));
    let other = String::from_utf8(entries[0].bytes.clone()).unwrap();
    let other = other.replace("audit/system", "audit/tenant");
    assert_eq!(wrong(other.as_bytes()), Err(InvalidProof));
    assert_eq!(heads.len(), 3);
}

/// The paths of RFC 6962 section 2.1.3, in the tree of seven records.
#[test]
fn the_proofs_are_those_of_the_example_of_rfc_6962() {
    let node = |level, index| Node::new(level, index).unwrap();
    let nodes = |plan: Option<ProofPlan>| plan.unwrap().nodes().collect::<Vec<_>>();
    let [b, c, f, i, j, l] = [
        node(0, 1),
        node(0, 2),
        node(0, 5),
        node(1, 2),
        node(0, 6),
        node(2, 0),
    ];
    let [g, h, d] = [node(1, 0), node(1, 1), node(0, 3)];
    assert_eq!(
        nodes(ProofPlan::inclusion(0, 7)),
        [b, h, i, j],
        "b, h, l: l is i and j"
    );
    assert_eq!(nodes(ProofPlan::inclusion(3, 7)), [c, g, i, j]);
    assert_eq!(nodes(ProofPlan::inclusion(4, 7)), [f, j, l]);
    assert_eq!(nodes(ProofPlan::inclusion(6, 7)), [i, l]);
    assert_eq!(nodes(ProofPlan::consistency(3, 7)), [c, d, g, i, j]);
    assert_eq!(nodes(ProofPlan::consistency(4, 7)), [i, j]);
    assert_eq!(nodes(ProofPlan::consistency(6, 7)), [i, j, l]);
}

#[test]
fn a_head_that_was_kept_tells_what_became_of_the_log() {
    let (_, heads) = log(5);
    let (_, others) = log(5);
    let other_log = Head::create(Origin::new("gate.example/other").unwrap(), &signer()).unwrap();
    let kept = LogHead::from(heads[4].checkpoint());
    let compare = |head: &Head| kept.compare(Some(head.checkpoint()));
    assert_eq!(compare(&heads[4]), Comparison::Same);
    assert_eq!(compare(&heads[5]), Comparison::Ahead { kept: 4, found: 5 });
    assert_eq!(
        compare(&heads[3]),
        Comparison::WentBack { kept: 4, found: 3 }
    );
    assert_eq!(compare(&other_log), Comparison::OtherLog);
    assert_eq!(kept.compare(None), Comparison::Gone);
    // Two logs with the same events are the same; one with another event is a fork.
    assert_eq!(compare(&others[4]), Comparison::Same);
    let forked = heads[3]
        .append(
            &[event().outcome(crate::Outcome::Failed)],
            &mut SysRng,
            &signer(),
        )
        .unwrap();
    assert_eq!(compare(&forked.head), Comparison::Forked);
    let longer = forked
        .head
        .append(&[event()], &mut SysRng, &signer())
        .unwrap()
        .head;
    assert_eq!(
        kept.is_continued_by(longer.checkpoint(), &[]),
        Err(Comparison::Forked)
    );
    assert_eq!(
        kept.is_continued_by(heads[3].checkpoint(), &[]),
        Err(Comparison::WentBack { kept: 4, found: 3 })
    );
}

fn file(entries: &[Entry], head: &Head, index: u64) -> ProofFile {
    let plan = ProofPlan::inclusion(index, head.size()).unwrap();
    ProofFile::new(
        index,
        plan.proof(look_up(entries)).unwrap(),
        head.checkpoint().clone(),
    )
}

#[test]
fn a_proof_file_proves_one_record_by_itself() {
    let (entries, heads) = log(11);
    let keys = [VerifierKey::of(origin(), &signer()).unwrap()];
    let head = heads.last().unwrap();
    for (entry, index) in entries.iter().zip(0..) {
        let text = file(&entries, head, index).to_text();
        let proof = ProofFile::verify(text.as_bytes(), &entry.bytes, &keys).unwrap();
        assert_eq!(
            (proof.index(), proof.checkpoint()),
            (index, head.checkpoint())
        );
        let extra = text.replacen("\nindex", "\nextra aGVsbG8=\nindex", 1);
        assert!(ProofFile::verify(extra.as_bytes(), &entry.bytes, &keys).is_ok());
        let other = &entries[(usize::try_from(index).unwrap() + 1) % entries.len()];
        assert_eq!(
            ProofFile::verify(text.as_bytes(), &other.bytes, &keys),
            Err(InvalidProof)
        );
        assert_eq!(
            ProofFile::verify(text.as_bytes(), &entry.bytes, &[]),
            Err(InvalidProof)
        );
    }
}

#[test]
fn every_flipped_bit_of_a_proof_file_is_found() {
    let (entries, heads) = log(6);
    let keys = [VerifierKey::of(origin(), &signer()).unwrap()];
    let text = file(&entries, heads.last().unwrap(), 3)
        .to_text()
        .into_bytes();
    for at in 0..text.len() {
        for bit in [1, 0x20, 0x80] {
            let mut flipped = text.clone();
            flipped[at] ^= bit;
            let verified = ProofFile::verify(&flipped, &entries[3].bytes, &keys);
            assert_eq!(verified, Err(InvalidProof), "byte {at}");
        }
    }
}

#[test]
fn no_proof_is_planned_for_a_log_longer_than_any() {
    let most = crate::Count::MAX.get();
    assert!(ProofPlan::inclusion(7, most).is_some() && ProofPlan::consistency(7, most).is_some());
    for size in [most + 1, u64::MAX] {
        assert_eq!(ProofPlan::inclusion(7, size), None);
        assert_eq!(ProofPlan::consistency(7, size), None);
    }
}

proptest! {
    #[test]
    fn proofs_of_large_trees_are_short_and_name_nodes_inside_of_them(size in 1..1_u64 << 50, at in 0..1_u64 << 50) {
        let index = at % size;
        for plan in [ProofPlan::inclusion(index, size), ProofPlan::consistency(index, size)] {
            let plan = plan.unwrap();
            prop_assert!(plan.nodes().count() <= 200);
            prop_assert!(plan.nodes().all(|node| node.end() <= size));
        }
    }
}
