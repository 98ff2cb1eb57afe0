//! What somebody can do who can write the database, and how it is found. One attack a test.

use getrandom::SysRng;
use portcullis_audit::*;

use crate::database::{Database, damage, event, keys, origin, signer};

#[test]
fn a_log_that_nobody_touched_is_verified() {
    for size in [0, 1, 2, 3, 255, 256, 257, 600] {
        let database = Database::of(size);
        let verified = database.verify_against(&[database.head()]).unwrap();
        assert_eq!(
            (verified.log, verified.size),
            (origin(), u64::try_from(size).unwrap())
        );
        assert_eq!((verified.minimum, verified.compared), (0, 1));
    }
}

#[test]
fn an_edited_record_is_named() {
    let good = Database::of(20);
    for at in 0..20 {
        let seq = u64::try_from(at).unwrap();
        let mut bad = good.clone();
        bad.edit(at);
        assert_eq!(bad.verify(), damage(seq, DamageKind::Edited));
        bad.rehash(at);
        assert_eq!(bad.verify(), damage(seq, DamageKind::Edited));
    }
}

#[test]
fn an_edited_byte_is_found_wherever_it_stands() {
    let good = Database::of(5);
    for at in 0..good.rows[2].bytes.len() {
        for bit in [1, 0x10, 0x80] {
            let mut bad = good.clone();
            bad.rows[2].bytes[at] ^= bit;
            let found = bad.verify().unwrap_err();
            assert_eq!(found.seq, 2, "{found}");
            bad.rehash(2);
            let found = bad.verify().unwrap_err();
            assert!((1..=2).contains(&found.seq), "byte {at}: {found}");
        }
    }
}

#[test]
fn the_first_record_has_none_before_it() {
    let mut bad = Database::of(3);
    let text = String::from_utf8(bad.rows[0].bytes.clone()).unwrap();
    let prev = format!("\"prev\":\"{}\",\"seq\"", Hash::EMPTY_TREE);
    bad.rows[0].bytes = text.replace("\"seq\"", &prev).into_bytes();
    bad.rehash(0);
    assert_eq!(bad.verify(), damage(0, DamageKind::Edited));
}

#[test]
fn a_deleted_record_is_missing_whether_or_not_the_others_are_renumbered() {
    let good = Database::of(20);
    for at in 0..20_usize {
        let seq = u64::try_from(at).unwrap();
        let mut bad = good.clone();
        bad.rows.remove(at);
        let (there, renumbered) = match at {
            19 => (
                DamageKind::Truncated { size: 20 },
                DamageKind::Truncated { size: 20 },
            ),
            _ => (
                DamageKind::Missing { next: seq + 1 },
                DamageKind::Missing { next: seq + 1 },
            ),
        };
        assert_eq!(bad.verify(), damage(seq, there));
        bad.renumber();
        assert_eq!(bad.verify(), damage(seq, renumbered));
    }
}

#[test]
fn a_deleted_range_is_missing() {
    let mut bad = Database::of(20);
    bad.rows.drain(4..9);
    assert_eq!(bad.verify(), damage(4, DamageKind::Missing { next: 9 }));
    bad.renumber();
    assert_eq!(bad.verify(), damage(4, DamageKind::Missing { next: 9 }));
}

#[test]
fn swapped_records_are_named() {
    let good = Database::of(20);
    for (first, second) in [(0, 1), (3, 4), (3, 11), (0, 19), (18, 19)] {
        let mut bad = good.clone();
        bad.rows.swap(first, second);
        bad.renumber();
        let claims = u64::try_from(second).unwrap();
        let seq = u64::try_from(first).unwrap();
        assert_eq!(bad.verify(), damage(seq, DamageKind::Moved { claims }));
        // Only the records, and not what else is in their rows.
        let mut bad = good.clone();
        let bytes = bad.rows[first].bytes.clone();
        bad.rows[first].bytes = std::mem::replace(&mut bad.rows[second].bytes, bytes);
        assert_eq!(bad.verify(), damage(seq, DamageKind::Moved { claims }));
    }
}

