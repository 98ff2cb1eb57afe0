//! Any bytes: reading a record does not panic, and what reads as a record is written as exactly these bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_audit::{Action, InvalidRecord, Record};

fuzz_target!(|bytes: &[u8]| {
    match Record::parse(bytes) {
        Ok(record) => {
            assert_eq!(record.to_bytes(), bytes);
            assert_eq!(record.prev().is_some(), record.seq() > 0);
            assert!(bytes.len() <= Record::MAX_LEN);
            assert!(Action::WORDS.contains(&record.action().word()));
        }
        Err(InvalidRecord::Version(version)) => assert_ne!(version, u64::from(Record::VERSION)),
        Err(_) => {}
    }
});
