use super::*;
use crate::{Ed25519Signer, InvalidKey};

fn signer(seed: u8) -> Ed25519Signer {
    Ed25519Signer::from_seed(&[seed; 32])
}

fn origin(name: &str) -> Origin {
    Origin::new(name).unwrap()
}

fn key(name: &str, seed: u8) -> VerifierKey {
    VerifierKey::of(origin(name), &signer(seed)).unwrap()
}

fn signed(name: &str, seed: u8) -> String {
    let head = Checkpoint::sign(origin(name), 42, Hash::leaf(b"x"), &signer(seed)).unwrap();
    String::from_utf8(head.note().to_vec()).unwrap()
}

#[test]
fn a_head_is_verified_by_the_key_of_its_log() {
    let note = signed("a.example", 1);
    let head =
        Checkpoint::verify(note.as_bytes(), &[key("b.example", 1), key("a.example", 1)]).unwrap();
    assert_eq!(
        (head.origin().as_str(), head.size(), *head.root()),
        ("a.example", 42, Hash::leaf(b"x"))
    );
    assert_eq!(head.note(), note.as_bytes());
}

#[test]
fn the_key_of_the_go_checksum_database_is_read_and_written() {
    let text = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
    let key = VerifierKey::parse(text).unwrap();
    assert_eq!(
        (key.name().as_str(), key.to_string().as_str()),
        ("sum.golang.org", text)
    );
}

#[test]
fn a_verifier_key_has_one_spelling() {
    let good = key("a.example", 1).to_string();
    let (rest, _) = good.rsplit_once('+').unwrap();
    for bad in [
        good.replacen("a.example", "b.example", 1),
        good.replacen("a.example", "A.example", 1),
        good.to_uppercase(),
        format!("{good}="),
        format!("{rest}+AQ=="),
        rest.to_owned(),
        String::new(),
    ] {
        assert_eq!(VerifierKey::parse(&bad), Err(InvalidKey), "{bad}");
    }
}

#[test]
fn a_point_under_which_anything_can_be_signed_is_no_key() {
    let mut neutral = [0; 32];
    neutral[0] = 1;
    assert_eq!(
        VerifierKey::new(origin("a.example"), &neutral),
        Err(InvalidKey)
    );
}

#[test]
fn a_head_of_another_log_under_the_same_key_is_refused() {
    // The name in the signature line is not signed, so it can be exchanged together with the key id.
    let a = signed("a.example", 1);
    let b = signed("b.example", 1);
    let signature = |note: &str| note.rsplit_once("\n\n").unwrap().1.to_owned();
    let grafted = a.replace(&signature(&a), &signature(&b));
    assert_eq!(
        Checkpoint::verify(grafted.as_bytes(), &[key("b.example", 1)]),
        Err(InvalidCheckpoint::Unsigned)
    );
    let keys = [key("a.example", 1), key("b.example", 1)];
    assert_eq!(
        Checkpoint::verify(grafted.as_bytes(), &keys),
        Err(InvalidCheckpoint::Unsigned)
    );
}

#[test]
fn signatures_of_unknown_keys_are_ignored_and_those_of_known_keys_must_be_right() {
    let mut note = signed("a.example", 1);
    let second = signed("a.example", 2);
    let (_, second) = second
        .rsplit_once(
            "

",
        )
        .unwrap();
    note.push_str(second);
    note.push_str("\u{2014} witness.example AAAAAAAA\n");
    assert!(Checkpoint::verify(note.as_bytes(), &[key("a.example", 1)]).is_ok());
    assert!(
        Checkpoint::verify(note.as_bytes(), &[key("a.example", 1), key("a.example", 2)]).is_ok()
    );
    assert_eq!(
        Checkpoint::verify(note.as_bytes(), &[key("a.example", 3)]),
        Err(InvalidCheckpoint::Unsigned)
    );
    // One good signature does not make up for a wrong one of a known key.
    let elsewhere = signer(2).sign(b"another text").unwrap();
    let wrong = note::write("", "a.example", key("a.example", 2).id(), &elsewhere);
    let beside = signed("a.example", 1) + wrong.trim_start();
    let keys = [key("a.example", 1), key("a.example", 2)];
    assert_eq!(
        Checkpoint::verify(beside.as_bytes(), &keys),
        Err(InvalidCheckpoint::Signature)
    );
    let edited = note.replacen("\n42\n", "\n43\n", 1);
    assert_eq!(
        Checkpoint::verify(edited.as_bytes(), &[key("a.example", 1)]),
        Err(InvalidCheckpoint::Signature)
    );
}