#[test]
fn an_inserted_record_is_named() {
    let good = Database::of(20);
    for at in 1..19_usize {
        let seq = u64::try_from(at).unwrap();
        // A copy of the record in its place, changed: it has the right sequence and the right `prev`.
        let mut bad = good.clone();
        bad.rows.insert(at, bad.rows[at].clone());
        bad.edit_with_hashes(at);
        bad.renumber();
        assert_eq!(bad.verify(), damage(seq, DamageKind::Inserted), "{at}");
        // A copy behind it.
        let mut bad = good.clone();
        bad.rows.insert(at, bad.rows[at].clone());
        bad.renumber();
        let found = bad.verify().unwrap_err();
        assert_eq!(found.kind, DamageKind::Inserted);
        assert!((seq..=seq + 1).contains(&found.seq));
        // Under the same sequence, without renumbering.
        let mut bad = good.clone();
        bad.rows.insert(at, bad.rows[at - 1].clone());
        assert_eq!(bad.verify(), damage(seq - 1, DamageKind::Inserted));
    }
}

#[test]
fn a_record_that_was_put_in_behind_the_true_one_or_without_a_link_is_named() {
    let good = Database::of(20);
    for at in 1..18_usize {
        let seq = u64::try_from(at).unwrap();
        // Changed, behind the record whose place it claims; what follows goes on from the true one.
        let mut bad = good.clone();
        bad.rows.insert(at + 1, bad.rows[at].clone());
        bad.edit_with_hashes(at + 1);
        bad.renumber();
        assert_eq!(bad.verify(), damage(seq + 1, DamageKind::Inserted), "{at}");
        // Before it, and naming no record of this log.
        let mut bad = good.clone();
        bad.rows.insert(at, bad.rows[at].clone());
        let text = String::from_utf8(bad.rows[at].bytes.clone()).unwrap();
        let prev = Record::parse(&bad.rows[at].bytes)
            .unwrap()
            .prev()
            .unwrap()
            .to_string();
        bad.rows[at].bytes = text
            .replace(&prev, &Hash::EMPTY_TREE.to_string())
            .into_bytes();
        bad.rehash(at);
        bad.renumber();
        assert_eq!(bad.verify(), damage(seq, DamageKind::Inserted), "{at}");
    }
}

#[test]
fn a_row_under_the_number_of_an_earlier_one_is_found_whatever_it_holds() {
    let mut bad = Database::of(20);
    bad.rows[5].seq = 3;
    assert_eq!(bad.verify(), damage(3, DamageKind::Inserted));
}

#[test]
fn a_later_record_at_the_end_of_a_cut_log_is_moved() {
    let mut bad = Database::of(20);
    let later = bad.rows[7].bytes.clone();
    bad.rows.truncate(6);
    bad.rows[5].bytes = later;
    assert_eq!(bad.verify(), damage(5, DamageKind::Moved { claims: 7 }));
}

#[test]
fn a_kept_head_of_an_empty_log_that_is_none_is_not_agreed_with() {
    let database = Database::of(3);
    let empty = LogHead {
        root: Hash::EMPTY_TREE,
        size: 0.into(),
        ..database.head()
    };
    let verified = database
        .verify_against(std::slice::from_ref(&empty))
        .unwrap();
    assert_eq!(verified.compared, 1);
    let root = Hash::leaf(b"other");
    let forked = database.verify_against(&[LogHead { root, ..empty }]);
    assert_eq!(forked, damage(0, DamageKind::Forked { known: 0 }));
}

#[test]
fn a_record_beyond_the_signed_head_is_found() {
    let mut bad = Database::of(20);
    let head = bad.head.clone();
    bad.append(1);
    bad.head = head;
    assert_eq!(bad.verify(), damage(20, DamageKind::Unsigned));
}

