//! A key says which environment it is for; the row decides.

use crate::support::{Home, Key};

#[test]
fn a_test_key_that_was_rewritten_to_live_is_refused_though_its_checksum_fits() {
    let home = Home::new();
    let gateway = home.serve();
    let test = home.mint(&["--env", "test"]);
    assert_eq!(gateway.ask(&test).status, 200);
    assert_eq!(
        Key::with_checksum(test.without_checksum()),
        test,
        "our checksum is the one of the key format"
    );

    let edited = Key::with_checksum(&test.without_checksum().replace("_test_", "_live_"));
    assert!(edited != test);
    let refused = gateway.ask(&edited);
    assert_eq!(refused.outcome(), (401, "invalid_api_key".to_owned()));

    // With the checksum of before it is refused as well, and with the same answer.
    let careless = Key::new(test.text().replace("_test_", "_live_"));
    assert_eq!(gateway.ask(&careless).body, refused.body);
    assert_eq!(gateway.ask(&test).status, 200);
}
