use getrandom::SysRng;

use super::*;
use crate::{
    Action, Actor, Damage, DamageKind, Ed25519Signer, Entry, Event, Head, InvalidCheckpoint,
    LogHead, PrivateText, Target, Timestamp, VerifierKey,
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

/// Batches of records, each with its head.
fn log(batches: &[usize]) -> (Vec<Entry>, Vec<Head>) {
    let mut heads = vec![Head::create(origin(), &signer()).unwrap()];
    let mut entries: Vec<Entry> = Vec::new();
    for &count in batches {
        let actor = Actor::User(PrivateText::new("ada \"the\" \u{1f600}").unwrap());
        let event = Event::new(
            Timestamp::from_micros(7),
            actor,
            Action::KeyMinted,
            Target::Instance,
        );
        let head = heads.last().unwrap();
        let batch = head
            .append(&vec![event; count], &mut SysRng, &signer())
            .unwrap();
        entries.extend(batch.entries);
        heads.push(batch.head);
    }
    (entries, heads)
}

/// The lines from record `first` on, with a head after each of these sizes.
fn lines(first: u64, entries: &[Entry], heads: &[Head]) -> Vec<String> {
    let export = JsonLines::new(origin());
    let hash = |node: Node| {
        let entry = entries.get(usize::try_from(node.entry()).unwrap())?;
        node.hash_in(&entry.hashes)
    };
    let mut lines = vec![export.begin(first, hash).unwrap()];
    for entry in &entries[usize::try_from(first).unwrap()..] {
        lines.push(export.record(entry.seq, &entry.bytes, &entry.openings));
        let head = heads.iter().find(|head| head.size() == entry.seq + 1);
        lines.extend(head.map(|head| export.checkpoint(head.checkpoint())));
    }
    lines
        .into_iter()
        .map(|line| String::from_utf8(line).unwrap())
        .collect()
}

fn verify(lines: &[String]) -> Result<VerifiedExport, DamagedExport> {
    feed(JsonLinesVerifier::new(&keys()), lines)
}

fn feed(
    mut verifier: JsonLinesVerifier,
    lines: &[String],
) -> Result<VerifiedExport, DamagedExport> {
    for line in lines {
        verifier.push(line.as_bytes())?;
    }
    verifier.finish()
}

fn records(line: u64, seq: u64, kind: DamageKind) -> Result<VerifiedExport, DamagedExport> {
    let kind = ExportDamage::Records(Damage { seq, kind });
    Err(DamagedExport { line, kind })
}

#[test]
fn an_export_verifies_by_itself_from_any_record_on() {
    let (entries, heads) = log(&[3, 5, 9]);
    for first in 0..17 {
        let verified = verify(&lines(first, &entries, &heads)).unwrap();
        assert_eq!((verified.log, verified.first), (origin(), first));
        assert_eq!(&verified.head, heads.last().unwrap().checkpoint());
    }
    let (_, heads) = log(&[]);
    let export = JsonLines::new(origin());
    let empty = [
        export.begin(0, |_| None).unwrap(),
        export.checkpoint(heads[0].checkpoint()),
    ];
    let empty = empty.map(|line| String::from_utf8(line).unwrap());
    assert_eq!(verify(&empty).unwrap().head.size(), 0);
}

#[test]
fn members_that_a_collector_adds_are_ignored() {
    let (entries, heads) = log(&[4]);
    let collected =
        |line: String| line.replacen('{', "{\"@timestamp\":\"2026\",\"host\":{\"name\":1},", 1);
    let lines: Vec<String> = lines(0, &entries, &heads)
        .into_iter()
        .map(collected)
        .collect();
    assert!(verify(&lines).is_ok());
}

#[test]
fn a_line_that_was_taken_out_put_in_swapped_or_edited_is_found() {
    let (entries, heads) = log(&[6]);
    let good = lines(0, &entries, &heads);
    let mut bad = good.clone();
    bad.remove(3);
    assert_eq!(verify(&bad), records(4, 2, DamageKind::Missing { next: 3 }));
    let mut bad = good.clone();
    bad.insert(3, good[3].clone());
    assert_eq!(verify(&bad), records(5, 2, DamageKind::Inserted));
    let mut bad = good.clone();
    bad.swap(3, 4);
    assert_eq!(verify(&bad), records(4, 2, DamageKind::Missing { next: 3 }));
    let mut bad = good.clone();
    bad[3] = bad[3].replace("key.minted", "key.revoked");
    assert_eq!(verify(&bad), records(4, 2, DamageKind::Edited));
    let mut bad = good.clone();
    bad.remove(6);
    assert_eq!(
        verify(&bad),
        records(7, 5, DamageKind::Truncated { size: 6 })
    );
}

#[test]
fn every_flipped_bit_that_a_reader_could_see_is_found() {
    let (entries, heads) = log(&[2]);
    let good = lines(0, &entries, &heads);
    for at in 0..good.len() {
        for byte in 0..good[at].len() {
            let mut bad = good[at].clone().into_bytes();
            bad[byte] ^= 1;
            let Ok(bad) = String::from_utf8(bad) else {
                continue;
            };
            let mut lines = good.clone();
            lines[at] = bad.clone();
            let verified = verify(&lines);
            // The name of an optional member, which is then another one; and the size beside the head, which has its own.
            let harmless = !bad.contains("\"openings\":") && at < 3 && at > 0
                || at == 3 && !bad.contains("\"size\":2");
            let newline = byte + 1 == good[at].len();
            assert!(verified.is_err() || harmless || newline, "{bad}");
        }
    }
}

#[test]
fn only_one_beginning_of_this_version_and_of_a_log_that_there_can_be_is_taken() {
    let (entries, heads) = log(&[2]);
    let good = lines(0, &entries, &heads);
    let form = |line, lines: &[String]| {
        let kind = ExportDamage::Form;
        assert_eq!(verify(lines), Err(DamagedExport { line, kind }));
    };
    form(1, &good[1..]);
    form(2, &[good[0].clone(), good[0].clone()]);
    form(1, &[good[0].replace("\"v\":1", "\"v\":2")]);
    form(1, &[good[0].replace("\"first\":0", "\"first\":1")]);
    let peaks = vec![format!("\"{}\"", Hash::EMPTY_TREE); 64].join(",");
    let endless = good[0].replace("[]", &format!("[{peaks}]"));
    form(
        1,
        &[endless.replace("\"first\":0", &format!("\"first\":{}", u64::MAX))],
    );
}

#[test]
fn records_after_the_last_head_prove_nothing() {
    let (entries, heads) = log(&[3, 2]);
    let mut bad = lines(0, &entries, &heads);
    bad.pop();
    let kind = ExportDamage::NotCovered;
    assert_eq!(verify(&bad), Err(DamagedExport { line: 7, kind }));
    assert_eq!(verify(&[]), Err(DamagedExport { line: 0, kind }));
}

#[test]
fn an_export_that_was_cut_off_is_found_against_a_kept_head_only() {
    let (entries, heads) = log(&[3, 2]);
    let kept = LogHead::from(heads[2].checkpoint());
    let whole = lines(0, &entries, &heads);
    let cut = &whole[..5];
    assert!(verify(cut).is_ok());
    let known = |kept: &LogHead| JsonLinesVerifier::new(&keys()).known(kept.clone());
    assert!(feed(known(&kept), &whole).is_ok());
    assert_eq!(
        feed(known(&kept), cut),
        records(5, 3, DamageKind::Truncated { size: 5 })
    );
    let older = LogHead::from(heads[1].checkpoint());
    assert!(feed(known(&older), &whole).is_ok());
    assert_eq!(
        feed(known(&older), &lines(4, &entries, &heads)),
        records(3, 3, DamageKind::NotComparable { known: 3 })
    );
    let forked = LogHead {
        root: Hash::EMPTY_TREE,
        ..older
    };
    assert_eq!(
        feed(known(&forked), &whole),
        records(4, 0, DamageKind::Forked { known: 3 })
    );
    let other = LogHead {
        log: Origin::new("other").unwrap(),
        ..kept
    };
    assert_eq!(
        feed(known(&other), &whole),
        records(1, 0, DamageKind::Foreign)
    );
}

#[test]
fn each_of_several_kept_heads_is_compared_whatever_their_order() {
    let (entries, heads) = log(&[3, 2, 4]);
    let kept: Vec<LogHead> = heads.iter().map(|it| it.checkpoint().into()).collect();
    let given = |known: &[LogHead]| {
        let none = JsonLinesVerifier::new(&keys());
        known.iter().cloned().fold(none, JsonLinesVerifier::known)
    };
    let whole = lines(0, &entries, &heads);
    let forked = |at: usize| {
        let mut known = kept.clone();
        known[at].root = Hash::EMPTY_TREE;
        known
    };
    for (at, line, seq) in [(1, 4, 0), (2, 7, 3), (3, 12, 5)] {
        let size = kept[at].size.get();
        let found = records(line, seq, DamageKind::Forked { known: size });
        let mut known = forked(at);
        assert_eq!(feed(given(&known), &whole), found);
        known.reverse();
        assert_eq!(feed(given(&known), &whole), found);
        // A good one of the same size makes up for nothing.
        known.insert(0, kept[at].clone());
        assert_eq!(feed(given(&known), &whole), found);
    }
    assert!(feed(given(&kept), &whole).is_ok());

    let cut = &whole[..8];
    let truncated = records(8, 5, DamageKind::Truncated { size: 9 });
    assert_eq!(feed(given(&kept), cut), truncated);
    // One before the first record leaves the others to be compared, and what they find is said.
    let late = lines(4, &entries, &heads);
    let not_comparable = DamageKind::NotComparable { known: 3 };
    let found = feed(given(&kept[1..]), &late);
    assert_eq!(found, records(late.len() as u64, 3, not_comparable));
    let found = feed(given(&forked(2)[1..]), &late);
    assert_eq!(found, records(2, 4, DamageKind::Forked { known: 5 }));
}

#[test]
fn a_kept_head_may_be_given_once_the_log_is_known() {
    let (entries, heads) = log(&[3, 2]);
    let whole = lines(0, &entries, &heads);
    for head in &heads {
        for root in [None, Some(Hash::leaf(b"another"))] {
            let mut known = LogHead::from(head.checkpoint());
            let expected = root.is_none();
            known.root = root.unwrap_or(known.root);
            let mut verifier = JsonLinesVerifier::new(&keys());
            assert_eq!(verifier.log(), None);
            verifier.push(whole[0].as_bytes()).unwrap();
            assert_eq!(verifier.log(), Some(&origin()));
            let found = feed(verifier.known(known), &whole[1..]);
            assert_eq!(found.is_ok(), expected, "{found:?}");
        }
    }
}

#[test]
fn an_export_that_was_rebuilt_without_the_key_has_no_good_head() {
    let (entries, heads) = log(&[3]);
    let good = lines(0, &entries, &heads);
    let (other, _) = log(&[3]);
    let mut bad = lines(0, &other, &[]);
    bad.push(good[4].clone());
    assert_eq!(verify(&bad), records(5, 0, DamageKind::NotWhatWasSigned));
    let forger = Ed25519Signer::from_seed(&[2; 32]);
    let forged = Head::create(origin(), &forger).unwrap();
    let export = JsonLines::new(origin());
    let forged = String::from_utf8(export.checkpoint(forged.checkpoint())).unwrap();
    let kind = ExportDamage::Head(InvalidCheckpoint::Unsigned);
    assert_eq!(
        verify(&[good[0].clone(), forged]),
        Err(DamagedExport { line: 2, kind })
    );
}

#[test]
fn a_head_of_another_log_covers_nothing() {
    // Two empty logs have the same size and the same root.
    let other = Origin::new("gate.example/audit/other").unwrap();
    let keys = [
        keys()[0].clone(),
        VerifierKey::of(other.clone(), &signer()).unwrap(),
    ];
    let theirs = Head::create(other, &signer()).unwrap();
    let export = JsonLines::new(origin());
    let lines = [
        export.begin(0, |_| None).unwrap(),
        export.checkpoint(theirs.checkpoint()),
    ];
    let lines = lines.map(|line| String::from_utf8(line).unwrap());
    let foreign = records(2, 0, DamageKind::Foreign);
    assert_eq!(feed(JsonLinesVerifier::new(&keys), &lines), foreign);
}

#[test]
fn a_record_in_the_place_of_the_last_one_is_told_before_the_head() {
    let (entries, heads) = log(&[6]);
    let mut bad = lines(0, &entries, &heads);
    bad[6] = bad[3].replacen("\"seq\":2}\n", "\"seq\":5}\n", 1);
    assert_eq!(verify(&bad), records(8, 5, DamageKind::Moved { claims: 2 }));
}

#[test]
fn the_size_beside_a_head_is_that_of_the_head() {
    let (entries, heads) = log(&[2]);
    let mut bad = lines(0, &entries, &heads);
    bad[3] = bad[3].replace("\"size\":2", "\"size\":3");
    let kind = ExportDamage::Form;
    assert_eq!(verify(&bad), Err(DamagedExport { line: 4, kind }));
}

#[test]
fn a_private_field_must_be_what_the_record_committed_to() {
    let (entries, heads) = log(&[2]);
    let good = lines(0, &entries, &heads);
    assert!(good[1].contains("\"openings\":{\"actor\":{\"salt\":\""));
    let kind = ExportDamage::Opening;
    for (from, to) in [
        ("\"value\":\"ada", "\"value\":\"eve"),
        ("{\"actor\":{\"salt", "{\"note\":{\"salt"),
        ("\"salt\":\"", "\"salt\":\"0"),
    ] {
        let mut bad = good.clone();
        bad[1] = bad[1].replacen(from, to, 1);
        assert_ne!(bad, good);
        assert_eq!(verify(&bad), Err(DamagedExport { line: 2, kind }));
    }
}

#[test]
fn an_export_without_openings_verifies_as_well() {
    let (mut entries, heads) = log(&[2]);
    for entry in &mut entries {
        entry.openings.clear();
    }
    let lines = lines(0, &entries, &heads);
    assert!(!lines.concat().contains("openings") && !lines.concat().contains("the"));
    assert!(verify(&lines).is_ok());
}
