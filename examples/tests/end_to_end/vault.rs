//! The organization's key is rotated, wrapped, and shredded while the gateway serves; credentials have states.

use crate::support::{Home, Provider};

const SECRET: &str = "sk-proj-0Vq7WmR2xT9yLb4NcH8kJd5PfG3sZa6E";

#[test]
fn keys_are_rotated_while_the_gateway_serves() {
    let home = Home::new();
    let gateway = home.serve();
    let key = home.mint(&[]);
    for n in 0..12 {
        let args = ["credentials", "put", "openai", "--name", &format!("n{n}")];
        home.run_with_input(&args, SECRET.as_bytes()).succeeded();
    }
    assert_eq!(gateway.ask(&key).status, 200);
    let dry = home
        .run(&["vault", "rotate", "--dry-run"])
        .succeeded()
        .stderr;
    assert!(dry.contains("seal 13 credentials again"), "{dry}");

    let rotated = home
        .run(&["vault", "rotate", "--batch", "5"])
        .succeeded()
        .stderr;
    assert!(
        rotated.contains("version 2 is active, 13 credentials were sealed again"),
        "{rotated}"
    );
    assert!(
        rotated.contains("13 of 13 wait") && rotated.contains("0 of 13 wait"),
        "{rotated}"
    );
    assert_eq!(gateway.ask(&key).status, 200);
    let status = home.run(&["vault", "status"]).succeeded().stdout;
    let line = |version: &str| {
        let found = status.lines().find(|line| line.starts_with(version));
        found
            .unwrap()
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(line("1 ")[1..3], ["disabled", "0"]);
    assert_eq!(line("2 ")[1..3], ["active", "13"]);

    // Wrapped by the instance itself, and back: the same commands as for a key service outside.
    home.run(&["vault", "rotate", "--to", "local"]).succeeded();
    assert_eq!(gateway.ask(&key).status, 200);
    let none = home
        .run(&["vault", "rewrap", "--to", "local"])
        .succeeded()
        .stderr;
    assert!(
        none.contains("0 key versions are wrapped by local now"),
        "{none}"
    );
    let unknown = home
        .run(&["vault", "rotate", "--to", "aws-kms:none"])
        .failed()
        .stderr;
    assert!(unknown.contains("configured are [\"local\"]"), "{unknown}");
    home.run(&["vault", "destroy", "1"]).succeeded();
    let needed = home.run(&["vault", "destroy", "3"]).failed().stderr;
    assert!(
        needed.contains("13 records still need key version 3"),
        "{needed}"
    );
    let doctor = home.run(&["vault", "doctor"]).succeeded().stdout;
    assert!(doctor.contains("13 stored credentials open"), "{doctor}");
    assert_eq!(home.run(&["audit", "verify"]).status.code(), Some(0));
}

#[test]
fn the_master_key_is_rotated_with_one_restart() {
    let home = Home::new();
    let gateway = home.serve();
    let key = home.mint(&[]);
    let file = home.data().join("master.key");
    let old = std::fs::read_to_string(&file).unwrap();
    let fresh = Home::new();
    drop(fresh.serve());
    let other = std::fs::read_to_string(fresh.data().join("master.key")).unwrap();
    let other = other
        .lines()
        .find_map(|line| line.strip_prefix("1:"))
        .unwrap();
    std::fs::write(&file, format!("{}\n2:{other}\n", old.trim_end())).unwrap();

    let refused = home.run(&["vault", "rotate", "master"]).failed().stderr;
    assert!(refused.contains("Restart them"), "{refused}");
    assert_eq!(gateway.ask(&key).status, 200);
    gateway.stop();
    let gateway = home.serve();
    assert_eq!(
        home.run(&["vault", "rotate", "master", "--dry-run"])
            .status
            .code(),
        Some(3)
    );
    home.run(&["vault", "rotate", "master"]).succeeded();
    assert_eq!(
        home.run(&["vault", "rotate", "master", "--dry-run"])
            .status
            .code(),
        Some(0)
    );
    assert_eq!(gateway.ask(&key).status, 200);
    home.run(&["vault", "retire-master", "1"]).succeeded();
    gateway.stop();
    std::fs::write(&file, format!("2:{other}\n")).unwrap();
    let gateway = home.serve();
    assert_eq!(gateway.ask(&key).status, 200);
    home.run(&["doctor"]).succeeded();
}

#[test]
fn a_shredded_organization_answers_nobody_and_says_so_to_the_operator() {
    let home = Home::new();
    let gateway = home.serve();
    let key = home.mint(&[]);
    assert_eq!(gateway.ask(&key).status, 200);
    let refused = home
        .run(&["vault", "shred", "--confirm", "other"])
        .failed()
        .stderr;
    assert!(refused.contains("--confirm 'default'"), "{refused}");
    assert_eq!(gateway.ask(&key).status, 200);
    home.run(&["vault", "shred", "--confirm", "default"])
        .succeeded();
    let outcome = (424, "missing_provider_credential".to_owned());
    assert_eq!(gateway.ask(&key).outcome(), outcome);
    let status = home.run(&["vault", "status"]).succeeded().stdout;
    assert!(
        status.contains("destroyed") && status.contains("was shredded"),
        "{status}"
    );
    let args = ["credentials", "put", "openai"];
    let refused = home
        .run_with_input(&args, SECRET.as_bytes())
        .failed()
        .stderr;
    assert!(refused.contains("shredded"), "{refused}");
}

#[test]
fn missing_disabled_expired_and_unreadable_are_one_answer_by_http_and_told_apart_to_the_operator() {
    let home = Home::new();
    let provider = Provider::start();
    let gateway = home.serve_before(&provider);
    let key = home.mint(&["--provider", "openai"]);
    let refused = || {
        let answer = gateway.ask(&key);
        assert_eq!(
            answer.outcome(),
            (424, "missing_provider_credential".to_owned())
        );
        answer.text()
    };
    let missing = refused();
    home.put_credential("openai", SECRET);
    assert_eq!(gateway.ask(&key).status, 200);
    let state = || {
        let list = home.run(&["credentials", "list"]).succeeded().stdout;
        let line = list
            .lines()
            .find(|line| line.starts_with("openai"))
            .unwrap()
            .to_owned();
        assert!(
            !line.contains(SECRET) && line.contains("••••••••Za6E"),
            "{line}"
        );
        line
    };
    assert!(state().contains(" active "));
    home.run(&["credentials", "disable", "openai"]).succeeded();
    assert_eq!(refused(), missing);
    assert!(state().contains(" disabled "));
    home.run(&["credentials", "enable", "openai"]).succeeded();
    assert_eq!(gateway.ask(&key).status, 200);
    home.run(&["credentials", "expire", "openai", "--in", "1s"])
        .succeeded();
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    assert_eq!(refused(), missing);
    assert!(state().contains(" expired "));

    let stale = ["credentials", "put", "openai", "--over", "7"];
    let conflict = home
        .run_with_input(&stale, SECRET.as_bytes())
        .failed()
        .stderr;
    assert!(conflict.contains("generation 1 and not 7"), "{conflict}");
    let import = ["credentials", "import", "openai", "--over", "1"];
    home.run_with_input(&import, SECRET.as_bytes()).succeeded();
    assert_eq!(gateway.ask(&key).status, 200);
    assert!(state().contains(" 2     active "), "{}", state());
    gateway.stop().succeeded();

    // And one that does not open, because its bytes are not those that were stored.
    let db = rusqlite::Connection::open(home.data().join("portcullis.db")).unwrap();
    let flip = "UPDATE credentials SET sealed = CAST(substr(sealed, 1, length(sealed) - 1) || x'00' AS BLOB) \
                WHERE provider = 'openai'";
    let last = "SELECT substr(sealed, -1) = x'00' FROM credentials WHERE provider = 'openai'";
    let is_zero: bool = db.query_row(last, [], |row| row.get(0)).unwrap();
    let flip = if is_zero {
        flip.replace("x'00'", "x'01'")
    } else {
        flip.to_owned()
    };
    assert_eq!(db.execute(&flip, []).unwrap(), 1);
    drop(db);
    let gateway = home.serve_before(&provider);
    let answer = gateway.ask(&key);
    assert_eq!((answer.status, answer.header("retry-after")), (424, None));
    assert_eq!(answer.text(), missing);
    let doctor = home.run(&["vault", "doctor"]).failed().stdout;
    assert!(doctor.contains("FAIL"), "{doctor}");
}