#[test]
fn a_record_of_another_log_is_foreign() {
    let mut bad = Database::of(20);
    let text = String::from_utf8(bad.rows[7].bytes.clone()).unwrap();
    bad.rows[7].bytes = text.replace("audit/system", "audit/tenant").into_bytes();
    assert_eq!(bad.verify(), damage(7, DamageKind::Foreign));
}

#[test]
fn a_tail_that_was_cut_off_is_found_against_the_head_even_within_the_last_second() {
    let mut bad = Database::of(20);
    bad.append(1);
    // There is no window: the head that covers the record was signed in the same commit.
    bad.rows.pop();
    assert_eq!(bad.verify(), damage(20, DamageKind::Truncated { size: 21 }));
}

#[test]
fn a_tail_that_was_cut_off_together_with_the_head_is_found_against_a_kept_head() {
    let mut database = Database::of(20);
    let older = database.clone();
    database.append(1);
    // Yesterday's file, or the one of a second ago: it is a good log by itself.
    assert!(older.verify().is_ok());
    let kept = database.head();
    assert_eq!(
        older.verify_against(&[kept]),
        damage(20, DamageKind::Truncated { size: 21 })
    );
}

#[test]
fn a_restored_copy_that_went_on_is_a_fork() {
    let mut database = Database::of(20);
    let yesterday = database.head();
    let mut restored = database.clone();
    database.append(1);
    let kept = database.head();
    let head = Head::load(&restored.head, &keys()).unwrap();
    let events = [event(99), event(100)];
    restored.take(head.append(&events, &mut SysRng, &signer()).unwrap());
    assert!(restored.verify().is_ok());
    assert!(
        restored
            .verify_against(std::slice::from_ref(&yesterday))
            .is_ok()
    );
    // The two went apart after the records that both have.
    assert_eq!(
        restored.verify_against(&[kept, yesterday]),
        damage(20, DamageKind::Forked { known: 21 })
    );
}

#[test]
fn a_log_that_was_rebuilt_without_the_signing_key_is_found_by_its_head() {
    let good = Database::of(20);
    // Everything again, without the record of interest, by the same program.
    let forger = Ed25519Signer::from_seed(&[2; 32]);
    let head = Head::create(origin(), &forger).unwrap();
    let events: Vec<Event> = (100..120).map(event).collect();
    let mut bad = good.clone();
    bad.rows.clear();
    bad.take(head.append(&events, &mut SysRng, &forger).unwrap());
    // With the forged head: it is not signed by the log's key.
    let refused = Head::load(&bad.head, &keys()).unwrap_err();
    assert_eq!(refused, DamagedHead::Note(InvalidCheckpoint::Unsigned));
    // With the head that was signed: the records are not those.
    bad.head = good.head.clone();
    assert_eq!(bad.verify(), damage(0, DamageKind::NotWhatWasSigned));
    let head = Head::load(&good.head, &keys()).unwrap();
    let copy = Verifier::of_checkpoint(head.checkpoint().clone());
    assert_eq!(
        bad.feed(copy, false),
        damage(0, DamageKind::NotWhatWasSigned)
    );
}

#[test]
fn a_log_that_was_rebuilt_from_some_record_on_is_found_to_begin_well() {
    let good = Database::of(20);
    let forger = Ed25519Signer::from_seed(&[2; 32]);
    let mut bad = Database::of(17);
    let forged_keys = [VerifierKey::of(origin(), &forger).unwrap()];
    let head = Head::create(origin(), &forger).unwrap();
    let events: Vec<Event> = (0..17).chain(100..103).map(event).collect();
    let forged = head.append(&events, &mut SysRng, &forger).unwrap();
    assert!(Head::load(&forged.head.to_row(), &forged_keys).is_ok());
    bad.rows.clear();
    bad.take(forged);
    bad.head = good.head.clone();
    let kept = Database::of(17).head();
    assert_eq!(
        bad.verify_against(&[kept]),
        damage(17, DamageKind::NotWhatWasSigned),
        "a kept head vouches for more"
    );
    // The first 16 records are a peak of the signed tree, and they are right.
    let found = bad.verify().unwrap_err();
    assert_eq!(
        found,
        Damage {
            seq: 16,
            kind: DamageKind::NotWhatWasSigned
        }
    );
}

