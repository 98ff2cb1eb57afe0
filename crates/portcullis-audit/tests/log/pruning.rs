//! Pruning and erasure: what is gone is gone, and what is left verifies.

use std::collections::BTreeMap;

use getrandom::SysRng;
use portcullis_audit::*;

use crate::database::{Database, damage, event, keys, signer};

/// A database with its table of retained nodes.
struct Pruned {
    database: Database,
    minimum: u64,
    retained: BTreeMap<Node, Hash>,
}

impl Pruned {
    fn of(size: i64) -> Self {
        Self {
            database: Database::of(size),
            minimum: 0,
            retained: BTreeMap::new(),
        }
    }

    fn hash(&self, node: Node) -> Option<Hash> {
        let row = self
            .database
            .rows
            .iter()
            .find(|row| row.seq == node.entry());
        row.and_then(|row| node.hash_in(&row.hashes))
            .or_else(|| self.retained.get(&node).copied())
    }

    fn plan(&self, below: u64) -> Result<Pruning, CannotPrune> {
        let head = Head::load(&self.database.head, &keys()).unwrap();
        let cause = Word::new("retention").unwrap();
        Pruning::plan(&head, self.minimum, below, cause, |node| self.hash(node))
    }

    fn prune(&mut self, below: u64) {
        let pruning = self.plan(below).unwrap();
        let event = pruning.event(Timestamp::from_micros(0), Actor::System, Target::Instance);
        let head = Head::load(&self.database.head, &keys()).unwrap();
        self.database
            .take(head.append(&[event], &mut SysRng, &signer()).unwrap());
        self.remove(&pruning);
    }

    fn remove(&mut self, pruning: &Pruning) {
        self.retained = pruning.retained().iter().copied().collect();
        self.minimum = pruning.minimum();
        self.database
            .rows
            .retain(|row| row.seq >= pruning.minimum());
    }

    fn verify(&self) -> Result<Verified, Damage> {
        let head = Head::load(&self.database.head, &keys()).unwrap();
        let verifier =
            Verifier::new(&head).pruned(self.minimum, |node| self.retained.get(&node).copied());
        self.database.feed(verifier?, true)
    }
}

#[test]
fn a_pruned_log_verifies_wherever_it_was_cut() {
    for below in [1, 2, 3, 100, 255, 256, 257, 511, 512, 600] {
        let mut log = Pruned::of(600);
        log.prune(below);
        let verified = log.verify().unwrap();
        assert_eq!((verified.size, verified.minimum), (601, below));
        assert_eq!(log.database.rows.first().unwrap().seq, below);
        // It goes on.
        log.database.append(3);
        assert_eq!(log.verify().unwrap().size, 604);
    }
}

#[test]
fn a_log_can_be_pruned_again_from_what_was_retained() {
    let mut log = Pruned::of(600);
    for below in [3, 250, 300, 301, 512, 600, 603] {
        log.prune(below);
        assert_eq!(log.verify().unwrap().minimum, below);
        assert!(log.retained.len() < 2 * 256 + 64);
    }
    assert_eq!(log.plan(603).unwrap_err(), CannotPrune::Nothing);
    assert_eq!(log.plan(602).unwrap_err(), CannotPrune::Nothing);
    assert_eq!(log.plan(9_999).unwrap_err(), CannotPrune::BeyondTheEnd);
}

#[test]
fn every_record_and_head_that_is_left_can_still_be_proven() {
    let mut log = Pruned::of(300);
    log.prune(130);
    log.database.append(20);
    let head = Head::load(&log.database.head, &keys()).unwrap();
    let size = head.size();
    for row in &log.database.rows {
        let plan = ProofPlan::inclusion(row.seq, size).unwrap();
        let proof = plan.proof(|node| log.hash(node)).unwrap();
        assert!(
            head.checkpoint()
                .includes(row.seq, &Hash::leaf(&row.bytes), &proof)
        );
    }
    let whole = Database::of(300);
    let kept = LogHead::from(Head::load(&whole.head, &keys()).unwrap().checkpoint());
    for old in 130..=300 {
        let plan = ProofPlan::consistency(old, size).unwrap();
        let proof = plan.proof(|node| log.hash(node)).unwrap();
        if old == 300 {
            assert_eq!(kept.is_continued_by(head.checkpoint(), &proof), Ok(()));
        }
    }
}

#[test]
fn records_that_are_missing_at_the_beginning_have_to_be_declared() {
    let mut log = Pruned::of(600);
    let pruning = log.plan(256).unwrap();
    // Nothing was recorded.
    log.remove(&pruning);
    let undeclared = DamageKind::PrunedWithoutRecord { minimum: 256 };
    assert_eq!(log.verify(), damage(0, undeclared));
    // Something else was.
    let mut log = Pruned::of(600);
    log.prune(255);
    let pruning = log.plan(256).unwrap();
    log.remove(&pruning);
    assert_eq!(log.verify(), damage(0, undeclared));
    // And a log that says nothing about a minimum has to begin with its first record.
    log.minimum = 0;
    assert_eq!(log.verify(), damage(0, DamageKind::Missing { next: 256 }));
}

