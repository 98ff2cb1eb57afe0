//! What is kept is what the policy says, also when the process that removes is killed; bad policies do not start.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::support::{Home, PATIENCE, Request, Running, chat_body};

#[test]
fn a_run_that_is_killed_and_run_again_ends_as_an_undisturbed_one() {
    let home = Home::new();
    let gateway = home.serve();
    let key = gateway.first_key().clone();
    let chat = Request::post("/v1/chat/completions", chat_body("builtin-chat", false));
    assert_eq!(chat.bearer(&key).send(gateway.address()).status, 200);
    gateway.stop().succeeded();
    plant(&home, 6_000);
    // So that the month is not dropped at once: some rows in it are held.
    home.run(&[
        "hold",
        "place",
        "--reason",
        "matter 7",
        "--key",
        key.id(),
        "--from",
        &held_from(&home),
    ])
    .succeeded();
    let plan = home.run(&["retention", "plan"]).succeeded().stdout;
    assert!(plan.contains("delete") && plan.contains("traces"), "{plan}");

    let undisturbed = home.copy();
    undisturbed.run(&["retention", "apply"]).succeeded();
    let expected = rows(&undisturbed);
    assert!(
        expected.len() < 1_000 && expected.len() > 100,
        "{}",
        expected.len()
    );

    let mut killed_midway = 0;
    let mut before = rows(&home).len();
    for delay in (0..40_u64).map(|step| 5 + step * 7) {
        let command = home.command(&["retention", "apply", "--batch", "7"]);
        let running = Running::start(command);
        std::thread::sleep(Duration::from_millis(delay));
        let _ended = running.kill();
        let left = rows(&home).len();
        assert!(left <= before, "rows came back");
        killed_midway += usize::from(left < before && left > expected.len());
        before = left;
        if left == expected.len() {
            break;
        }
    }
    assert!(killed_midway > 0, "no run was killed in its middle");
    let last = home.run(&["retention", "apply"]).succeeded().stdout;
    assert!(last.contains("0 rows remain"), "{last}");
    assert_eq!(rows(&home), expected);
    let verified = home.run(&["audit", "verify", "--system"]);
    assert!(verified.status.success(), "{}", verified.stderr);
}

#[test]
fn a_bad_policy_does_not_start_and_says_which_field_and_value_and_what_to_write() {
    let cases = [
        (
            "[default]\nrequests = \"30d\"",
            "requests",
            "write `request_meta`",
        ),
        ("[default]\nrequest_meta = 30", "= 30", "in quotes"),
        (
            "[default]\nrequest_meta = \"30\"",
            "\"30\"",
            "write \"30d\"",
        ),
        (
            "[default]\nrequest_meta = \"0d\"",
            "\"0d\"",
            "at least \"1d\"",
        ),
        (
            "[default]\nrequest_meta = \"-1d\"",
            "\"-1d\"",
            "at least \"1d\"",
        ),
        (
            "[default]\nrequest_meta = \"1.5d\"",
            "\"1.5d\"",
            "days are whole",
        ),
        (
            "[default]\nrequest_meta = \"4w\"",
            "\"4w\"",
            "days are the only unit",
        ),
        (
            "[default]\nrequest_meta = \"40000d\"",
            "\"40000d\"",
            "at most \"36500d\"",
        ),
        (
            "[default]\nbody_sample = \"31d\"",
            "body_sample",
            "write at most \"30d\"",
        ),
        (
            "[default]\nsampling = \"101%\"",
            "\"101%\"",
            "at most \"100%\"",
        ),
        ("[default]\nsampling = \"0.05\"", "\"0.05\"", "write \"5%\""),
        (
            "[defaults]\naudit = \"400d\"",
            "defaults",
            "write `[default]`",
        ),
        (
            "[default]\naudit = \"400d\"\naudit = \"1d\"",
            "line 3",
            "duplicate key",
        ),
        (
            "[organization.o]\nrequest_meta = \"30d\"\n[organization.o.project.p]\nrequest_meta = \"31d\"",
            "organization.o.project.p.request_meta",
            "write at most \"30d\"",
        ),
    ];
    let home = Home::new();
    for (text, field, cure) in cases {
        let file = home.write("retention.toml", text);
        let ended = home.start_serving(&["--retention", &file]).finish();
        assert!(!ended.status.success(), "{text}");
        let said = &ended.stderr;
        for part in ["line", field, cure, "retention.toml"] {
            assert!(said.contains(part), "{text}: {part}: {said}");
        }
        assert!(!home.data().exists(), "{text}: something was made");
    }
    let nobody = home.write(
        "retention.toml",
        "[organization.acme]\nrequest_meta = \"9d\"",
    );
    let ended = home.start_serving(&["--retention", &nobody]).finish();
    assert!(!ended.status.success());
    assert!(
        ended.stderr.contains("\"acme\"") && ended.stderr.contains("write its id"),
        "{}",
        ended.stderr
    );
}

