//! Lengths and framing of syslog messages.

use portcullis_audit::*;
use syslog_rfc5424::{SyslogFacility, SyslogMessage, SyslogSeverity};

use crate::lengths::longest;
use crate::records::{SYSLOG, sealed, told};
use crate::samples::events;

fn parse(message: &[u8]) -> SyslogMessage {
    std::str::from_utf8(message).unwrap().parse().unwrap()
}

#[test]
fn the_header_says_what_rfc_5424_asks_for() {
    let sealed = &sealed(&[told(Action::KeyMinted, "ada", "n", "s")])[0];
    let message =
        parse(&Format::Syslog(Syslog::new(32_473, Framing::Datagram)).export(&sealed.open()));
    assert_eq!(message.facility, SyslogFacility::LOG_AUDIT);
    assert_eq!(message.severity, SyslogSeverity::SEV_NOTICE);
    assert_eq!(message.version, 1);
    assert_eq!(message.timestamp, Some(1_795_330_515));
    assert_eq!(message.timestamp_nanos, Some(123_456_000));
    assert_eq!(message.hostname.as_deref(), Some("gate.example"));
    assert_eq!(message.appname.as_deref(), Some("Portcullis"));
    assert_eq!(message.procid, None);
    assert_eq!(message.msgid.as_deref(), Some("key.minted"));
    let product = message.sd.find_sdid("origin").unwrap();
    assert_eq!(product["software"], "Portcullis");
    assert_eq!(message.msg.as_bytes(), sealed.record.to_bytes());
}

#[test]
fn every_word_fits_into_the_message_id() {
    for word in Action::WORDS {
        assert!(word.len() <= 32, "{word}");
    }
}

#[test]
fn the_facility_is_the_callers_choice() {
    let sealed = &sealed(&[told(Action::KeyMinted, "ada", "n", "s")])[0];
    for (facility, code) in [
        (Facility::Authorization, 10),
        (Facility::Audit, 13),
        (Facility::Local0, 16),
        (Facility::Local1, 17),
        (Facility::Local2, 18),
        (Facility::Local3, 19),
        (Facility::Local4, 20),
        (Facility::Local5, 21),
        (Facility::Local6, 22),
        (Facility::Local7, 23),
    ] {
        let message = Format::Syslog(SYSLOG.facility(facility)).export(&sealed.open());
        assert!(message.starts_with(format!("<{}>1 ", code * 8 + 5).as_bytes()));
    }
}

#[test]
fn octet_counting_gives_back_every_message_of_a_stream() {
    let records = sealed(&events(200));
    let counted = Format::Syslog(Syslog::new(32_473, Framing::OctetCounting).longest(65_536));
    let stream: Vec<u8> = records
        .iter()
        .flat_map(|sealed| counted.export(&sealed.open()))
        .collect();
    let mut rest = stream.as_slice();
    for sealed in &records {
        // RFC 6587 section 3.4.1: MSG-LEN SP SYSLOG-MSG, no leading zero.
        let space = rest.iter().position(|&byte| byte == b' ').unwrap();
        assert_ne!(rest[0], b'0');
        let length: usize = std::str::from_utf8(&rest[..space])
            .unwrap()
            .parse()
            .unwrap();
        let (message, next) = rest[space + 1..].split_at(length);
        let alone = Format::Syslog(Syslog::new(32_473, Framing::Datagram).longest(65_536));
        assert_eq!(message, alone.export(&sealed.open()));
        assert_eq!(parse(message).msg.as_bytes(), sealed.record.to_bytes());
        rest = next;
    }
    assert!(rest.is_empty());
}

#[test]
fn a_message_is_no_longer_than_the_receiver_takes_and_says_what_it_leaves_out() {
    let sealed = longest();
    for (longest, left_out) in [
        (65_536, None),
        (8_192, Some("entry")),
        (4_096, Some("entry,private")),
        (2_048, Some("entry,private")),
        (0, Some("entry,private")),
    ] {
        let syslog = Syslog::new(32_473, Framing::Datagram).longest(longest);
        let message = Format::Syslog(syslog).export(&sealed.open());
        assert!(message.len() <= longest.max(Syslog::MIN_LONGEST));
        let message = parse(&message);
        let params = message.sd.find_sdid("audit@32473").unwrap();
        assert_eq!(params.get("leftOut").map(String::as_str), left_out);
        assert_eq!(message.msg.is_empty(), left_out.is_some());
        let has_private = left_out != Some("entry,private");
        assert_eq!(params.contains_key("note"), has_private);
        assert_eq!(params["seq"], "0");
        let leaf = Hash::leaf(&sealed.record.to_bytes()).to_string();
        assert_eq!(params["leaf"], leaf);
    }
}

#[test]
fn no_length_is_asked_for_that_a_receiver_over_tls_must_exceed() {
    let syslog = Syslog::new(32_473, Framing::Datagram);
    assert_eq!(syslog.longest(0), syslog.longest(Syslog::MIN_LONGEST));
    assert_ne!(
        syslog.longest(Syslog::MIN_LONGEST + 1),
        syslog.longest(Syslog::MIN_LONGEST)
    );
    assert_eq!(syslog, syslog.longest(8_192));
}

#[test]
fn the_shortest_message_fits_whatever_the_log_is_called() {
    let log = Origin::new(&"a".repeat(Origin::MAX_LEN)).unwrap();
    let signer = Ed25519Signer::from_seed(&[1; 32]);
    let head = Head::create(log, &signer).unwrap();
    let batch = head.append(&events(500), &mut getrandom::SysRng, &signer);
    let syslog = Format::Syslog(Syslog::new(u32::MAX, Framing::Datagram).longest(0));
    for entry in batch.unwrap().entries {
        let record = Record::parse(&entry.bytes).unwrap();
        let message = syslog.export(&Disclosure::new(&record, &entry.openings).unwrap());
        assert!(message.len() <= Syslog::MIN_LONGEST);
    }
}

#[test]
fn the_host_is_the_one_that_the_log_is_named_after() {
    for (log, host) in [
        ("gate.example/audit/system", Some("gate.example")),
        ("gate.example:8443/audit/system", Some("gate.example")),
        ("gate", Some("gate")),
        (":8443/audit", None),
    ] {
        let signer = Ed25519Signer::from_seed(&[1; 32]);
        let head = Head::create(Origin::new(log).unwrap(), &signer).unwrap();
        let batch = head
            .append(&events(1), &mut getrandom::SysRng, &signer)
            .unwrap();
        let record = Record::parse(&batch.entries[0].bytes).unwrap();
        let message =
            Format::Syslog(Syslog::new(1, Framing::Datagram)).export(&Disclosure::closed(&record));
        assert_eq!(parse(&message).hostname.as_deref(), host);
    }
}
