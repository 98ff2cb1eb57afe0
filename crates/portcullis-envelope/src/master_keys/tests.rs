//! The master-key file, and what is derived from it.

use getrandom::SysRng;

use super::*;
use crate::master::{InvalidMasterKey, Weakness};
use crate::org_key::OrgSalt;

fn key() -> Zeroizing<String> {
    MasterKey::generate(&mut SysRng).unwrap().to_text()
}

fn line(line: usize, problem: LineProblem) -> InvalidMasterKeys {
    InvalidMasterKeys::Line { line, problem }
}

fn refused(text: &str) -> InvalidMasterKeys {
    MasterKeys::parse(text).unwrap_err()
}

#[test]
fn comments_blank_lines_and_white_space_around_a_line_are_allowed() {
    let (one, three) = (key(), key());
    let text = format!("# first\r\n\r\n  3:{}  \r\n\t# second\n1:{}", *three, *one);
    let masters = MasterKeys::parse(&text).unwrap();
    assert_eq!(masters.versions().collect::<Vec<_>>(), [1, 3]);
    assert_eq!(masters.active_version(), 3);
    for (version, text) in [(1, one), (3, three)] {
        let expected = MasterKey::parse(&text).unwrap().check_value();
        assert_eq!(masters.check_value(version), Ok(expected));
    }
}

#[test]
fn a_file_without_a_key_is_refused() {
    for text in ["", "\n\n", "# 1:nothing\n", "   "] {
        assert_eq!(refused(text), InvalidMasterKeys::Empty);
    }
}

#[test]
fn a_line_without_a_colon_is_named() {
    let key = key();
    assert_eq!(
        refused(&format!("# x\n{}", *key)),
        line(2, LineProblem::NoColon)
    );
}

#[test]
fn a_version_has_one_spelling() {
    let key = key();
    for version in [
        "",
        "0",
        "01",
        "+1",
        "-1",
        "1 ",
        "v1",
        "4294967296",
        "\u{661}",
        "\u{feff}1",
    ] {
        let text = format!("{version}:{}", *key);
        assert_eq!(refused(&text), line(1, LineProblem::Version), "{version:?}");
    }
    for version in [1, 9, 10, u32::MAX] {
        let masters = MasterKeys::parse(&format!("{version}:{}", *key)).unwrap();
        assert_eq!(masters.active_version(), version);
    }
}

#[test]
fn a_wrong_key_is_named_with_its_line_and_not_shown() {
    let cases = [
        (
            MasterKey::EXAMPLE,
            InvalidMasterKey::Weak(Weakness::Published),
        ),
        ("hunter2hunter2", InvalidMasterKey::Length { found: 14 }),
        (" hunter2hunter2", InvalidMasterKey::Length { found: 15 }),
    ];
    for (text, problem) in cases {
        let refused = refused(&format!("1:{}\n\n2:{text}\n", *key()));
        assert_eq!(refused, line(3, LineProblem::Key(problem)));
        assert!(!format!("{refused} {refused:?}").contains("hunter2"));
    }
}

#[test]
fn a_version_stands_once() {
    let text = format!("1:{}\n2:{}\n1:{}\n", *key(), *key(), *key());
    let problem = LineProblem::DuplicateVersion {
        version: 1,
        first: 1,
    };
    assert_eq!(refused(&text), line(3, problem));
}

#[test]
fn a_key_stands_once_whatever_its_spelling() {
    let key = key();
    let bytes = *MasterKey::parse(&key).unwrap().expose();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    for again in [key.as_str(), &hex] {
        let text = format!("4:{}\n5:{again}\n", *key);
        let problem = LineProblem::DuplicateKey {
            version: 5,
            first: 4,
        };
        assert_eq!(refused(&text), line(2, problem));
    }
}

#[test]
fn the_written_text_reads_back_without_having_grown() {
    let text = format!("4294967295:{}\n7:{}\n", *key(), *key());
    let masters = MasterKeys::parse(&text).unwrap();
    let written = masters.to_text();
    assert!(
        written.capacity() <= 2 * 56,
        "the capacity of the first allocation"
    );
    let again = MasterKeys::parse(&written).unwrap();
    assert_eq!(again.versions().collect::<Vec<_>>(), [7, u32::MAX]);
    for version in masters.versions() {
        assert_eq!(masters.check_value(version), again.check_value(version));
    }
}

#[test]
fn a_single_key_is_version_one_and_active() {
    let masters = MasterKeys::single(MasterKey::generate(&mut SysRng).unwrap());
    assert_eq!(masters.versions().collect::<Vec<_>>(), [1]);
    assert_eq!(masters.active_version(), 1);
}

#[test]
fn another_held_version_can_be_made_active() {
    let text = format!("1:{}\n2:{}\n", *key(), *key());
    let masters = MasterKeys::parse(&text).unwrap().with_active(1).unwrap();
    assert_eq!(masters.active_version(), 1);
    let unknown = KeyError::UnknownMasterVersion {
        version: 3,
        held: vec![1, 2],
    };
    assert_eq!(masters.with_active(3).unwrap_err(), unknown);
}

