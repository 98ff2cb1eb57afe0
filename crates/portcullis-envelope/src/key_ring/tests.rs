use proptest::prelude::*;

use super::*;
use crate::rotation::{KeyLabel, Survey};

const KEY: [u8; 8] = [7; 8];

fn records(under: &[(u32, u64)]) -> RecordsByVersion {
    let mut survey = Survey::default();
    for (version, count) in under {
        let (key_id, version) = (KEY, *version);
        survey.add_many(KeyLabel::Organization { key_id, version }, *count);
    }
    survey.of_organization_key(KEY)
}

/// The table of the specification: state, event, state after.
fn table_of_the_spec() -> Vec<(KeyState, KeyEvent, KeyState)> {
    let spec = include_str!("../../../../spec/organization-keys.md");
    let states = spec.split("## States").nth(1).unwrap();
    let states = states.split("\n\n1. ").next().unwrap();
    let rows = states.lines().filter(|line| line.starts_with("| "));
    rows.filter_map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let event = KeyEvent::ALL.into_iter();
        let event = event
            .into_iter()
            .find(|event| format!("{event:?}").to_lowercase() == cells[2])?;
        let state = |cell| KeyState::from_code(cell).unwrap();
        Some((state(cells[1]), event, state(cells[3])))
    })
    .collect()
}

#[test]
fn the_table_of_states_is_that_of_the_specification() {
    let table = table_of_the_spec();
    assert_eq!(table.len(), 10);
    for from in KeyState::ALL {
        for event in KeyEvent::ALL {
            let row = table.iter().find(|row| (row.0, row.1) == (from, event));
            assert_eq!(
                from.after(event),
                row.map(|row| row.2),
                "{from:?} {event:?}"
            );
        }
    }
}

#[test]
fn a_state_has_one_name_and_no_other_text_is_one() {
    for state in KeyState::ALL {
        assert_eq!(KeyState::from_code(state.code()), Some(state));
    }
    for text in ["", "Active", "active ", "retired"] {
        assert_eq!(KeyState::from_code(text), None);
    }
}

#[test]
fn destroyed_is_the_end() {
    for event in KeyEvent::ALL {
        assert_eq!(KeyState::Destroyed.after(event), None, "{event:?}");
    }
}

#[test]
fn a_version_that_records_still_need_is_not_retired() {
    let mut ring = KeyRing::new();
    let two = ring.add().unwrap();
    ring.activate(two).unwrap();
    let before = ring.clone();
    let still = |records| KeyRingError::StillNeeded {
        version: 1,
        records,
    };
    assert_eq!(ring.retire(1, &records(&[(1, 3), (2, 9)])), Err(still(3)));
    assert_eq!(
        ring.raise_min_decrypt_version(2, &records(&[(1, 1)])),
        Err(still(1))
    );
    assert_eq!(ring, before);

    ring.retire(1, &records(&[(2, 12)])).unwrap();
    assert_eq!(ring.destroy(1, &records(&[(1, 1)])), Err(still(1)));
    ring.raise_min_decrypt_version(2, &records(&[(2, 12)]))
        .unwrap();
    ring.destroy(1, &records(&[(2, 12)])).unwrap();
    assert_eq!(ring.state(1), Some(KeyState::Destroyed));
}

#[test]
fn the_minimum_never_sinks_and_never_passes_the_active_version() {
    let mut ring = KeyRing::new();
    for version in 2..=3 {
        assert_eq!(ring.add(), Ok(version));
        ring.activate(version).unwrap();
    }
    let none = records(&[]);
    ring.raise_min_decrypt_version(2, &none).unwrap();
    for minimum in [1, 4] {
        let refused = KeyRingError::Minimum {
            minimum,
            current: 2,
            active: 3,
        };
        assert_eq!(ring.raise_min_decrypt_version(minimum, &none), Err(refused));
    }
    let below = KeyUnusable::BelowMinimum {
        version: 1,
        minimum: 2,
    };
    assert_eq!(ring.may_open(1), Err(below));
    assert_eq!(ring.may_open(2), Ok(()));
}