#[test]
fn limits_are_written_at_a_start_and_by_commands_and_a_project_only_shortens() {
    let home = Home::new();
    let file = home.write(
        "retention.toml",
        "[default]\nrequest_meta = \"20d\"\nsampling = \"1%\"",
    );
    let gateway = home.serve_with(&["--retention", &file]);
    let shown = home.run(&["retention", "show"]).succeeded().stdout;
    assert!(
        shown.contains("20d") && shown.contains("1%") && shown.contains("Zero retention"),
        "{shown}"
    );
    home.run(&["retention", "set", "request_meta=60d"])
        .succeeded();
    let longer = home.run(&["retention", "set", "--project", "request_meta=61d"]);
    assert!(!longer.status.success());
    assert!(
        longer.stderr.contains("write at most \"60d\""),
        "{}",
        longer.stderr
    );
    let wrong = home.run(&["retention", "set", "request_meta=60"]);
    assert!(
        wrong.stderr.contains("the unit is missing"),
        "{}",
        wrong.stderr
    );
    let shown = home
        .run(&["retention", "set", "--project", "request_meta=10d"])
        .succeeded()
        .stdout;
    let line = shown
        .lines()
        .find(|line| line.starts_with("request_meta"))
        .unwrap();
    assert_eq!(
        line.split_whitespace().collect::<Vec<_>>(),
        ["request_meta", "60d", "10d"]
    );
    home.run(&["retention", "set", "--project", "request_meta=inherit"])
        .succeeded();
    let log = home.run(&["audit", "tail"]).succeeded().stdout;
    assert!(
        log.contains("organization.retention_changed") && log.contains("project.retention_changed"),
        "{log}"
    );

    let placed = home
        .run(&["hold", "place", "--reason", "matter 7"])
        .succeeded()
        .stdout;
    let id = placed.trim();
    let list = home.run(&["hold", "list"]).succeeded().stdout;
    assert!(
        list.contains(id) && list.contains("matter 7") && list.contains("operator:tester"),
        "{list}"
    );
    home.run(&["hold", "lift", id]).succeeded();
    let again = home.run(&["hold", "lift", id]);
    assert!(
        again.stderr.contains("there is no legal hold"),
        "{}",
        again.stderr
    );
    gateway.stop().succeeded();
}

#[test]
fn usage_tells_which_key_is_used_and_what_was_refused() {
    let home = Home::new();
    let gateway = home.serve();
    let used = home.mint(&["--name", "used", "--model", "builtin-chat"]);
    for model in ["builtin-chat", "builtin-chat", "builtin-embedding"] {
        let chat = Request::post("/v1/chat/completions", chat_body(model, false));
        chat.bearer(&used).send(gateway.address());
    }
    let deadline = Instant::now() + PATIENCE;
    let usage = loop {
        let usage = home.run(&["usage", "--days", "3"]).succeeded().stdout;
        if usage.contains("model_not_allowed") {
            break usage;
        }
        assert!(Instant::now() < deadline, "{usage}");
        std::thread::sleep(Duration::from_millis(50));
    };
    let line = |begin: &str| {
        let line = usage.lines().find(|line| line.starts_with(begin));
        line.unwrap_or_else(|| panic!("{begin}: {usage}"))
            .to_owned()
    };
    let of_key = line(used.id());
    let words: Vec<&str> = of_key.split_whitespace().collect();
    assert_eq!(&words[1..4], ["used", "2", "1"], "{usage}");
    assert!(line("builtin-chat").contains('$'), "{usage}");
    assert!(line("builtin ").contains(" 2 "), "{usage}");
    let bars = usage
        .lines()
        .filter(|line| line.contains('#') && line.contains('x'));
    assert!(bars.count() >= 1, "{usage}");
    assert!(line("model_not_allowed").contains(used.id()), "{usage}");
    gateway.stop().succeeded();
}

