//! A cap or a price that changes: what follows is under the new one at once, and nothing is taken back.

use std::time::Duration;

use portcullis_gate::{PriceList, Unit};
use tokio::time::sleep;

use crate::support::code;
use crate::support::passing::{LARGE, TURNS, serving};
use crate::support::spend::{TOKEN, admitted, call, caps, exactly, request, sums, usd_cap};

#[tokio::test(start_paused = true)]
async fn a_cap_lowered_below_what_is_spent_refuses_at_once_and_takes_nothing_back() {
    for chunk in [0, 25, LARGE] {
        let stage = serving(chunk).await;
        let (key, caller) = stage.capped(&[&usd_cap("month", 100)]).await;
        request(&caller, 50, 50).await.unwrap();
        let running = call(&caller, 10).await.unwrap();
        let lower = caps(&[&usd_cap("month", 30)]);
        stage.admin.set_limits(key.id, lower).await.unwrap();
        assert_eq!(
            code(call(&caller, 1).await),
            "budget_exceeded",
            "chunk {chunk}"
        );
        assert!(!running.is_revoked(), "what runs goes on");
        running.settle(exactly(10));
        stage.written().await;
        let shown = stage.key_spending().await;
        assert_eq!(
            (shown.settled, shown.debt),
            (60 * TOKEN, 0),
            "chunk {chunk}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_cap_that_is_raised_or_lowered_has_at_once_all_the_room_that_is_left() {
    for chunk in [0, 25, LARGE] {
        let stage = serving(chunk).await;
        let (key, caller) = stage.capped(&[&usd_cap("month", 100)]).await;
        assert_eq!(admitted(&caller, 10, 10).await.0, 10);
        for (cap, room) in [
            (150, 50),
            (400, 250),
            (390, 0),
            (395, 0),
            (405, 0),
            (410, 10),
        ] {
            let changed = caps(&[&usd_cap("month", cap)]);
            stage.admin.set_limits(key.id, changed).await.unwrap();
            let (passed, refused) = admitted(&caller, 10, 10).await;
            assert_eq!(passed * 10, room, "cap {cap}, chunk {chunk}");
            assert_eq!(refused, "budget_exceeded");
        }
        let lower = caps(&[&usd_cap("month", 450)]);
        stage.admin.set_limits(key.id, lower).await.unwrap();
        request(&caller, 10, 10).await.unwrap();
        // 420 are spent; of a lower cap the rest is there at once, whatever was debited under the larger one.
        let lower = caps(&[&usd_cap("month", 440)]);
        stage.admin.set_limits(key.id, lower).await.unwrap();
        assert_eq!(admitted(&caller, 10, 10).await.0, 2, "chunk {chunk}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_admin_action_on_another_key_takes_no_room_away() {
    for chunk in [0, 25, LARGE] {
        let stage = serving(chunk).await;
        let other = stage.key().await;
        let (_, caller) = stage.capped(&[&usd_cap("month", 100)]).await;
        for turn in 0..10 {
            request(&caller, 10, 10).await.unwrap();
            if turn % 2 == 0 {
                stage.admin.disable(other.id).await.unwrap();
            } else {
                stage.admin.enable(other.id).await.unwrap();
            }
        }
        assert_eq!(
            code(call(&caller, 1).await),
            "budget_exceeded",
            "chunk {chunk}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_price_that_changes_in_flight_is_the_price_of_the_next_hold() {
    let stage = serving(LARGE).await;
    let (_, caller) = stage.capped(&[&usd_cap("month", 1_000)]).await;
    let running = call(&caller, 50).await.unwrap();
    let tenfold = "[[price]]\nprovider='openai'\nmodel='gpt-4o'\ninput='10'\noutput='10'";
    stage.gate.set_prices(PriceList::parse(tenfold).unwrap());
    running.settle(exactly(40));
    request(&caller, 40, 30).await.unwrap();
    stage.written().await;
    let shown = stage.key_spending().await;
    assert_eq!(shown.settled, (40 + 300) * TOKEN);
    // And without a price, nothing is held at the old one.
    stage.gate.set_prices(PriceList::empty());
    assert_eq!(code(call(&caller, 1).await), "model_not_priced");
}

#[tokio::test(start_paused = true)]
async fn a_cap_that_is_removed_returns_its_chunk_and_comes_back_with_what_was_spent() {
    let stage = serving(25).await;
    let both = [usd_cap("month", 100), "tokens/month=100".to_owned()];
    let both = both.each_ref().map(String::as_str);
    let (key, caller) = stage.capped(&both).await;
    request(&caller, 90, 90).await.unwrap();
    stage.admin.set_limits(key.id, caps(&[])).await.unwrap();
    stage.written().await;
    let books = sums(&stage.store, stage.org, Unit::Usd).await;
    assert_eq!(books, [0, 90 * TOKEN, 0, 0]);
    request(&caller, 1_000, 1_000).await.unwrap();
    stage.admin.set_limits(key.id, caps(&both)).await.unwrap();
    assert_eq!(admitted(&caller, 10, 10).await, (1, "budget_exceeded"));
}

#[tokio::test(start_paused = true)]
async fn what_runs_while_its_cap_is_lowered_leaves_its_room_to_the_lower_cap() {
    for chunk in [0, 1_000, LARGE] {
        let stage = serving(chunk).await;
        let (key, caller) = stage.capped(&[&usd_cap("month", 1_000)]).await;
        let running = call(&caller, 900).await.unwrap();
        let lower = caps(&[&usd_cap("month", 500)]);
        stage.admin.set_limits(key.id, lower).await.unwrap();
        running.settle(exactly(10));
        for _ in 0..3 {
            stage.after(Duration::from_secs(11)).await;
            stage.written().await;
        }
        let caller = stage.authenticate(&key).await.unwrap();
        let answer = request(&caller, 10, 10).await;
        let shown = stage.key_spending().await;
        assert!(
            answer.is_ok(),
            "10 of 500 are used, chunk {chunk}: {shown:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_cap_that_resets_last_is_named_also_where_the_durable_books_find_it_full() {
    let stage = serving(0).await;
    let (key, caller) = stage
        .capped(&[&usd_cap("day", 100), &usd_cap("month", 100)])
        .await;
    request(&caller, 100, 100).await.unwrap();
    let why = call(&caller, 1).await.unwrap_err();
    assert!(why.to_string().contains("month"), "by memory: {why}");
    stage.gate.close().await.unwrap();
    let stage = stage.serving_again(0).await;
    sleep(TURNS).await;
    let caller = stage.authenticate(&key).await.unwrap();
    let why = call(&caller, 1).await.unwrap_err();
    assert!(
        why.to_string().contains("month"),
        "by the durable books: {why}"
    );
}
