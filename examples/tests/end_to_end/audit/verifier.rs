//! `verify_audit`: an export, or a proof, and the log's key; nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{begun, code, fill, keep_head, key, text, verify_audit};
use crate::support::{Finished, Home, example, run_python};

fn export(home: &Home, format: &str, name: &str) -> PathBuf {
    let to = home.data().with_file_name(name);
    let args = ["audit", "export", "--format", format, "--to", text(&to)];
    home.run(&args).succeeded();
    to
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

/// Runs `then` while one byte in the middle of a file is another one.
fn with_a_flipped_byte(path: &Path, then: impl FnOnce()) {
    let good = fs::read(path).unwrap();
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 1;
    fs::write(path, bad).unwrap();
    then();
    fs::write(path, good).unwrap();
}

#[test]
fn a_folder_of_tiles_is_sound_until_any_of_its_files_is_changed_or_gone() {
    let home = begun();
    fill(&home, 300);
    let key = key(&home, &[]);
    let folder = export(&home, "tiles", "tiles");
    let verify = || verify_audit(&[text(&folder), "--key", &key]);
    let sound = verify().succeeded();
    assert!(
        sound.stdout.starts_with("sound: portcullis/audit/"),
        "{sound}"
    );
    let files = files(&folder);
    // The head, two bundles of entries, two tiles of leaves and one above.
    assert_eq!(files.len(), 6, "{files:?}");
    for path in &files {
        with_a_flipped_byte(path, || {
            let found = verify();
            assert_eq!(code(&found), 1, "{}: {found}", path.display());
            assert!(found.stderr.starts_with("TAMPERED: "), "{found}");
        });
        let away = path.with_extension("away");
        fs::rename(path, &away).unwrap();
        let found = verify();
        // Without its head a folder is no export; all else is missing.
        let expected = if path.ends_with("checkpoint") { 3 } else { 1 };
        assert_eq!(code(&found), expected, "{}: {found}", path.display());
        fs::rename(&away, path).unwrap();
    }
    assert_eq!(code(&verify()), 0, "everything is back in its place");
}

/// On a terminal, which Python makes; elsewhere nobody watches.
#[test]
fn verifying_a_long_log_shows_how_far_it_is() {
    let home = begun();
    fill(&home, 1100);
    let folder = export(&home, "tiles", "tiles");
    let key = key(&home, &[]);
    let gateway = home.command(&["audit", "verify"]);
    let mut verifier = Command::new(example("verify_audit"));
    verifier.args([text(&folder), "--key", &key]);
    for command in [gateway, verifier] {
        let words: Vec<_> = std::iter::once(command.get_program())
            .chain(command.get_args())
            .map(|word| format!("{word:?}"))
            .collect();
        let shown = run_python(&format!("import pty; pty.spawn([{}])", words.join(", ")));
        assert!(shown.contains("\rverified 1024 of 11"), "{shown}");
    }
}

#[test]
fn an_edited_record_is_named_by_its_sequence() {
    let home = begun();
    fill(&home, 300);
    let key = key(&home, &[]);
    let folder = export(&home, "tiles", "tiles");
    let bundle = folder.join("tile/entries/000");
    let text_of = fs::read(&bundle).unwrap();
    let place = text_of
        .windows(9)
        .position(|at| at == br#""seq":42,"#)
        .unwrap();
    let mut edited = text_of;
    // The name of its action, of the same length.
    let word = edited[..place]
        .windows(9)
        .rposition(|at| at == b"allowlist")
        .unwrap();
    edited[word] = b'b';
    fs::write(&bundle, edited).unwrap();
    let found = verify_audit(&[text(&folder), "--key", &key]);
    assert_eq!(code(&found), 1);
    assert!(found.stderr.contains("record 42 was edited"), "{found}");
}

#[test]
fn json_lines_are_sound_until_a_line_is_changed_or_gone() {
    let home = begun();
    let key = key(&home, &[]);
    let path = export(&home, "jsonl", "log.jsonl");
    let verify = || verify_audit(&[text(&path), "--key", &key]);
    let sound = verify().succeeded();
    assert!(sound.stdout.starts_with("sound: "), "{sound}");
    let good = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    assert!(lines.len() > 4);
    for left_out in 0..lines.len() {
        let mut rest = lines.clone();
        rest.remove(left_out);
        fs::write(&path, rest.join("\n")).unwrap();
        let found = verify();
        assert_eq!(code(&found), 1, "without line {left_out}: {found}");
    }
    fs::write(&path, good.replace("key.minted", "key.mintee")).unwrap();
    let found = verify();
    assert_eq!(code(&found), 1);
    assert!(found.stderr.contains("was edited"), "{found}");
}

#[test]
fn a_proof_is_of_one_record_under_one_head() {
    let home = begun();
    let key = key(&home, &[]);
    let folder = home.data().with_file_name("proofs");
    fs::create_dir(&folder).unwrap();
    home.run(&["audit", "prove", "1", "--to", text(&folder)])
        .succeeded();
    let proof = folder.join("1.tlog-proof");
    let sound = verify_audit(&[text(&proof), "--key", &key]).succeeded();
    assert!(sound.stdout.contains("is record 1 of "), "{sound}");

    let head = keep_head(&home, "head", &[]);
    let known = ["--known-checkpoint", head.as_str()];
    let same = verify_audit(&[&[text(&proof), "--key", &key], known.as_slice()].concat());
    assert_eq!(code(&same), 0, "{same}");
    fill(&home, 1);
    let later = keep_head(&home, "later", &[]);
    let args = [text(&proof), "--key", &key, "--known-checkpoint", &later];
    let other = verify_audit(&args);
    assert_eq!(
        code(&other),
        3,
        "what cannot be compared is not sound: {other}"
    );

    for changed in ["1.tlog-proof", "1.json"] {
        with_a_flipped_byte(&folder.join(changed), || {
            let found = verify_audit(&[text(&proof), "--key", &key]);
            assert_eq!(code(&found), 1, "{changed}: {found}");
        });
    }
}

#[test]
fn a_kept_head_finds_an_export_that_ends_too_early_or_is_of_another_past() {
    let home = begun();
    let key = key(&home, &[]);
    let early = [
        export(&home, "tiles", "early"),
        export(&home, "jsonl", "early.jsonl"),
    ];
    fill(&home, 2);
    let head = keep_head(&home, "head", &[]);
    for path in &early {
        let without = verify_audit(&[text(path), "--key", &key]);
        assert_eq!(code(&without), 0, "it was all there was: {without}");
        let args = [text(path), "--key", &key, "--known-checkpoint", &head];
        let found = verify_audit(&args);
        assert_eq!(code(&found), 1, "{found}");
        assert!(
            found.stderr.contains("the log ends before record"),
            "{found}"
        );
    }
    let later = export(&home, "tiles", "later");
    let args = [text(&later), "--key", &key, "--known-checkpoint", &head];
    assert_eq!(code(&verify_audit(&args)), 0);
}

#[test]
fn each_of_several_kept_heads_is_compared_and_the_one_that_does_not_fit_is_named() {
    let home = begun();
    let key = key(&home, &[]);
    let first = keep_head(&home, "mail", &[]);
    let forked = forked(&home);
    fill(&home, 2);
    let early = [
        export(&home, "tiles", "early"),
        export(&home, "jsonl", "early.jsonl"),
    ];
    // Beyond what was exported.
    fill(&home, 1);
    let second = keep_head(&home, "ticket", &[]);
    let late = [
        export(&home, "tiles", "late"),
        export(&home, "jsonl", "late.jsonl"),
    ];
    for (early, late) in early.iter().zip(&late) {
        let both = against(late, &key, &[&first, &second]);
        assert_eq!(code(&both), 0, "{both}");
        let said = "the 2 heads that were kept are all heads of it";
        assert!(both.stdout.contains(said), "{both}");
        for heads in [[&first, &second], [&second, &first]] {
            let found = against(early, &key, &heads);
            assert_eq!(code(&found), 1, "{found}");
            assert!(found.stderr.starts_with("TAMPERED: "), "{found}");
            assert!(
                found.stderr.contains(&second) && !found.stderr.contains(&first),
                "{found}"
            );
        }
        let found = against(late, &key, &[&first, &forked, &first]);
        assert_eq!(code(&found), 1, "{found}");
        assert!(found.stderr.contains(&forked), "{found}");
    }
}

/// A head of the same log and the same key, of a past that it did not have.
fn forked(home: &Home) -> String {
    let copy = home.copy();
    fill(&copy, 1);
    let head = keep_head(&copy, "forked", &[]);
    home.write("forked", &fs::read_to_string(head).unwrap())
}

#[test]
fn two_kept_heads_that_contradict_each_other_show_a_fork_by_themselves() {
    let home = begun();
    let key = key(&home, &[]);
    let copy = home.copy();
    fill(&home, 1);
    fill(&copy, 1);
    let ours = keep_head(&home, "ours", &[]);
    let theirs = keep_head(&copy, "theirs", &[]);
    let path = export(&home, "jsonl", "log.jsonl");
    assert_eq!(code(&against(&path, &key, &[&ours])), 0);
    let found = against(&path, &key, &[&ours, &theirs]);
    assert_eq!(code(&found), 1, "{found}");
    let said = &found.stderr;
    assert!(said.starts_with("TAMPERED: ") && said.contains("they differ"));
    assert!(said.contains(&ours) && said.contains(&theirs), "{found}");
}

#[test]
fn a_kept_head_that_nothing_could_be_compared_with_is_named_and_hides_no_damage() {
    let home = begun();
    let keys = format!("{}\n{}\n", key(&home, &[]), key(&home, &["--system"]));
    let keys = home.write("keys", &keys);
    let against = |path: &Path, heads: &[&String]| {
        let mut args = vec![text(path), "--key-file", &keys];
        for head in heads {
            args.extend(["--known-checkpoint", head.as_str()]);
        }
        verify_audit(&args)
    };
    let first = keep_head(&home, "first", &[]);
    fill(&home, 4);
    let second = keep_head(&home, "second", &[]);
    let system = keep_head(&home, "system", &["--system"]);
    let tiles = export(&home, "tiles", "tiles");
    let lines = export(&home, "jsonl", "lines");
    let part = home.data().with_file_name("part");
    let size = head_size(&first);
    let after = size.to_string();
    let args = ["audit", "export", "--format", "jsonl", "--after", &after];
    home.run(&[&args[..], &["--to", text(&part)]].concat())
        .succeeded();
    assert_eq!(code(&against(&part, &[&second])), 2);
    for (path, heads, which) in [
        (&tiles, [&second, &system], &system),
        (&lines, [&system, &second], &system),
        (&part, [&first, &second], &first),
        (&part, [&second, &first], &first),
    ] {
        let found = against(path, &heads);
        assert_eq!(code(&found), 3, "{found}");
        assert!(
            found.stderr.starts_with(&format!("error: {which}: ")),
            "{found}"
        );
    }
    // What another head finds comes first.
    fill(&home, 1);
    let third = keep_head(&home, "third", &[]);
    for path in [&tiles, &lines, &part] {
        let found = against(path, &[&system, &first, &third]);
        assert_eq!(code(&found), 1, "{found}");
        assert!(found.stderr.contains(&third), "{found}");
    }
    let folder = home.data().with_file_name("proofs");
    fs::create_dir(&folder).unwrap();
    home.run(&["audit", "prove", "1", "--to", text(&folder)])
        .succeeded();
    let proof = folder.join("1.tlog-proof");
    assert_eq!(code(&against(&proof, &[&third])), 0);
    for (heads, which) in [([&third, &system], &system), ([&second, &third], &second)] {
        let found = against(&proof, &heads);
        assert_eq!(code(&found), 3, "{found}");
        assert!(
            found.stderr.starts_with(&format!("error: {which}: ")),
            "{found}"
        );
    }
}

/// The second line of a signed head.
fn head_size(file: &str) -> u64 {
    let note = fs::read_to_string(file).unwrap();
    note.lines().nth(1).unwrap().parse().unwrap()
}

fn against(path: &Path, key: &str, heads: &[&String]) -> Finished {
    let mut args = vec![text(path), "--key", key];
    for head in heads {
        args.extend(["--known-checkpoint", head.as_str()]);
    }
    verify_audit(&args)
}

#[test]
fn another_log_s_key_verifies_nothing_and_bad_words_are_usage() {
    let home = begun();
    let ours = key(&home, &[]);
    let path = export(&home, "jsonl", "log.jsonl");
    let system = key(&home, &["--system"]);
    assert_eq!(code(&verify_audit(&[text(&path), "--key", &system])), 1);

    let keys = home.write("keys", &format!("{system}\n{ours}\n"));
    let found = verify_audit(&[text(&path), "--key-file", &keys]);
    assert_eq!(code(&found), 0, "{found}");
    let empty = home.write("empty", "\n");
    for args in [
        vec![text(&path)],
        vec![text(&path), "--key", "nonsense"],
        vec![text(&path), "--key-file", &empty],
        vec![text(&path), "--key", &ours, "--known-checkpoint", &keys],
        vec!["nowhere", "--key", &ours],
    ] {
        let found = verify_audit(&args);
        assert_eq!(code(&found), 3, "{found}");
        assert!(found.stderr.starts_with("error: "), "{found}");
    }
    assert_eq!(code(&verify_audit(&["--help"])), 0);
}