#[test]
fn a_distrusted_version_is_disabled_at_once_and_can_come_back() {
    let mut ring = KeyRing::new();
    let active = KeyRingError::NotAllowed {
        version: 1,
        from: KeyState::Active,
        event: KeyEvent::Disable,
    };
    assert_eq!(ring.disable(1), Err(active), "first another must be active");
    ring.add().unwrap();
    ring.activate(2).unwrap();
    ring.disable(1).unwrap();
    assert_eq!(ring.may_open(1), Err(KeyUnusable::Disabled { version: 1 }));
    ring.enable(1).unwrap();
    assert_eq!(ring.may_open(1), Ok(()));
    assert_eq!(
        ring.may_seal(1),
        Err(KeyUnusable::DecryptOnly { version: 1 })
    );
}

#[test]
fn a_shredded_key_does_nothing_any_more() {
    let mut ring = KeyRing::new();
    ring.add().unwrap();
    ring.shred();
    assert!(ring.is_shredded());
    assert_eq!(ring.active(), Err(KeyRingError::Shredded));
    assert_eq!(ring.add(), Err(KeyRingError::Shredded));
    assert_eq!(ring.activate(2), Err(KeyRingError::Shredded));
    for version in [1, 2] {
        let destroyed = Err(KeyUnusable::Destroyed { version });
        assert_eq!(ring.may_open(version), destroyed);
        assert_eq!(ring.may_seal(version), destroyed);
    }
    assert_eq!(KeyRing::load(ring.versions(), 1), Ok(ring));
}

#[test]
fn rows_that_no_change_leaves_behind_are_refused() {
    use KeyState::{Active, DecryptOnly, Destroyed, Disabled, Pending};
    let refused = |rows: &[(u32, KeyState)], minimum| {
        KeyRing::load(rows.iter().copied(), minimum).unwrap_err()
    };
    let order = |version, state, active| InvalidKeyRing::Order {
        version,
        state,
        active,
    };
    assert_eq!(refused(&[], 1), InvalidKeyRing::Empty);
    assert_eq!(refused(&[(1, Active)], 0), InvalidKeyRing::Empty);
    assert_eq!(refused(&[(0, Active)], 1), InvalidKeyRing::ZeroVersion);
    let twice = InvalidKeyRing::Duplicate { version: 1 };
    assert_eq!(refused(&[(1, Active), (1, Active)], 1), twice);
    assert_eq!(refused(&[(1, DecryptOnly)], 1), InvalidKeyRing::NoActive);
    let both = InvalidKeyRing::TwoActive {
        first: 1,
        second: 2,
    };
    assert_eq!(refused(&[(1, Active), (2, Active)], 1), both);
    let pending = [(1, Active), (2, Pending), (3, Pending)];
    assert_eq!(refused(&pending, 1), InvalidKeyRing::TwoPending);
    assert_eq!(
        refused(&[(1, Pending), (2, Active)], 1),
        order(1, Pending, 2)
    );
    assert_eq!(
        refused(&[(1, Active), (2, Disabled)], 1),
        order(2, Disabled, 1)
    );
    let above = InvalidKeyRing::Minimum {
        minimum: 2,
        active: 1,
    };
    assert_eq!(refused(&[(1, Active)], 2), above);
    assert!(KeyRing::load([(1, Destroyed), (2, Active), (3, Destroyed)], 2).is_ok());
}

/// A change that somebody asks for.
#[derive(Clone, Debug)]
enum Ask {
    Add,
    Activate(u32),
    Retire(u32),
    Disable(u32),
    Enable(u32),
    Destroy(u32),
    Raise(u32),
    /// A record is sealed under the active version.
    Seal,
    /// A record under this version is sealed again.
    Reseal(u32),
}

