//! Caps and rates, as people read them.

use portcullis::{CapRule, KeyView, Limit, NanoUsd, Spending, Unit, Window, Zone};

use super::time_or;

/// Every cap with what is used of it, and every key's rate.
pub(crate) fn all(caps: &[Spending], keys: &[KeyView]) {
    let rates: Vec<&KeyView> = keys
        .iter()
        .filter(|key| key.limits.rate.is_some())
        .collect();
    if caps.is_empty() && rates.is_empty() {
        println!("There are no limits. To set some: keys set ID --usd-month 50 --rpm 60");
        return;
    }
    if !caps.is_empty() {
        table(caps, keys);
    }
    if !rates.is_empty() {
        if !caps.is_empty() {
            println!();
        }
        let row = |key: &&KeyView| {
            let rate = key.limits.rate.map(|rate| rate.to_string());
            vec![whose_key(key), rate.unwrap_or_default()]
        };
        let header = ["WHOSE", "RATE"].map(str::to_owned).to_vec();
        print(&[vec![header], rates.iter().map(row).collect()].concat());
    }
}

fn table(caps: &[Spending], keys: &[KeyView]) {
    // What a crash left is rare: the column is there when there is something in it.
    let unaccounted = caps.iter().any(|cap| cap.unaccounted > 0);
    let mut header = vec!["WHOSE", "CAP", "SPENT", "RESERVED", "DEBT"];
    header.extend(unaccounted.then_some("UNACCOUNTED"));
    header.extend(["LEFT", "RESETS"]);
    let mut rows = vec![header.into_iter().map(str::to_owned).collect()];
    for cap in caps {
        let amount = |count| amount(cap.cap.limit.unit(), count);
        let mut row = vec![
            whose(cap, keys),
            words(&cap.cap),
            amount(cap.settled),
            amount(cap.reserved),
            amount(cap.debt),
        ];
        row.extend(unaccounted.then(|| amount(cap.unaccounted)));
        row.extend([amount(left(cap)), time_or(cap.resets_at, "never")]);
        rows.push(row);
    }
    print(&rows);
    if caps.iter().any(|cap| cap.reserved > 0) {
        println!();
        println!(
            "RESERVED is set aside by the gateway for what runs now and comes next: a part of LEFT."
        );
    }
    if unaccounted {
        println!();
        println!(
            "UNACCOUNTED was set aside by a gateway that ended without a shutdown. Whether it was spent nobody knows: it"
        );
        println!("counts as spent until the cap starts again, and is never given back.");
    }
}

/// What requests may still use. What the serving process has set aside is for requests, too.
fn left(cap: &Spending) -> i64 {
    let gone = cap.used().saturating_sub(cap.reserved);
    cap.cap.limit.amount().saturating_sub(gone).max(0)
}

fn whose(cap: &Spending, keys: &[KeyView]) -> String {
    let key = keys.iter().find(|key| key.id.to_string() == cap.subject);
    key.map_or_else(|| format!("{} {}", cap.level, cap.name), whose_key)
}

fn whose_key(key: &KeyView) -> String {
    match key.state {
        "active" => format!("key {} {}", key.id, key.name),
        state => format!("key {} {} ({state})", key.id, key.name),
    }
}

/// `$50.00 a month (Europe/Berlin)`.
fn words(cap: &CapRule) -> String {
    let unit = match cap.limit.unit() {
        Unit::Usd => "",
        Unit::Tokens => " tokens",
        Unit::Requests => " requests",
    };
    let amount = match cap.limit {
        Limit::Usd(amount) => amount.to_string(),
        Limit::Tokens(count) | Limit::Requests(count) => count.to_string(),
    };
    let window = match cap.window {
        Window::Total => " in total".to_owned(),
        Window::Hour => " an hour".to_owned(),
        Window::Minute | Window::Day(_) | Window::Month(_) => format!(" a {}", cap.window.name()),
    };
    let zone = match cap.window {
        Window::Day(zone) | Window::Month(zone) if zone != Zone::UTC => format!(" ({zone})"),
        Window::Day(_) | Window::Month(_) | Window::Minute | Window::Hour | Window::Total => {
            String::new()
        }
    };
    format!("{amount}{unit}{window}{zone}")
}

fn amount(unit: Unit, count: i64) -> String {
    match unit {
        Unit::Usd => NanoUsd::from_nanos(count).to_string(),
        Unit::Tokens | Unit::Requests => count.to_string(),
    }
}

/// Columns as wide as what is in them.
fn print(rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    for row in rows {
        let cells = row.iter().zip(&widths);
        let line: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        println!("{}", line.join("  ").trim_end());
    }
}