#[test]
fn an_edit_of_the_last_record_and_its_hashes_is_named() {
    let mut bad = Database::of(20);
    bad.edit_with_hashes(19);
    assert_eq!(bad.verify(), damage(19, DamageKind::Edited));
}

#[test]
fn a_head_that_was_edited_is_not_appended_to() {
    let mut bad = Database::of(20);
    bad.head.last = Some([0; 32]);
    assert_eq!(
        Head::load(&bad.head, &keys()).unwrap_err(),
        DamagedHead::Last
    );
}

#[test]
fn the_log_of_an_organization_that_was_deleted_is_missed_by_the_system_log() {
    let organization = Origin::organization("gate.example", ObjectId::from_bytes([7; 16])).unwrap();
    let theirs = Head::create(organization.clone(), &signer()).unwrap();
    let theirs = theirs
        .append(&[event(0)], &mut SysRng, &signer())
        .unwrap()
        .head;

    // The system log takes the head of the organization's.
    let mut system = Database::of(3);
    let head = Head::load(&system.head, &keys()).unwrap();
    let claim = Action::AuditHead(LogHead::from(theirs.checkpoint()));
    let event = Event::new(
        Timestamp::from_micros(0),
        Actor::System,
        claim,
        Target::Instance,
    );
    system.take(head.append(&[event], &mut SysRng, &signer()).unwrap());
    assert!(system.verify().is_ok());

    let mut heads = KnownHeads::default();
    for row in &system.rows {
        heads.take(&Record::parse(&row.bytes).unwrap());
    }
    let found = heads.compare(|log| (log == &organization).then(|| theirs.checkpoint().clone()));
    assert_eq!(found, []);
    // An older claim, found later, changes nothing.
    let older = Head::create(organization.clone(), &signer()).unwrap();
    let claim = Action::AuditHead(LogHead::from(older.checkpoint()));
    let event = Event::new(
        Timestamp::from_micros(0),
        Actor::System,
        claim,
        Target::Instance,
    );
    let head = Head::load(&system.head, &keys()).unwrap();
    let batch = head.append(&[event], &mut SysRng, &signer()).unwrap();
    heads.take(&Record::parse(&batch.entries[0].bytes).unwrap());
    let found = heads.compare(|_| Some(older.checkpoint().clone()));
    let back = Comparison::WentBack { kept: 1, found: 0 };
    assert_eq!(found, [(organization.clone(), back)]);
    // And a newer one counts.
    let mut newest = KnownHeads::default();
    for record in [&batch.entries[0].bytes, &system.rows[3].bytes] {
        newest.take(&Record::parse(record).unwrap());
    }
    assert_eq!(newest, heads);
    let found = heads.compare(|_| None);
    assert_eq!(found, [(organization, Comparison::Gone)]);
}

#[test]
fn every_call_after_a_damage_repeats_it() {
    let mut bad = Database::of(5);
    bad.edit(1);
    let head = Head::load(&bad.head, &keys()).unwrap();
    let mut verifier = Verifier::new(&head);
    let outcomes: Vec<_> = bad
        .rows
        .iter()
        .map(|row| {
            verifier.push(StoredEntry {
                seq: row.seq,
                bytes: &row.bytes,
                hashes: &row.hashes,
            })
        })
        .collect();
    let edited = Damage {
        seq: 1,
        kind: DamageKind::Edited,
    };
    assert_eq!(
        outcomes,
        [Ok(()), Err(edited), Err(edited), Err(edited), Err(edited)]
    );
    assert_eq!(verifier.position(), 1);
    assert_eq!(verifier.finish(), Err(edited));
}