fn asks() -> impl Strategy<Value = Vec<Ask>> {
    let version = || 0..7_u32;
    let ask = prop_oneof![
        3 => Just(Ask::Add),
        4 => version().prop_map(Ask::Activate),
        2 => version().prop_map(Ask::Retire),
        1 => version().prop_map(Ask::Disable),
        1 => version().prop_map(Ask::Enable),
        2 => version().prop_map(Ask::Destroy),
        2 => version().prop_map(Ask::Raise),
        3 => Just(Ask::Seal),
        4 => version().prop_map(Ask::Reseal),
    ];
    proptest::collection::vec(ask, 0..80)
}

/// A ring beside what was sealed.
#[derive(Clone, Debug)]
struct World {
    ring: KeyRing,
    sealed: BTreeMap<u32, u64>,
}

impl World {
    fn records(&self) -> RecordsByVersion {
        records(
            &self
                .sealed
                .iter()
                .map(|(v, n)| (*v, *n))
                .collect::<Vec<_>>(),
        )
    }

    fn apply(&mut self, ask: &Ask) -> bool {
        let records = self.records();
        match *ask {
            Ask::Add => self.ring.add().is_ok(),
            Ask::Activate(v) => self.ring.activate(v).is_ok(),
            Ask::Retire(v) => self.ring.retire(v, &records).is_ok(),
            Ask::Disable(v) => self.ring.disable(v).is_ok(),
            Ask::Enable(v) => self.ring.enable(v).is_ok(),
            Ask::Destroy(v) => self.ring.destroy(v, &records).is_ok(),
            Ask::Raise(v) => self.ring.raise_min_decrypt_version(v, &records).is_ok(),
            Ask::Seal => self.seal(),
            Ask::Reseal(v) => {
                let opens = self.ring.may_open(v).is_ok();
                match self.sealed.get_mut(&v).filter(|count| opens && **count > 0) {
                    Some(count) => {
                        *count -= 1;
                        self.seal()
                    }
                    None => false,
                }
            }
        }
    }

    fn seal(&mut self) -> bool {
        let active = self.ring.active().unwrap();
        assert_eq!(self.ring.may_seal(active), Ok(()));
        *self.sealed.entry(active).or_default() += 1;
        true
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_is_asked_for_one_version_seals_and_no_record_is_lost_unless_disabled(asks in asks()) {
        let mut world = World { ring: KeyRing::new(), sealed: BTreeMap::new() };
        for ask in asks {
            let before = world.clone();
            let done = world.apply(&ask);
            let ring = &world.ring;
            if !done {
                prop_assert_eq!(ring, &before.ring, "{:?} was refused and changed something", ask);
            }
            // What is stored can be loaded.
            prop_assert_eq!(&KeyRing::load(ring.versions(), ring.min_decrypt_version()), &Ok(ring.clone()));
            // One version seals, and it opens too.
            let sealing = ring.versions().filter(|(v, _)| ring.may_seal(*v).is_ok());
            prop_assert_eq!(sealing.map(|(v, _)| v).collect::<Vec<_>>(), vec![ring.active().unwrap()]);
            prop_assert!(ring.may_open(ring.active().unwrap()).is_ok());
            prop_assert!(ring.active().unwrap() >= before.ring.active().unwrap());
            prop_assert!(ring.min_decrypt_version() >= before.ring.min_decrypt_version());
            // No record is lost, but for those of a version that was disabled on purpose.
            for (version, count) in &world.sealed {
                let opens = ring.may_open(*version).is_ok();
                let disabled = ring.state(*version) == Some(KeyState::Disabled);
                prop_assert!(*count == 0 || opens || disabled, "{:?} lost {}", ask, version);
            }
            // Nobody comes back from destruction.
            for (version, state) in before.ring.versions() {
                let now = ring.state(version);
                prop_assert!(state != KeyState::Destroyed || now == Some(KeyState::Destroyed));
            }
        }
    }
}
