//! The price list: the file that the repository ships, and the one that a gateway is given.

use std::fs;
use std::num::NonZeroU64;

use portcullis::{NanoUsd, PriceList};

use crate::support::{Gateway, Home, Key, PRICES, Provider, Request, workspace};

#[test]
fn the_price_list_in_the_repository_can_be_used() {
    let text = fs::read_to_string(workspace().join("examples/prices.toml")).unwrap();
    let list = PriceList::parse(&text).unwrap();
    assert!(list.len() >= 15, "{}", list.len());
    let small = list.model("openai", "gpt-4o").unwrap();
    assert_eq!(small.price.output, NanoUsd::parse("10").unwrap());
    assert_eq!(small.context_window, NonZeroU64::new(128_000));
    for block in text.split("[[price]]").skip(1) {
        let model = block.split("model = \"").nth(1).unwrap();
        let model = model.split('"').next().unwrap();
        let entry = list.model("openai", model).unwrap();
        assert!(entry.price.input > NanoUsd::ZERO, "{model} is free");
        assert!(entry.price.cached_input <= entry.price.input, "{model}");
        let embeds = model.starts_with("text-embedding");
        assert_eq!(entry.price.output == NanoUsd::ZERO, embeds, "{model}");
        assert_eq!(entry.max_output.is_none(), embeds, "{model}");
    }

    let (provider, home) = (Provider::start(), Home::new());
    let file = workspace()
        .join("examples/prices.toml")
        .display()
        .to_string();
    let gateway = home.serve_with(&["--upstream", &provider.url(), "--prices", &file]);
    home.put_credential("openai", "sk-test");
    let key = home.mint(&["--usd-month", "50"]);
    assert_eq!(chat(&gateway, &key, "gpt-4o"), "ok");
    // Three tokens of input at $2.50 for a million, two of output at $10.
    home.wait_for_spent(&key, "a month", "$0.0000275");
}

#[test]
fn the_built_in_providers_models_have_prices_of_their_own() {
    let home = Home::new();
    let gateway = home.serve();
    let key = gateway.first_key();
    home.set(key, &["--usd-month", "50"]);
    assert_eq!(chat(&gateway, key, "builtin-chat"), "ok");
    // One word of input at $2.50 for a million, three of output at $10.
    home.wait_for_spent(key, "a month", "$0.0000325");
    let body = r#"{"model":"builtin-embedding","input":"two words"}"#;
    let request = Request::post("/v1/embeddings", body).bearer(key);
    assert_eq!(request.send(gateway.address()).status, 200);
    home.wait_for_spent(key, "a month", "$0.0000327");
}

#[test]
fn without_prices_every_cap_in_dollars_is_warned_of_and_refuses() {
    let (provider, home) = (Provider::start(), Home::new());
    let url = provider.url();
    let gateway = home.serve_with(&["--upstream", &url]);
    home.put_credential("openai", "sk-test");
    let key = home.mint(&["--usd-month", "50"]);
    let other = home.mint(&["--tpm", "100000"]);
    home.run(&["project", "set", "--usd-day", "5"]).succeeded();
    assert_eq!(chat(&gateway, &key, "plain"), "model_not_priced");
    gateway.stop().succeeded();

    let gateway = home.serve_with(&["--upstream", &url]);
    let said = &gateway.process().stderr;
    said.wait_for(&format!("warning: key {} has a cap in dollars", key.id()));
    let text = said.text();
    assert!(
        text.contains("warning: project default has a cap in dollars"),
        "{text}"
    );
    assert!(
        text.contains("model_not_priced") && text.contains("--prices"),
        "{text}"
    );
    assert!(!text.contains(&format!("key {} has", other.id())), "{text}");
    gateway.stop().succeeded();

    let gateway = home.serve_priced(&provider, &[]);
    assert_eq!(chat(&gateway, &key, "plain"), "ok");
    let text = gateway.process().stderr.text();
    assert!(!text.contains("warning"), "{text}");
}

#[test]
fn a_broken_price_list_is_refused_at_its_line_before_anything_is_made() {
    let home = Home::new();
    for (text, cure) in [
        (PRICES.replace("input = \"1\"", "input = 1"), "line 5: "),
        (
            PRICES.replace("input = \"1\"", "input = \"1,0\""),
            "line 5: ",
        ),
        (PRICES.replace("plain", "counted"), "a price already"),
        ("# nothing yet\n".to_owned(), "no [[price]] in it"),
    ] {
        let file = home.write("prices.toml", &text);
        let done = home.start_serving(&["--prices", &file]).finish().failed();
        assert!(done.stderr.starts_with("error: --prices "), "{done}");
        assert!(
            done.stderr.contains(&file) && done.stderr.contains(cure),
            "{done}"
        );
        assert!(!home.data().exists());
    }
    let done = home
        .start_serving(&["--prices", "nosuch.toml"])
        .finish()
        .failed();
    assert!(done.stderr.contains("--prices nosuch.toml"), "{done}");
    assert!(
        done.stderr.contains("such as examples/prices.toml"),
        "{done}"
    );
    assert!(!home.data().exists());
}

#[test]
fn sighup_replaces_the_prices_and_a_broken_list_replaces_nothing() {
    let (provider, home) = (Provider::start(), Home::new());
    let gateway = home.serve_priced(&provider, &[]);
    home.put_credential("openai", "sk-test");
    let key = home.mint(&["--usd-month", "50"]);
    assert_eq!(chat(&gateway, &key, "plain"), "ok");
    home.wait_for_spent(&key, "a month", "$0.000023");
    assert_eq!(chat(&gateway, &key, "brand-new"), "model_not_priced");

    home.write(
        "prices.toml",
        &PRICES.replace("output = \"10\"", "output = \"10x\""),
    );
    gateway.process().hang_up();
    let said = &gateway.process().stderr;
    said.wait_for("price list, line 6: ");
    said.wait_for("The price list that was in force stays in force.");
    assert_eq!(chat(&gateway, &key, "plain"), "ok");
    home.wait_for_spent(&key, "a month", "$0.000046");

    let dearer = PRICES.replace("output = \"10\"", "output = \"20\"");
    home.write(
        "prices.toml",
        &dearer.replace("counted-then-more", "brand-new"),
    );
    gateway.process().hang_up();
    said.wait_for("The price list was read again: 4 models.");
    assert_eq!(chat(&gateway, &key, "plain"), "ok");
    home.wait_for_spent(&key, "a month", "$0.000089");
    assert_eq!(chat(&gateway, &key, "brand-new"), "ok");
    gateway.stop().succeeded();
}

fn chat(gateway: &Gateway, key: &Key, model: &str) -> String {
    let request = Request::chat(model, false).bearer(key);
    request.send(gateway.address()).outcome().1
}
