use super::*;
use crate::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn purge(holds: Holds) -> Plan {
    let bodies = Table::new("bodies", DataClass::BodySample, Layout::MonthTables);
    let openings = Table::new("openings", DataClass::Opening, Layout::MonthTables).without_key();
    let rules = Rules {
        registry: Registry::new([bodies, openings], []).unwrap(),
        policies: Policies::default(),
        holds,
    };
    let month = Partition {
        month: "2026-11".parse().unwrap(),
        groups: vec![Group {
            owner: Owner::project("o", "p"),
            rows: 5,
            oldest: at("2026-11-10T00:00:00Z"),
            newest: at("2026-11-11T00:00:00Z"),
        }],
    };
    let inventory = Inventory::new()
        .with("bodies", [month.clone()])
        .with("openings", [month]);
    let purge = Purge {
        organization: "o".into(),
        project: "p".into(),
        extent: PurgeExtent::Content,
    };
    Plan::purge(&rules, &inventory, purge, at("2026-11-22T12:00:00Z")).unwrap()
}

fn done(plan: &Plan) -> Progress {
    let mut apply = Apply::start(plan, Budget::default());
    while let Next::Batch(_) = apply.next(std::time::Duration::ZERO, plan.rules()) {
        apply
            .record(Removed {
                rows: 4,
                finished: true,
            })
            .unwrap();
    }
    apply.progress().clone()
}

fn receipt(plan: &Plan, progress: &Progress, sequence: u64) -> Result<PurgeReceipt, NoReceipt> {
    PurgeReceipt::new(
        plan,
        progress,
        sequence,
        "ada\n\"\u{e9}",
        at("2026-11-22T12:00:05Z"),
    )
}

#[test]
fn a_receipt_says_what_went_what_stayed_and_where_the_log_says_so() {
    let key = HoldScope::Key {
        organization: "o".into(),
        project: None,
        key: "k".into(),
    };
    let hold = LegalHold::new("H-7", key, TimeRange::ALL, "matter", "counsel").unwrap();
    let plan = purge(Holds::new([hold]).unwrap());
    let receipt = receipt(&plan, &done(&plan), 42).unwrap();
    assert_eq!(receipt.removed().collect::<Vec<_>>(), [("bodies", 4)]);
    let held: Vec<_> = receipt.held().collect();
    assert_eq!(held, [("bodies", "H-7", 5), ("openings", "H-7", 5)]);
    assert_eq!(receipt.audit_sequence(), 42);
    assert_eq!(
        receipt.canonical(),
        format!(
            concat!(
                r#"{{"audit_sequence":42,"extent":"content","finished_at":"2026-11-22T12:00:05Z","#,
                r#""held":[{{"hold":"H-7","rows":5,"table":"bodies"}},{{"hold":"H-7","rows":5,"table":"openings"}}],"#,
                r#""kind":"portcullis-purge-receipt-v1","organization":"o","plan":"{}","#,
                r#""planned_at":"2026-11-22T12:00:00Z","project":"p","removed":[{{"rows":4,"table":"bodies"}}],"#,
                r#""requested_by":"ada\n\"{}"}}"#,
            ),
            hex(&plan.digest()),
            '\u{e9}'
        )
    );
    let expected: [u8; 32] = Sha256::digest(receipt.canonical()).into();
    assert_eq!(receipt.hash(), expected);
}

#[test]
fn the_canonical_form_has_its_names_in_order() {
    let plan = purge(Holds::none());
    let receipt = receipt(&plan, &done(&plan), 1).unwrap();
    // A map of serde_json sorts by name; names are ASCII, so this is the order of RFC 8785.
    let sorted: serde_json::Value = serde_json::from_str(receipt.canonical()).unwrap();
    assert_eq!(sorted.to_string(), receipt.canonical());
}

#[test]
fn there_is_no_receipt_for_what_is_not_a_finished_purge() {
    let plan = purge(Holds::none());
    let finished = done(&plan);
    let mut half = finished.clone();
    half.step -= 1;
    assert_eq!(receipt(&plan, &half, 1), Err(NoReceipt::NotFinished));
    let mut foreign = finished.clone();
    foreign.plan = [0; 32];
    assert_eq!(receipt(&plan, &foreign, 1), Err(NoReceipt::ForeignProgress));
    assert_eq!(receipt(&plan, &finished, 1 << 53), Err(NoReceipt::TooLarge));
    assert!(receipt(&plan, &finished, (1 << 53) - 1).is_ok());
    let mut many = finished;
    many.removed.insert("bodies".into(), 1 << 53);
    assert_eq!(receipt(&plan, &many, 1), Err(NoReceipt::TooLarge));
    let due = Plan::due(&Rules::default(), &Inventory::new(), plan.now()).unwrap();
    assert_eq!(receipt(&due, &done(&due), 1), Err(NoReceipt::NoPurge));
}
