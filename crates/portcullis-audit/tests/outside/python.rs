//! `rfc8785`, `pymerkle` and `jsonschema`, from the Python package index.

use std::fs;
use std::process::Command;

use portcullis_audit::{Action, Hash, JsonLines, Node, ProofPlan};

use crate::samples::events;
use crate::tools::{log, origin, succeed, tools, workspace};

#[test]
fn python_finds_the_same_bytes_roots_and_paths_and_the_schema_takes_every_record() {
    let sizes = [1, 2, 3, 255, 256, 257, 4_096, 9_999];
    let (log, heads) = log(&events(10_000), &sizes);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &[u8]| fs::write(folder.path().join(name), text).unwrap();

    let records = log
        .entries
        .iter()
        .flat_map(|entry| [entry.bytes.as_slice(), b"\n"]);
    write("records.jsonl", &records.collect::<Vec<_>>().concat());

    let export = JsonLines::new(origin());
    let mut lines = export.begin(0, |_| None).unwrap();
    for entry in &log.entries {
        lines.extend(export.record(entry.seq, &entry.bytes, &entry.openings));
    }
    lines.extend(export.checkpoint(log.head.checkpoint()));
    write("lines.jsonl", &lines);

    let heads: Vec<_> = heads.iter().chain([log.head.checkpoint()]).collect();
    let roots = heads
        .iter()
        .map(|head| format!("[{},\"{}\"]", head.size(), head.root()));
    write(
        "roots.json",
        format!("[{}]", roots.collect::<Vec<_>>().join(",")).as_bytes(),
    );

    let hash =
        |node: Node| node.hash_in(&log.entries[usize::try_from(node.entry()).unwrap()].hashes);
    let mut proofs = Vec::new();
    for size in heads.iter().map(|head| head.size()) {
        for index in [0, size / 3, size / 2, size - 1] {
            let path: Vec<Hash> = ProofPlan::inclusion(index, size)
                .unwrap()
                .proof(hash)
                .unwrap();
            let path: Vec<String> = path.iter().map(|hash| format!("\"{hash}\"")).collect();
            proofs.push(format!("[{index},{size},[{}]]", path.join(",")));
        }
    }
    write(
        "proofs.json",
        format!("{{\"inclusion\":[{}]}}", proofs.join(",")).as_bytes(),
    );

    let mut python = Command::new(&tools().python);
    python
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/python/compare.py"
        ))
        .arg(folder.path())
        .arg(workspace().join("spec/audit-record.schema.json"));
    let actions = Action::WORDS.len();
    assert_eq!(
        succeed(&mut python),
        format!(
            "10000 records, 10002 lines, 9 roots, 36 proofs, {actions} actions, {} changes\n",
            15 * actions
        )
    );
}
