//! The code and `spec/decisions.md` say the same.

use std::path::Path;

use portcullis_scope::ScopeRefusal;

#[test]
fn every_refusal_stands_in_the_table_with_its_code_and_sentence() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/decisions.md");
    let spec = std::fs::read_to_string(path).unwrap();
    for refusal in ScopeRefusal::ALL {
        let row = format!("| `{}` |", refusal.code());
        let row = spec.lines().find(|line| line.starts_with(&row)).unwrap();
        assert!(
            row.ends_with(&format!("| holder | {refusal} |")),
            "{refusal:?}: {row}"
        );
    }
}
