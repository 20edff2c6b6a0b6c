//! The live tail: filters, replay, slow readers, disconnects, refusals.

use crate::harness::{Launch, Tail, eventually, now_ns};
use std::time::Duration;

fn numbered(prefix: &str, count: u64, filler: usize) -> Vec<(u64, String)> {
    let start = now_ns();
    (0..count).map(|n| (start + n, format!("{prefix} {n} {}", "x".repeat(filler)))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_shows_what_its_query_lets_through_as_it_is_written() {
    let server = Launch::new().start().await;
    let mut all = Tail::open(&server, r#"{app="web"}"#, &[]).await;
    let mut some = Tail::open(&server, r#"{app=~"w.*"} |= "keep" != "not" | line_format "<{{__line__}}>""#, &[]).await;
    let lines = ["one", "keep this", "keep not", "keep that"];
    let start = now_ns();
    for (at, line) in (start..).zip(lines) {
        server.loki.push_ok(&[("app", "web")], &[(at, line.to_owned())]).await;
        server.loki.push_ok(&[("app", "other")], &[(at, "keep away".to_owned())]).await;
    }
    assert_eq!(all.lines(4).await, lines);
    assert_eq!(some.lines(2).await, ["<keep this>", "<keep that>"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_with_a_start_first_repeats_the_newest_lines_since_then() {
    let server = Launch::new().start().await;
    let old = numbered("old", 20, 0);
    server.loki.push_ok(&[("app", "replay")], &old).await;
    server.loki.flush().await;
    let start = old[0].0.to_string();
    let mut tail = Tail::open(&server, r#"{app="replay"}"#, &[("start", &start), ("limit", "5")]).await;
    let mut replayed = tail.lines(5).await;
    replayed.sort();
    let mut newest: Vec<String> = old[15..].iter().map(|(_, line)| line.clone()).collect();
    newest.sort();
    assert_eq!(replayed, newest);
    server.loki.push_ok(&[("app", "replay")], &numbered("new", 1, 0)).await;
    assert!(tail.lines(1).await[0].starts_with("new 0"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_is_told_which_lines_it_lost_and_slows_nobody_down() {
    let server = Launch::new().set("query.tail_buffer_lines", 100).start().await;
    let mut slow = Tail::open(&server, r#"{app="flood"}"#, &[]).await;
    // Far more than the socket's buffers and the queue can hold, while nobody reads.
    for _ in 0..60 {
        server.loki.push_ok(&[("app", "flood")], &numbered("line", 2_000, 200)).await;
    }
    let mut dropped = 0;
    eventually("the reader is told of its losses", Duration::from_secs(20), async || {
        dropped += slow.frame().await.expect("the tail goes on").dropped.len();
        (dropped > 0).then_some(())
    })
    .await;
    let count = server.loki.number(r#"sum(count_over_time({app="flood"}[1h]))"#, now_ns()).await;
    assert_eq!(count, 120_000.0, "the writer lost nothing");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disconnect_makes_room_for_the_next_tail() {
    let server = Launch::new().set("query.max_tails", 2).start().await;
    let first = Tail::open(&server, r#"{app="a"}"#, &[]).await;
    let _second = Tail::open(&server, r#"{app="a"}"#, &[]).await;
    let (status, text) = Tail::try_open(&server, r#"{app="a"}"#, &[]).await.expect_err("two are allowed");
    assert!(status == 429, "{status}: {text}");
    drop(first);
    eventually("the slot is free again", Duration::from_secs(10), async || {
        Tail::try_open(&server, r#"{app="a"}"#, &[]).await.ok().map(drop)
    })
    .await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_tailed_is_refused_before_the_upgrade() {
    let server = Launch::new().start().await;
    for query in ["{app=", r#"rate({app="a"}[1m])"#, "{}", ""] {
        let refusal = Tail::try_open(&server, query, &[]).await;
        let (status, text) = refusal.expect_err(query);
        assert_eq!(status, 400, "{query}: {text}");
        assert!(!text.is_empty(), "{query}");
    }
    server.stop().await;
}
