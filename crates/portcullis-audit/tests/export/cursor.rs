//! At least once, and nothing left out.

use portcullis_audit::*;

use crate::records::sealed;
use crate::samples::events;
use crate::tools::{origin, signer};

#[test]
fn a_receiver_that_crashes_anywhere_misses_no_record() {
    let records = sealed(&events(40));
    let mut received = Vec::new();
    let mut cursor = Cursor::at(origin(), 0);
    let mut round = 0;
    while cursor.next() < 40 {
        // Each round sends some more records than are acknowledged before it ends.
        round += 1;
        let from = usize::try_from(cursor.next()).unwrap();
        for (record, number) in records[from..].iter().zip(1..) {
            received.push(record.uid());
            if number > round {
                break;
            }
            cursor.acknowledge(&record.record).unwrap();
        }
    }
    assert!(received.len() > 40);
    received.dedup();
    received.sort_unstable();
    received.dedup();
    assert_eq!(received.len(), 40);
}

#[test]
fn a_record_is_not_acknowledged_before_those_before_it() {
    let records = sealed(&events(3));
    let mut cursor = Cursor::at(origin(), 0);
    let error = cursor.acknowledge(&records[1].record).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("record 0 of the log comes next")
    );
    cursor.acknowledge(&records[0].record).unwrap();
    cursor.acknowledge(&records[0].record).unwrap();
    assert_eq!(cursor.next(), 1);
    cursor.acknowledge(&records[1].record).unwrap();
    assert_eq!(cursor.next(), 2);
    // A late answer to a copy does not send everything again.
    cursor.acknowledge(&records[0].record).unwrap();
    assert_eq!(cursor.next(), 2);
    let other = Origin::new("gate.example/audit/other").unwrap();
    let mut cursor = Cursor::at(other, 2);
    assert!(cursor.acknowledge(&records[2].record).is_err());
    assert_eq!(cursor.next(), 2);
}

#[test]
fn a_receiver_that_is_switched_on_begins_with_the_next_record() {
    let head = Head::create(origin(), &signer()).unwrap();
    let batch = head
        .append(&events(5), &mut getrandom::SysRng, &signer())
        .unwrap();
    assert_eq!(Cursor::from_now(&batch.head), Cursor::at(origin(), 5));
}
