//! What clocks, counters, names and queries of metrics may do wrong: each is defined, told and counted.

use crate::harness::{Launch, Server, eventually, now_ns};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

async fn push(server: &Server, text: &str) -> (u16, String) {
    let answer = server.loki.post_request("/api/v1/import/prometheus").body(text.to_owned()).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// The value at an instant (seconds), as it is written; `None` when there is no series.
async fn value(server: &Server, query: &str, at: u64) -> Option<String> {
    let answer = server.loki.ask("/api/v1/query", &[("query", query), ("time", &at.to_string())]).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text);
    Some(answer.json()["data"]["result"].get(0)?["value"][1].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_out_of_order_come_into_order_as_long_as_they_are_within_the_window() {
    let server = Launch::new().start().await;
    let now = now_ns() / 1_000_000_000;
    for age in [0, 120, 60, 300, 240, 180] {
        let (status, told) = push(&server, &format!("late {} {}000\n", 300 - age, now - age)).await;
        assert_eq!(status, 204, "{told}");
    }
    let (status, told) = push(&server, &format!("late 1 {}000\n", now - 3600)).await;
    assert_eq!(status, 400, "{told}");
    assert!(told.contains("out_of_order") || told.contains("too_old"), "{told}");
    let all = "count_over_time(late[301s]) == 6 and increase(late[301s]) > 0 and resets(late[301s]) == 0";
    assert_eq!(value(&server, all, now).await.as_deref(), Some("6"));
    server.loki.flush().await;
    assert_eq!(value(&server, all, now).await.as_deref(), Some("6"), "the same from a block");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resets_other_types_and_numbers_that_are_none_are_kept_as_they_are() {
    let server = Launch::new().start().await;
    let now = now_ns() / 1_000_000_000;
    let counter: String =
        [10, 20, 5, 15].iter().zip(0..).map(|(v, n)| format!("c_total {v} {}000\n", now - 180 + 60 * n)).collect();
    assert_eq!(push(&server, &format!("# TYPE c_total counter\n{counter}")).await.0, 204);
    assert_eq!(value(&server, "resets(c_total[4m])", now).await.as_deref(), Some("1"));
    assert_eq!(push(&server, &format!("# TYPE c_total gauge\nc_total{{a=\"b\"}} 1 {now}000\n")).await.0, 204);
    let about = server.loki.get("/api/v1/metadata?metric=c_total").await.unwrap().json();
    let types: Vec<&Value> = about["data"]["c_total"].as_array().unwrap().iter().map(|one| &one["type"]).collect();
    assert!(types.contains(&&json!("gauge")), "{about}");
    assert_eq!(value(&server, "count(c_total)", now).await.as_deref(), Some("2"), "a type decides nothing");
    let odd = format!("odd{{n=\"1\"}} NaN {now}000\nodd{{n=\"2\"}} +Inf {now}000\nodd{{n=\"3\"}} -Inf {now}000\n");
    assert_eq!(push(&server, &odd).await.0, 204);
    for (n, written) in [("1", "NaN"), ("2", "+Inf"), ("3", "-Inf")] {
        assert_eq!(value(&server, &format!("odd{{n=\"{n}\"}}"), now).await.as_deref(), Some(written));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_with_ten_thousand_labels_is_refused_and_the_others_are_not() {
    let server = Launch::new().start().await;
    let labels: Vec<String> = (0..10_000).map(|n| format!("l{n}=\"v\"")).collect();
    let (status, told) = push(&server, &format!("wide{{{}}} 1\nnarrow 1\n", labels.join(","))).await;
    assert_eq!(status, 400);
    assert!(told.contains("1 of 2 samples were refused, 1 were stored") && told.contains("label"), "{told}");
    assert!(told.len() < 1000, "the series is not told back: {} bytes", told.len());
    assert_eq!(value(&server, "narrow", now_ns() / 1_000_000_000 + 1).await.as_deref(), Some("1"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_for_a_hundred_million_samples_ends_soon_and_says_which_limit_it_met() {
    let server = Launch::new().start().await;
    assert_eq!(push(&server, "here 1\n").await.0, 204);
    let began = Instant::now();
    let answer = server.loki.ask("/api/v1/query", &[("query", "count_over_time(vector(1)[1200d:1s])")]).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    assert!(
        ["query.promql_max_samples", "query.memory_bytes"].iter().any(|limit| answer.text.contains(limit)),
        "{}",
        answer.text
    );
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let answer = server
        .loki
        .ask("/api/v1/query_range", &[("query", "here"), ("start", "0"), ("end", "1e9"), ("step", "1")])
        .await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    eventually("the next query is answered", Duration::from_secs(5), async || {
        value(&server, "here", now_ns() / 1_000_000_000 + 1).await
    })
    .await;
    server.stop().await;
}