#[test]
fn a_minimum_beyond_the_head_is_none() {
    let head = Head::load(&Database::of(10).head, &keys()).unwrap();
    let beyond = Verifier::new(&head).pruned(11, |_| Some(Hash::EMPTY_TREE));
    let missing = DamageKind::Missing { next: 11 };
    assert_eq!(
        beyond.unwrap_err(),
        Damage {
            seq: 0,
            kind: missing
        }
    );
}

#[test]
fn retained_hashes_that_were_edited_do_not_lead_to_the_signed_root() {
    let mut log = Pruned::of(600);
    log.prune(300);
    for node in peaks(300) {
        let good = log.retained.insert(node, Hash::EMPTY_TREE).unwrap();
        let found = log.verify().unwrap_err();
        assert_eq!(
            found,
            Damage {
                seq: 0,
                kind: DamageKind::NotWhatWasSigned
            }
        );
        log.retained.remove(&node);
        assert_eq!(log.verify(), damage(0, DamageKind::Missing { next: 300 }));
        log.retained.insert(node, good);
    }
    assert!(log.verify().is_ok());
}

#[test]
fn an_edit_in_a_pruned_log_is_named() {
    let mut log = Pruned::of(600);
    log.prune(300);
    for at in [0, 1, 100, 299] {
        let mut bad = log.database.clone();
        bad.edit(at);
        let seq = bad.rows[at].seq;
        std::mem::swap(&mut log.database, &mut bad);
        assert_eq!(log.verify(), damage(seq, DamageKind::Edited));
        std::mem::swap(&mut log.database, &mut bad);
    }
}

#[test]
fn a_kept_head_that_was_pruned_away_cannot_be_compared_and_says_so() {
    let early = Database::of(100).head();
    let late = Database::of(400).head();
    let mut log = Pruned::of(600);
    log.prune(300);
    let head = Head::load(&log.database.head, &keys()).unwrap();
    let verifier = || {
        let retained = log.retained.clone();
        Verifier::new(&head)
            .pruned(300, |node| retained.get(&node).copied())
            .unwrap()
    };
    let known = verifier().known(early).unwrap_err();
    assert_eq!(
        known,
        Damage {
            seq: 100,
            kind: DamageKind::NotComparable { known: 100 }
        }
    );
    // In the other order, too.
    let before = Verifier::new(&head)
        .known(Database::of(100).head())
        .unwrap();
    let before = before
        .pruned(300, |node| log.retained.get(&node).copied())
        .unwrap();
    assert_eq!(
        log.database.feed(before, true),
        damage(100, DamageKind::NotComparable { known: 100 })
    );
    let verified = log.database.feed(verifier().known(late).unwrap(), true);
    assert_eq!(verified.unwrap().compared, 1);
}

#[test]
fn an_erased_field_is_gone_and_the_record_is_as_it_was() {
    let mut log = Database::of(3);
    let text = |text| PrivateText::new(text).unwrap();
    let ada = Event::new(
        Timestamp::from_micros(0),
        Actor::User(text("ada@example.org")),
        Action::KeyRevoked,
        Target::Instance,
    )
    .address("192.0.2.7".parse().unwrap());
    let head = Head::load(&log.head, &keys()).unwrap();
    let batch = head
        .append(&[ada, event(1)], &mut SysRng, &signer())
        .unwrap();
    let mut openings: Vec<Opening> = batch
        .entries
        .iter()
        .flat_map(|entry| entry.openings.clone())
        .collect();
    log.take(batch);

    // Erasure: the openings go, and a record says so.
    openings.retain(|opening| opening.field != Field::Actor);
    let erased = Erased {
        cause: Word::new("request_of_the_person").unwrap(),
        count: 1.into(),
        fields: [Field::Actor].into(),
        first: 3.into(),
        next: 4.into(),
    };
    let erased = Event::new(
        Timestamp::from_micros(1),
        Actor::System,
        Action::AuditErased(erased),
        Target::Instance,
    );
    let head = Head::load(&log.head, &keys()).unwrap();
    log.take(head.append(&[erased], &mut SysRng, &signer()).unwrap());

    assert!(log.verify().is_ok());
    let record = Record::parse(&log.rows[3].bytes).unwrap();
    assert!(record.commitment(Field::Actor).is_some());
    assert!(
        openings
            .iter()
            .all(|opening| opening.value.expose() != "ada@example.org")
    );
    let left: Vec<&str> = openings
        .iter()
        .filter(|opening| record.is_opened_by(opening))
        .map(|opening| opening.value.expose())
        .collect();
    assert_eq!(left, ["192.0.2.7"]);
    let stored: Vec<u8> = log.rows.iter().flat_map(|row| row.bytes.clone()).collect();
    assert!(!String::from_utf8(stored).unwrap().contains("ada@example"));
}

/// The complete subtrees of the first records: one for each bit of their number.
fn peaks(size: u64) -> Vec<Node> {
    let levels = (0..64_u8).rev().filter(|level| size >> level & 1 == 1);
    levels
        .map(|level| Node::new(level, (size >> level) - 1).unwrap())
        .collect()
}
