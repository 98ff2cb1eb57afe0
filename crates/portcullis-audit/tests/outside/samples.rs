//! Events of every kind, with values at the edges of what they can hold.

use std::collections::BTreeSet;
use std::net::IpAddr;

use portcullis_audit::*;

use crate::tools::{key, origin};

/// So many events. The same number gives the same events.
pub(crate) fn events(count: usize) -> Vec<Event> {
    let mut random = Random(7);
    let mut events = Vec::with_capacity(count);
    while events.len() < count {
        let actions = actions(&mut random);
        events.extend(actions.into_iter().map(|action| event(action, &mut random)));
    }
    events.truncate(count);
    events
}

#[test]
fn there_is_a_sample_of_every_action() {
    let samples: BTreeSet<&str> = actions(&mut Random(1)).iter().map(Action::word).collect();
    assert_eq!(samples, Action::WORDS.iter().copied().collect());
}

fn event(action: Action, random: &mut Random) -> Event {
    let at = Timestamp::from_micros(random.edge(253_402_300_799_999_999).cast_signed());
    let id = random.object();
    let key = random.key();
    let actor = match random.below(5) {
        0 => Actor::Key(key),
        1 => Actor::Operator(random.text()),
        2 => Actor::Stranger,
        3 => Actor::System,
        _ => Actor::User(random.text()),
    };
    let target = match random.below(6) {
        0 => Target::Credential(id),
        1 => Target::Instance,
        2 => Target::Key(key),
        3 => Target::KeySecret(key, u32::try_from(random.edge(u32::MAX.into())).unwrap()),
        4 => Target::Organization(id),
        _ => Target::Project(id),
    };
    let outcome = Outcome::ALL[random.index(3)];
    let mut event = Event::new(at, actor, action, target).outcome(outcome);
    if random.coin() {
        event = event.request(random.object());
    }
    if random.coin() {
        let bits = u128::from(random.next()) << 64 | u128::from(random.next());
        event = event.address(if random.coin() {
            IpAddr::from(bits.to_be_bytes())
        } else {
            IpAddr::from(u32::try_from(bits >> 96).unwrap().to_be_bytes())
        });
    }
    if random.coin() {
        event = event.note(random.text());
    }
    if random.coin() {
        event = event.subject(random.text());
    }
    event
}

/// One of each.
fn actions(random: &mut Random) -> Vec<Action> {
    use Action::*;
    let word = |literal| Word::new(literal).unwrap();
    let long = word("a_word_of_the_program_that_has_forty_ch0");
    let root = Hash::leaf(&random.next().to_be_bytes());
    let mut number = || Count::new(random.edge(u64::MAX));
    let mut actions = vec![
        AuditAnchorGivenUp(AnchorGivenUp {
            root,
            size: number(),
        }),
        AuditErased(Erased {
            cause: word("request_of_the_person"),
            count: number(),
            fields: Field::ALL.into_iter().collect(),
            first: number(),
            next: number(),
        }),
        AuditExported(Exported {
            first: number(),
            format: word("ocsf"),
            next: number(),
        }),
        AuditHead(LogHead {
            log: origin(),
            root,
            size: number(),
        }),
        AuditHeartbeat(Heartbeat { logs: number() }),
        AuditKeyChanged(LogKey { key: key() }),
        AuditPruned(Pruned {
            below: number(),
            cause: long.clone(),
            from: number(),
            root,
        }),
        BreachEntered(BreachEntry {
            breach: BreachId::parse("2026-4294967295").unwrap(),
            entry: number(),
            kind: word("not_required"),
        }),
        ClockWentBack(ClockStep { micros: number() }),
        ClockWentAhead(ClockStep { micros: number() }),
        DataPurged(Purged {
            cause: word("r"),
            class: long.clone(),
            count: number(),
        }),
        GuardFailed(GuardReport {
            cause: word("trigger_missing"),
        }),
        RequestRefused(Refused {
            cause: word("ip_not_allowed"),
            left_out: number(),
        }),
    ];
    let change = |after, before| Change {
        after,
        before,
        setting: word("usd_cents_month"),
    };
    let (after, before) = (Some(number()), Some(number()));
    let changes = vec![
        change(after, before),
        change(None, before),
        change(after, None),
        change(None, None),
    ];
    let full = Settings::new(vec![change(after, before); Settings::MAX]).unwrap();
    let changes = Settings::new(changes).unwrap();
    actions.extend([
        KeyLimitsChanged(Settings::default()),
        OrganizationKeyActivated(changes.clone()),
        OrganizationKeyAdded(changes.clone()),
        OrganizationKeyDestroyed(changes.clone()),
        OrganizationKeyDisabled(changes.clone()),
        OrganizationKeyEnabled(changes.clone()),
        OrganizationKeyMinimumRaised(changes.clone()),
        OrganizationKeyResealed(changes.clone()),
        OrganizationKeyRetired(changes.clone()),
        OrganizationKeyRewrapped(changes.clone()),
        OrganizationKeyShredded(changes.clone()),
        OrganizationLimitsChanged(changes.clone()),
        OrganizationRetentionChanged(full),
        ProjectLimitsChanged(changes.clone()),
        ProjectRetentionChanged(changes),
        RoleGranted(RoleChange {
            role: word("admin"),
        }),
        RoleRevoked(RoleChange { role: long }),
        HoldPlaced(Hold {
            hold: random.object(),
        }),
        HoldReleased(Hold {
            hold: random.object(),
        }),
    ]);
    actions.extend([
        AuditLogCreated,
        CredentialAdded,
        CredentialDeleted,
        CredentialOpened,
        CredentialReplaced,
        CredentialDisabled,
        CredentialEnabled,
        CredentialExpiryChanged,
        CredentialImported,
        MasterKeyRetired,
        GuardRestored,
        InstanceSecretCreated,
        KeyAllowlistChanged,
        KeyDigestUpgraded,
        KeyDisabled,
        KeyEnabled,
        KeyMinted,
        KeyRevoked,
        KeyRotated,
        KeyRulesChanged,
        KeySecretRevoked,
        MasterKeyRegistered,
        MasterKeyRotated,
        NodeStarted,
        NodeStopped,
        OrganizationAllowlistChanged,
        OrganizationCreated,
        OrganizationDeleted,
        OrganizationResumed,
        OrganizationSuspended,
        PricesChanged,
        ProjectCreated,
        ProjectDeleted,
        ProjectResumed,
        ProjectSuspended,
    ]);
    actions
}

/// SplitMix64: nothing here has to be unpredictable.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).unwrap()
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    /// A number up to `most`, often an end.
    fn edge(&mut self, most: u64) -> u64 {
        match self.below(4) {
            0 => 0,
            1 => most,
            _ => self.below(most),
        }
    }

    fn object(&mut self) -> ObjectId {
        let bits = u128::from(self.next()) << 64 | u128::from(self.next());
        ObjectId::from_bytes(bits.to_be_bytes())
    }

    fn key(&mut self) -> KeyId {
        let alphabet = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        KeyId::from_bytes([(); 12].map(|()| alphabet[self.index(62)])).unwrap()
    }

    /// Texts that JSON has to escape, and characters of one to four bytes.
    fn text(&mut self) -> PrivateText {
        let alphabet: Vec<char> = "az\"\\/<>&' \u{e4}\u{2028}\u{20ac}\u{fffd}\u{1f600}=+-@"
            .chars()
            .collect();
        let length = 1 + self.index(200);
        let text: String = (0..length)
            .map(|_| alphabet[self.index(alphabet.len())])
            .collect();
        PrivateText::new(&text).unwrap()
    }
}
