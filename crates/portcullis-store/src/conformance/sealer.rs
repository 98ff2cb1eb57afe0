//! A sealer without cryptography: counters and a checksum instead of hashes and signatures, so that the suite can see what an
//! adapter does with a log.

use crate::{
    AuditDraft, AuditStore, LogEntryRow, LogHeadRow, LogId, NotSealed, OpeningRow, RemovalGuard,
    SealStep, Sealed,
};

use super::draft_line;

/// Seals the drafts, each into one record of its [line](draft_line). A source address is a private field.
#[must_use]
pub fn seal(log: LogId) -> SealStep {
    seal_with(log, &[])
}

/// Seals the drafts, and behind them these records of its own.
#[must_use]
pub fn seal_with(log: LogId, records: &[&str]) -> SealStep {
    let records: Vec<String> = records.iter().copied().map(str::to_owned).collect();
    Box::new(move |head, drafts| Ok(sealed(log, head, drafts, &records)))
}

/// Seals nothing, ever.
#[must_use]
pub fn seal_fails() -> SealStep {
    Box::new(|_, _| {
        Err(NotSealed(
            "the signer of the suite does not sign".to_owned(),
        ))
    })
}

/// Whatever is in force, it may go.
#[must_use]
pub fn anyway() -> RemovalGuard {
    Box::new(|_| true)
}

/// Reads a whole log and sees that it is one chain: no gap, no fork, no record that names another one before it, and the head at its
/// end. Returns the text of its records.
///
/// # Panics
/// When it is not.
pub async fn read_chain(store: &impl AuditStore, log: LogId) -> Vec<String> {
    let entries = store.entries(log, 0, usize::MAX).await.unwrap();
    let head = store.log_head(log).await.unwrap();
    let Some((head, minimum)) = head else {
        assert_eq!(entries, [], "there are records and no head");
        return Vec::new();
    };
    let mut texts = Vec::new();
    let mut before = None;
    for (seq, row) in (minimum..).zip(&entries) {
        let entry = String::from_utf8(row.entry.clone()).unwrap();
        let mut parts = entry.splitn(3, ' ');
        assert_eq!(row.seq, seq, "a record is missing or there twice");
        assert_eq!(parts.next(), Some(seq.to_string().as_str()), "{entry}");
        let prev = parts.next().unwrap();
        // What stood before the minimum is gone.
        if seq > minimum || seq == 0 {
            assert_eq!(prev, name(before), "the record before {seq} is another one");
        }
        let last = checksum(&row.entry);
        assert_eq!(row.hashes, hashes(seq, last), "hashes of record {seq}");
        before = Some(last);
        texts.push(parts.next().unwrap().to_owned());
    }
    assert_eq!(head.size, minimum + entries.len() as u64);
    assert_eq!(head.last, before, "the head ends elsewhere");
    assert_eq!(head, self::head(log, head.size, before));
    texts
}

pub(super) fn sealed(
    log: LogId,
    head: Option<&LogHeadRow>,
    drafts: &[AuditDraft],
    records: &[String],
) -> Sealed {
    let start = head.map_or(0, |head| head.size);
    let mut last = head.and_then(|head| head.last);
    let lines: Vec<String> = drafts.iter().map(draft_line).collect();
    let mut entries = Vec::new();
    for (seq, line) in (start..).zip(lines.iter().chain(records)) {
        let entry = format!("{seq} {} {line}", name(last)).into_bytes();
        let sum = checksum(&entry);
        last = Some(sum);
        entries.push(LogEntryRow {
            seq,
            entry,
            hashes: hashes(seq, sum),
        });
    }
    let openings = (start..).zip(drafts).filter_map(|(seq, draft)| {
        Some(OpeningRow {
            seq,
            field: "address".to_owned(),
            salt: checksum(&seq.to_be_bytes()),
            value: draft.address()?.to_string(),
        })
    });
    Sealed {
        head: self::head(log, start + entries.len() as u64, last),
        openings: openings.collect(),
        entries,
    }
}

fn head(log: LogId, size: u64, last: Option<[u8; 32]>) -> LogHeadRow {
    let origin = match log {
        LogId::System => "suite/system".to_owned(),
        LogId::Organization(org) => format!("suite/{org}"),
    };
    LogHeadRow {
        note: format!("{origin}\n{size}\n").into_bytes(),
        origin,
        size,
        root: checksum(&size.to_be_bytes()),
        frontier: last.iter().flatten().copied().collect(),
        last,
    }
}

/// As many hashes as nodes of a tree are complete with the record.
fn hashes(seq: u64, sum: [u8; 32]) -> Vec<u8> {
    sum.repeat(1 + seq.trailing_ones() as usize)
}

fn name(last: Option<[u8; 32]>) -> String {
    last.map_or_else(
        || "-".to_owned(),
        |sum| {
            sum.iter()
                .take(8)
                .map(|byte| format!("{byte:02x}"))
                .collect()
        },
    )
}

/// FNV-1a, four times from different starts: it tells texts apart, and protects against nobody.
fn checksum(bytes: &[u8]) -> [u8; 32] {
    let mut sum = [0; 32];
    for (start, part) in (1_u64..).zip(sum.chunks_exact_mut(8)) {
        let fnv = bytes
            .iter()
            .fold(0xcbf2_9ce4_8422_2325 ^ start, |hash, byte| {
                (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
            });
        part.copy_from_slice(&fnv.to_be_bytes());
    }
    sum
}
