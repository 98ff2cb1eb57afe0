//! A rotated key has two secrets for the grace period, and one id.

use std::time::{Duration, Instant};

use crate::support::{Home, Key};

#[test]
fn both_secrets_work_in_the_grace_period_and_show_when_they_were_used() {
    let home = Home::new();
    let gateway = home.serve();
    let old = home.mint(&["--name", "rotated"]);
    let new = home.rotate(&old, "24h");
    assert_eq!(new.id(), old.id());
    assert!(new.secret() != old.secret());
    assert_eq!(last_used(&home, &old), ["never", "never"]);

    assert_eq!(gateway.ask(&old).status, 200);
    let (of_new, of_old) = wait_for_use(&home, &old, |used| used[1] != "never");
    assert_eq!(of_new, "never");
    assert_eq!(gateway.ask(&new).status, 200);
    let (of_new, still) = wait_for_use(&home, &old, |used| used[0] != "never");
    assert_eq!(
        still, of_old,
        "the use of the new secret is not the old one's"
    );
    assert!(of_new >= of_old);

    let again = home.run(&["keys", "rotate", old.id()]).failed().stderr;
    assert!(again.contains("is being rotated"), "{again}");
}

#[test]
fn after_the_grace_period_the_old_secret_is_refused() {
    let home = Home::new();
    let gateway = home.serve();
    let old = home.mint(&[]);
    let new = home.rotate(&old, "2s");
    let rotated = Instant::now();
    assert_eq!(gateway.ask(&old).status, 200);
    assert_eq!(gateway.ask(&new).status, 200);
    std::thread::sleep(Duration::from_secs(2).saturating_sub(rotated.elapsed()));
    assert_eq!(gateway.ask(&old).outcome(), (401, "key_expired".to_owned()));
    assert_eq!(gateway.ask(&new).status, 200);
}

#[test]
fn without_a_grace_period_the_old_secret_ends_with_the_command() {
    let home = Home::new();
    let gateway = home.serve();
    let old = home.mint(&[]);
    assert_eq!(gateway.ask(&old).status, 200);
    let new = home.rotate(&old, "0");
    assert_eq!(gateway.ask(&old).outcome(), (401, "key_expired".to_owned()));
    assert_eq!(gateway.ask(&new).status, 200);
}

/// When each secret of a key was last used, the newest first, as `keys show` tells it.
fn last_used(home: &Home, key: &Key) -> Vec<String> {
    let shown = home.run(&["keys", "show", key.id()]).succeeded().stdout;
    let lines = shown
        .lines()
        .filter_map(|line| line.trim().strip_prefix("last used"));
    lines.map(|at| at.trim().to_owned()).collect()
}

/// Uses are written behind the requests: waits for one of a key with two secrets.
fn wait_for_use(home: &Home, key: &Key, seen: impl Fn(&[String]) -> bool) -> (String, String) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let used = last_used(home, key);
        assert_eq!(used.len(), 2);
        if seen(&used) {
            return (used[0].clone(), used[1].clone());
        }
        assert!(Instant::now() < deadline, "no use was written: {used:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