#[test]
fn every_flipped_bit_of_a_head_is_found() {
    let keys = [key("a.example", 1)];
    let note = signed("a.example", 1).into_bytes();
    for at in 0..note.len() {
        for bit in 0..8 {
            let mut flipped = note.clone();
            flipped[at] ^= 1 << bit;
            assert!(
                Checkpoint::verify(&flipped, &keys).is_err(),
                "byte {at}, bit {bit}"
            );
        }
    }
}

#[test]
fn only_the_form_of_a_checkpoint_is_read() {
    let keys = [key("a.example", 1)];
    let sign = |text: &str| {
        let signature = signer(1).sign(text.as_bytes()).unwrap();
        let id = key_id(&origin("a.example"), &signer(1).public_key());
        note::write(text, "a.example", id, &signature)
    };
    let root = Hash::leaf(b"x").base64();
    let good = format!("a.example\n42\n{root}\n");
    assert!(Checkpoint::verify(sign(&good).as_bytes(), &keys).is_ok());
    assert!(Checkpoint::verify(sign(&format!("{good}extension\n")).as_bytes(), &keys).is_ok());
    for bad in [
        format!("a.example\n042\n{root}\n"),
        format!("a.example\n+42\n{root}\n"),
        format!("a.example\n9007199254740992\n{root}\n"),
        format!("a.example\n42\n{}\n", root.trim_end_matches('=')),
        format!("a.example\n42\nAAAA{root}\n"),
        "a.example\n42\n".to_owned(),
        format!("a.example\n42\n{root}\n\nextension\n"),
        format!("A.example\n42\n{root}\n"),
        format!("{good}tab\tulator\n"),
        format!("{good}{}\n", "long".repeat(250_000)),
    ] {
        assert_eq!(
            Checkpoint::verify(sign(&bad).as_bytes(), &keys),
            Err(InvalidCheckpoint::Form),
            "{bad}"
        );
    }
    let signed = sign(&good);
    for bad in [
        String::new(),
        good.clone(),
        signed.replace('\n', "\r\n"),
        signed.trim_end().to_owned(),
        signed.replacen("\u{2014}", "-", 1),
        format!("{signed}\n"),
        format!("{signed}\u{2014} name\n"),
        format!("{signed}\u{2014}  AAAAAAAA\n"),
        format!("{signed}\u{2014} a+b AAAAAAAA\n"),
        format!("{signed}\u{2014} name AAAAAA==\n"),
        format!("{signed}{}", "\u{2014} name AAAAAAAA\n".repeat(100)),
        format!("{signed}{}", " ".repeat(1_000_000)),
    ] {
        assert_eq!(
            Checkpoint::verify(bad.as_bytes(), &keys),
            Err(InvalidCheckpoint::Form),
            "{:?}",
            bad.get(..200)
        );
    }
}

#[test]
fn several_notes_in_a_file_are_told_apart() {
    let read = |file: &str| -> Vec<String> {
        let notes = notes(file.as_bytes());
        notes
            .map(|note| String::from_utf8(note.to_vec()).unwrap())
            .collect()
    };
    let (one, two) = ("a\n1\nx\n\n- s\n- t\n", "b\n2\ny\n\n- s\n");
    assert_eq!(read(one), [one]);
    assert_eq!(read(&format!("{one}\n")), [one]);
    assert_eq!(read(&format!("{one}\n{two}\n")), [one, two]);
    // The last one was not written to its end.
    assert_eq!(
        read(&format!("{one}\n{}", "b\n2\ny\n\n- s")),
        [one, "b\n2\ny\n\n- s"]
    );
    assert_eq!(read(&format!("{one}\n{}", "b\n2")), [one]);
    assert!(read("").is_empty() && read("nothing\n").is_empty());
}
