//! The commands that set caps and rates.

use crate::support::{Home, Key};

#[test]
fn what_is_not_named_stays() {
    let home = Home::new();
    let _gateway = home.serve();
    let key = home.mint(&[
        "--usd-month",
        "50",
        "--rpm",
        "60",
        "--tpm",
        "100000",
        "--cap",
        "requests/hour=500",
    ]);
    assert_eq!(
        limits(&home, &key),
        "usd/month=$50.00, tokens/minute=100000, requests/hour=500, 60 requests a minute"
    );
    let set = |args: &[&str]| {
        home.set(&key, args);
        limits(&home, &key)
    };
    assert_eq!(
        set(&["--usd-month", "60.5"]),
        "tokens/minute=100000, requests/hour=500, usd/month=$60.50, 60 requests a minute"
    );
    assert_eq!(
        set(&["--no-cap", "requests/hour", "--no-cap", "tokens/minute"]),
        "usd/month=$60.50, 60 requests a minute"
    );
    assert_eq!(
        set(&["--rpm", "30", "--burst", "5"]),
        "usd/month=$60.50, 30 requests a minute, 5 at once"
    );
    assert_eq!(
        set(&["--allow-ip", "192.0.2.0/24"]),
        "usd/month=$60.50, 30 requests a minute, 5 at once"
    );
    assert_eq!(set(&["--no-rpm"]), "usd/month=$60.50");
    assert_eq!(set(&["--no-limits", "--usd-total", "5"]), "usd/total=$5.00");
    assert_eq!(
        set(&["--rpd", "7", "--tpd", "8", "--usd-day", "0.000000001"]),
        "usd/total=$5.00, usd/day=$0.000000001, tokens/day=8, requests/day=7"
    );
    let both = ["--rpm", "9", "--allow-ip", "127.0.0.0/8"];
    assert!(set(&both).ends_with("requests/day=7, 9 requests a minute"));
    assert_eq!(set(&["--no-limits"]), "none");
    let shown = home.run(&["keys", "show", key.id()]).succeeded().stdout;
    assert!(shown.contains("only from: 127.0.0.0/8"), "{shown}");
}

#[test]
fn a_short_form_keeps_the_time_zone_of_the_cap_that_it_replaces() {
    let home = Home::new();
    let _gateway = home.serve();
    let key = home.mint(&["--usd-month", "50", "--zone", "Europe/Berlin"]);
    let set = |args: &[&str]| {
        let said = home.set(&key, args).stderr;
        (limits(&home, &key), said.contains("counts from zero"))
    };
    let berlin = "usd/month Europe/Berlin=$60.00".to_owned();
    assert_eq!(set(&["--usd-month", "60"]), (berlin, false));
    // Another zone is another counter, and that is said.
    let moved = set(&["--usd-month", "60", "--zone", "Asia/Tokyo"]);
    assert_eq!(moved, ("usd/month Asia/Tokyo=$60.00".to_owned(), true));
    let both = set(&["--cap", "usd/month=70"]);
    assert_eq!(both.0, "usd/month Asia/Tokyo=$60.00, usd/month=$70.00");
    let one = set(&["--no-cap", "usd/month Asia/Tokyo"]);
    assert_eq!(one, ("usd/month=$70.00".to_owned(), false));
}

#[test]
fn organization_and_project_have_caps_of_their_own() {
    let home = Home::new();
    let _gateway = home.serve();
    for whose in ["organization", "project"] {
        let set = |args: &[&str]| {
            let shown = home
                .run(&[&[whose, "set"], args].concat())
                .succeeded()
                .stdout;
            field(&shown, "limits")
        };
        assert_eq!(
            set(&["--usd-month", "500", "--usd-total", "9000"]),
            "usd/month=$500.00, usd/total=$9000.00"
        );
        assert_eq!(
            set(&["--cap", "tokens/hour=5", "--no-cap", "usd/total"]),
            "usd/month=$500.00, tokens/hour=5"
        );
        let shown = home.run(&[whose, "show"]).succeeded().stdout;
        assert_eq!(field(&shown, "limits"), "usd/month=$500.00, tokens/hour=5");
        let line = home.cap(whose, "a month");
        assert_eq!(
            (line.get("CAP"), line.get("LEFT")),
            ("$500.00 a month", "$500.00")
        );
        assert!(line.get("RESETS").ends_with("-01T00:00:00Z"), "{line:?}");
        assert_eq!(set(&["--no-limits"]), "none");
    }
    // Where its keys may be used from is not a cap, and stays.
    home.run(&["organization", "set", "--allow-ip", "127.0.0.1"])
        .succeeded();
    let shown = home
        .run(&["organization", "set", "--rpd", "5"])
        .succeeded()
        .stdout;
    assert_eq!(field(&shown, "only from"), "127.0.0.1");
    let shown = home
        .run(&["organization", "set", "--any-ip"])
        .succeeded()
        .stdout;
    assert_eq!(field(&shown, "limits"), "requests/day=5");
}

#[test]
fn limits_are_shown_for_people() {
    let home = Home::new();
    let _gateway = home.serve();
    let show = || home.run(&["limits", "show"]).succeeded().stdout;
    assert!(show().starts_with("There are no limits."), "{}", show());
    let key = home.mint(&["--name", "ci", "--rpm", "60"]);
    let rated = show();
    assert!(!rated.contains("SPENT"), "{rated}");
    assert!(
        rated.contains(&format!("key {} ci  60 requests a minute", key.id())),
        "{rated}"
    );
    home.set(
        &key,
        &["--usd-total", "5", "--zone", "Europe/Berlin", "--tpd", "9"],
    );
    let line = home.cap(&format!("key {} ci", key.id()), "in total");
    assert_eq!(
        (line.get("CAP"), line.get("RESETS")),
        ("$5.00 in total", "never")
    );
    let line = home.cap("key", "a day");
    assert_eq!(
        (line.get("CAP"), line.get("SPENT")),
        ("9 tokens a day (Europe/Berlin)", "0")
    );
    home.revoke(&key);
    home.cap(&format!("key {} ci (revoked)", key.id()), "in total");
}

fn limits(home: &Home, key: &Key) -> String {
    let shown = home.run(&["keys", "show", key.id()]).succeeded().stdout;
    field(&shown, "limits")
}

fn field(shown: &str, name: &str) -> String {
    let mut lines = shown.lines();
    let line = lines.find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name}: {shown}"))
        .trim()
        .to_owned()
}