#[test]
fn usage_tells_how_many_requests_are_not_in_its_numbers() {
    let home = Home::new();
    home.serve().stop().succeeded();
    let usage = |days: &str| home.run(&["usage", "--days", days]).succeeded().stdout;
    assert!(!usage("30").contains("LOST"), "{}", usage("30"));
    // What a gateway counts whose disk was too slow, today and a week ago.
    let sql = "INSERT INTO trace_losses
               SELECT unixepoch('now', 'start of day', column1) * 1000000, column2
               FROM (VALUES ('-7 days', 40), ('-0 days', 2))";
    open(&home).execute_batch(sql).unwrap();
    for (days, lost) in [("1", "LOST: 2 requests"), ("30", "LOST: 42 requests")] {
        let shown = usage(days);
        let line = shown.lines().find(|line| line.starts_with("LOST: "));
        let line = line.unwrap_or_else(|| panic!("{shown}"));
        assert!(
            line.starts_with(lost) && line.contains("not in these numbers"),
            "{shown}"
        );
    }
}

/// Puts copies of the one trace into a month that is past its limit, a minute apart.
fn plant(home: &Home, count: u32) {
    let db = open(home);
    let (name, sql): (String, String) = db
        .query_row(
            "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name GLOB 'traces_*'",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    let (month, start, end): (String, i64, i64) = db
        .query_row(
            "SELECT strftime('%Y-%m', 'now', 'start of month', '-3 months'),
                    unixepoch('now', 'start of month', '-3 months') * 1000000,
                    unixepoch('now', 'start of month', '-2 months') * 1000000",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .unwrap();
    let table = format!("traces_{}", month.replace('-', "_"));
    let (before, rest) = sql.split_once("at >= ").unwrap();
    let (_, after) = rest.split_once(')').unwrap();
    let sql = format!("{before}at >= {start} AND at < {end}){after}").replace(&name, &table);
    db.execute_batch(&sql).unwrap();
    db.execute("INSERT INTO trace_months VALUES (?1, ?2)", [&month, &table])
        .unwrap();
    db.execute_batch(&format!(
        "CREATE UNIQUE INDEX {table}_by_owner ON {table} (org_id, project_id, at, request_id);
         WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count})
         INSERT INTO {table}
             SELECT t.org_id, t.project_id, {start} + n.i * 60000000, randomblob(16), key_id, provider, model, outcome,
                    cause, status, input, cached, output, cost, latency, provider_request, sampled, rate_ppm
             FROM {name} AS t, n;"
    ))
    .unwrap();
}

/// The time of the 5,500th planted trace.
fn held_from(home: &Home) -> String {
    let sql = "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', 'now', 'start of month', '-3 months', '+5500 minutes')";
    open(home).query_row(sql, [], |row| row.get(0)).unwrap()
}

/// All traces, by id.
fn rows(home: &Home) -> Vec<Vec<u8>> {
    let db = open(home);
    let mut months = db.prepare("SELECT name FROM trace_months").unwrap();
    let names: Vec<String> = months
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut ids = Vec::new();
    for name in names {
        let mut statement = db
            .prepare(&format!("SELECT request_id FROM {name}"))
            .unwrap();
        let found = statement
            .query_map([], |row| row.get::<_, Vec<u8>>(0))
            .unwrap();
        ids.extend(found.map(Result::unwrap));
    }
    ids.sort();
    ids
}

fn open(home: &Home) -> Connection {
    let db = Connection::open(home.data().join("portcullis.db")).unwrap();
    db.busy_timeout(PATIENCE).unwrap();
    db
}
