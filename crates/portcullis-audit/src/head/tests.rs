use getrandom::SysRng;

use super::*;
use crate::{
    Action, Actor, Ed25519Signer, InvalidCheckpoint, Node, Target, Timestamp, VerifierKey,
};

fn signer() -> Ed25519Signer {
    Ed25519Signer::from_seed(&[1; 32])
}

fn origin() -> Origin {
    Origin::new("gate.example/audit/system").unwrap()
}

fn keys() -> [VerifierKey; 1] {
    [VerifierKey::of(origin(), &signer()).unwrap()]
}

fn events(count: usize) -> Vec<Event> {
    let at = Timestamp::from_micros(1_795_330_515_123_456);
    let event = Event::new(at, Actor::System, Action::NodeStarted, Target::Instance);
    vec![event; count]
}

fn appended(head: &Head, count: usize) -> Batch {
    head.append(&events(count), &mut SysRng, &signer()).unwrap()
}

#[test]
fn records_follow_one_another_by_sequence_and_leaf_hash() {
    let mut head = Head::create(origin(), &signer()).unwrap();
    let mut prev = None;
    for (count, size) in [(1, 1), (2, 3), (0, 3), (5, 8)] {
        let batch = appended(&head, count);
        assert_eq!(batch.entries.len(), count);
        for entry in &batch.entries {
            let record = Record::parse(&entry.bytes).unwrap();
            assert_eq!((record.seq(), record.log()), (entry.seq, &origin()));
            assert_eq!(record.prev().copied(), prev);
            prev = Some(Hash::leaf(&entry.bytes));
            assert_eq!(
                Node::new(0, entry.seq).unwrap().hash_in(&entry.hashes),
                prev
            );
        }
        head = batch.head;
        assert_eq!((head.size(), head.last().copied()), (size, prev));
    }
}

#[test]
fn a_batch_is_the_same_log_as_its_records_one_by_one() {
    let empty = Head::create(origin(), &signer()).unwrap();
    let batch = appended(&empty, 9);
    let one_by_one = (0..9).fold(empty, |head, _| appended(&head, 1).head);
    assert_eq!(batch.head, one_by_one);
}

#[test]
fn the_head_is_signed_in_every_append() {
    let head = Head::create(origin(), &signer()).unwrap();
    for count in [1, 3] {
        let head = appended(&head, count).head;
        let checkpoint = Checkpoint::verify(head.checkpoint().note(), &keys()).unwrap();
        assert_eq!(&checkpoint, head.checkpoint());
    }
}

#[test]
fn a_head_that_was_kept_goes_on_as_if_it_had_not_been() {
    let mut head = Head::create(origin(), &signer()).unwrap();
    for _ in 0..40 {
        let loaded = Head::load(&head.to_row(), &keys()).unwrap();
        assert_eq!(loaded, head);
        head = appended(&loaded, 1).head;
    }
}

#[test]
fn a_row_with_any_byte_changed_is_refused() {
    let mut head = Head::create(origin(), &signer()).unwrap();
    for size in 0..9_u64 {
        let good = head.to_row();
        let refused = |row: HeadRow| Head::load(&row, &keys()).unwrap_err();
        for at in 0..good.frontier.len() {
            let mut row = good.clone();
            row.frontier[at] ^= 1;
            assert!(
                matches!(refused(row), DamagedHead::Frontier | DamagedHead::Last),
                "size {size}, byte {at}"
            );
        }
        for at in 0..Hash::LEN {
            let mut row = good.clone();
            row.root[at] ^= 1;
            assert_eq!(refused(row), DamagedHead::NotWhatWasSigned);
            let mut row = good.clone();
            if let Some(last) = &mut row.last {
                last[at] ^= 1;
                assert_eq!(refused(row), DamagedHead::Last);
            }
        }
        for at in 0..good.note.len() {
            let mut row = good.clone();
            row.note[at] ^= 1;
            assert!(matches!(refused(row), DamagedHead::Note(_)));
        }
        let other = good.origin.replace("system", "other");
        assert_eq!(
            refused(HeadRow {
                origin: other,
                ..good.clone()
            }),
            DamagedHead::Origin
        );
        assert_eq!(
            refused(HeadRow {
                size: size + 1,
                ..good.clone()
            }),
            DamagedHead::NotWhatWasSigned
        );
        let longer = [good.frontier.as_slice(), &[0; 32]].concat();
        assert_eq!(
            refused(HeadRow {
                frontier: longer,
                ..good.clone()
            }),
            DamagedHead::Last
        );
        let odd = [good.frontier.as_slice(), &[0]].concat();
        assert_eq!(
            refused(HeadRow {
                frontier: odd,
                ..good.clone()
            }),
            DamagedHead::Frontier
        );
        if size > 0 {
            assert_eq!(
                refused(HeadRow {
                    last: None,
                    ..good.clone()
                }),
                DamagedHead::Last
            );
            assert_eq!(
                refused(HeadRow {
                    frontier: Vec::new(),
                    ..good
                }),
                DamagedHead::Frontier
            );
        } else {
            assert_eq!(
                refused(HeadRow {
                    last: Some([0; 32]),
                    ..good
                }),
                DamagedHead::Last
            );
        }
        head = appended(&head, 1).head;
    }
}

#[test]
fn a_node_is_not_taken_for_the_last_record() {
    let head = appended(&Head::create(origin(), &signer()).unwrap(), 8).head;
    let good = head.to_row();
    // One step up the way from the last record to the last peak, which is as good a way to the peak.
    let (peak, spine) = good.frontier.split_at(Hash::LEN);
    let (left, above) = spine.split_at(Hash::LEN);
    let left = Hash::from_bytes(left.try_into().unwrap());
    let parent = Hash::node(&left, head.last().unwrap());
    let row = HeadRow {
        frontier: [peak, above].concat(),
        last: Some(*parent.as_bytes()),
        ..good
    };
    assert_eq!(Head::load(&row, &keys()), Err(DamagedHead::Last));
}

#[test]
fn a_head_that_somebody_else_signed_is_refused() {
    let forger = Ed25519Signer::from_seed(&[2; 32]);
    let head = Head::create(origin(), &forger).unwrap();
    let forged = head
        .append(&events(3), &mut SysRng, &forger)
        .unwrap()
        .head
        .to_row();
    let unsigned = DamagedHead::Note(InvalidCheckpoint::Unsigned);
    assert_eq!(Head::load(&forged, &keys()), Err(unsigned));
}

struct NoSigner;

impl Signer for NoSigner {
    fn public_key(&self) -> [u8; 32] {
        signer().public_key()
    }

    fn sign(&self, _message: &[u8]) -> Result<[u8; 64], SigningFailed> {
        Err(SigningFailed)
    }
}

#[test]
fn nothing_is_appended_without_a_signature() {
    let head = Head::create(origin(), &signer()).unwrap();
    let failed = head.append(&events(1), &mut SysRng, &NoSigner).unwrap_err();
    assert_eq!(failed, AppendError::Signing(SigningFailed));
}