#[test]
fn debug_shows_versions_and_no_key() {
    let masters = MasterKeys::single(MasterKey::generate(&mut SysRng).unwrap());
    assert_eq!(
        format!("{masters:?}"),
        "MasterKeys { versions: [1], active: 1, .. }"
    );
    let salt = OrgSalt::generate(&mut SysRng).unwrap();
    assert_eq!(format!("{salt:?}"), "OrgSalt([redacted])");
}

mod derivation {
    use super::*;

    const SALT: [u8; 32] = [3; 32];

    fn masters() -> MasterKeys {
        MasterKeys::parse(&format!("1:{}\n2:{}\n", *key(), *key())).unwrap()
    }

    fn spec<'a>(org: &'a [u8; 16], salt: &'a OrgSalt) -> OrgKeySpec<'a> {
        OrgKeySpec {
            org,
            salt,
            key_id: [4; 8],
            version: 5,
            master_version: 1,
        }
    }

    #[test]
    fn every_field_of_the_row_changes_the_organization_key() {
        let masters = masters();
        let (org, salt) = ([2; 16], OrgSalt::from_bytes(SALT).unwrap());
        let (other_org, other_salt) = ([9; 16], OrgSalt::from_bytes([9; 32]).unwrap());
        let row = spec(&org, &salt);
        let key = masters.org_key(&row).unwrap();
        assert_eq!(
            masters.org_key(&row).unwrap().expose(),
            key.expose(),
            "deterministic"
        );
        assert_eq!((key.id(), key.version()), ([4; 8], 5));
        for other in [
            OrgKeySpec {
                org: &other_org,
                ..row
            },
            OrgKeySpec {
                salt: &other_salt,
                ..row
            },
            OrgKeySpec {
                key_id: [9; 8],
                ..row
            },
            OrgKeySpec { version: 9, ..row },
            OrgKeySpec {
                master_version: 2,
                ..row
            },
        ] {
            assert_ne!(
                masters.org_key(&other).unwrap().expose(),
                key.expose(),
                "{other:?}"
            );
        }
    }

    #[test]
    fn the_pinned_master_version_goes_into_the_derivation_by_itself() {
        let text = key();
        let (org, salt) = ([2; 16], OrgSalt::from_bytes(SALT).unwrap());
        let derive = |version| {
            let masters = MasterKeys::parse(&format!("{version}:{}", *text)).unwrap();
            let row = OrgKeySpec {
                master_version: version,
                ..spec(&org, &salt)
            };
            *masters.org_key(&row).unwrap().expose()
        };
        assert_ne!(
            derive(1),
            derive(2),
            "the same master key under two versions"
        );
    }

    #[test]
    fn a_row_that_was_never_filled_is_refused() {
        let masters = masters();
        let (org, salt) = ([2; 16], OrgSalt::from_bytes(SALT).unwrap());
        let row = spec(&org, &salt);
        for (field, unset) in [
            (
                "organization",
                OrgKeySpec {
                    org: &[0; 16],
                    ..row
                },
            ),
            (
                "key id",
                OrgKeySpec {
                    key_id: [0; 8],
                    ..row
                },
            ),
            ("key version", OrgKeySpec { version: 0, ..row }),
        ] {
            assert_eq!(
                masters.org_key(&unset).unwrap_err(),
                KeyError::Unset { field }
            );
        }
        let unset = KeyError::Unset {
            field: "organization salt",
        };
        assert_eq!(OrgSalt::from_bytes([0; 32]).unwrap_err(), unset);
    }

    #[test]
    fn a_master_version_that_is_not_held_is_named_with_those_that_are() {
        let masters = masters();
        let (org, salt) = ([2; 16], OrgSalt::from_bytes(SALT).unwrap());
        let row = OrgKeySpec {
            master_version: 7,
            ..spec(&org, &salt)
        };
        let unknown = KeyError::UnknownMasterVersion {
            version: 7,
            held: vec![1, 2],
        };
        assert_eq!(masters.org_key(&row).unwrap_err(), unknown);
        assert_eq!(masters.sealing_key(7).unwrap_err(), unknown);
        assert_eq!(masters.check_value(7).unwrap_err(), unknown);
        assert!(unknown.to_string().contains("version 7"));
    }

    #[test]
    fn the_instance_key_is_named_by_the_check_value_and_is_not_the_master() {
        let masters = masters();
        for version in [1, 2] {
            let key = masters.sealing_key(version).unwrap();
            assert_eq!(key.id(), masters.check_value(version).unwrap().0);
            assert_eq!(key.version(), version);
            assert_ne!(key.expose(), masters.key(version).unwrap().expose());
        }
    }
}
