//! Delete requests through Loki's API and the command line: hidden at once, for good, and removed from the files.

use crate::harness::client::send;
use crate::harness::{Launch, Loki, eventually, now_ns};
use serde_json::Value;
use std::process::Command;
use std::time::Duration;

const PATH: &str = "/loki/api/v1/delete";
const MINUTE: u64 = 60_000_000_000;

/// 20 lines of each of two apps within the last minutes; every second one holds a secret.
async fn fill(loki: &Loki, now: u64) {
    for app in ["shop", "pay"] {
        let line = |n: u64| {
            (now - 5 * MINUTE + n, format!("{} line {n}", if n.is_multiple_of(2) { "secret" } else { "plain" }))
        };
        loki.push_ok(&[("app", app)], &(0..20).map(line).collect::<Vec<_>>()).await;
    }
}

async fn count(loki: &Loki, query: &str, now: u64) -> usize {
    loki.lines(query, now - 10 * MINUTE, now + MINUTE).await.len()
}

async fn delete(loki: &Loki, query: &str, start: u64) -> u16 {
    let request = loki.post_request(PATH).query(&[("query", query), ("start", &start.to_string())]);
    send(request).await.unwrap().status
}

async fn listed(loki: &Loki) -> Vec<Value> {
    loki.get(PATH).await.unwrap().json().as_array().unwrap().clone()
}

async fn values_of_app(loki: &Loki) -> Value {
    loki.get("/loki/api/v1/label/app/values").await.unwrap().json()["data"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_lines_are_hidden_at_once_also_after_a_crash_and_later_ones_are_kept() {
    let launch = Launch::new().expecting("cutting the unfinished end of the WAL");
    let server = launch.start().await;
    let now = now_ns();
    fill(&server.loki, now).await;
    server.loki.flush().await;
    server.loki.push_ok(&[("app", "shop")], &[(now - MINUTE, "secret in memory".to_owned())]).await;
    assert_eq!(delete(&server.loki, r#"{app="shop"} |= "secret""#, now - 10 * MINUTE).await, 204);
    assert_eq!(delete(&server.loki, r#"{app="pay"}"#, now - 10 * MINUTE).await, 204);
    let late = (now - 2 * MINUTE, "secret, but written after the request".to_owned());
    server.loki.push_ok(&[("app", "shop")], std::slice::from_ref(&late)).await;
    let check = async |loki: &Loki| {
        assert_eq!(count(loki, r#"{app="shop"}"#, now).await, 11);
        assert_eq!(
            loki.lines(r#"{app="shop"} |= "secret""#, now - 10 * MINUTE, now).await,
            std::slice::from_ref(&late)
        );
        assert_eq!(count(loki, r#"{app="pay"}"#, now).await, 0);
        assert_eq!(values_of_app(loki).await, serde_json::json!(["shop"]));
        assert_eq!(loki.number(r#"sum(count_over_time({app=~".+"}[1h]))"#, now_ns()).await, 11.0);
        let stats = loki.ask("/loki/api/v1/index/stats", &[("query", r#"{app=~".+"}"#)]).await.json();
        assert_eq!((&stats["streams"], &stats["entries"]), (&Value::from(1), &Value::from(11)));
    };
    check(&server.loki).await;
    server.kill();
    let server = launch.start().await;
    check(&server.loki).await;
    server.loki.flush().await;
    server.loki.compact().await;
    check(&server.loki).await;
    let all = listed(&server.loki).await;
    assert_eq!(all.len(), 2);
    assert_eq!((&all[0]["status"], &all[0]["query"]), (&"received".into(), &r#"{app="shop"} |= "secret""#.into()));
    let cancel = |id: &Value| format!("{}{PATH}?request_id={}", server.url(), id.as_str().unwrap());
    let http = reqwest::Client::new();
    let answer = http.delete(cancel(&all[1]["request_id"])).send().await.unwrap();
    assert_eq!(answer.status(), 204);
    assert_eq!(count(&server.loki, r#"{app="pay"}"#, now).await, 20, "a cancelled request gives the lines back");
    let again = http.delete(cancel(&all[1]["request_id"])).send().await.unwrap();
    assert_eq!(again.status(), 400);
    assert_eq!(http.delete(cancel(&"no".into())).send().await.unwrap().status(), 404);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_deletes_and_the_lines_leave_the_files() {
    let server = Launch::new().set("store.delete_cancel_period", "0s").start().await;
    let now = now_ns();
    fill(&server.loki, now).await;
    server.loki.flush().await;
    let addr = server.url().to_owned();
    let gantry = async |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gantry"));
        command.args(args).args(["--addr", &addr]).env("USER", "anna").stdin(std::process::Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let query = r#"{app="shop"} |= "secret""#;
    let (code, _, why) = gantry(&["delete", query, "--start", "10m"]).await;
    assert_eq!(code, Some(1));
    assert!(why.contains("--yes"), "{why}");
    assert_eq!(count(&server.loki, query, now).await, 10, "nothing is deleted without a yes");
    let (code, said, why) = gantry(&["delete", query, "--start", "10m", "--yes"]).await;
    assert_eq!(code, Some(0), "{why}");
    assert!(said.contains("hidden"), "{said}");
    assert_eq!(count(&server.loki, r#"{app="shop"}"#, now).await, 10);
    eventually("the request is carried out", Duration::from_secs(30), async || {
        server.loki.compact().await;
        (listed(&server.loki).await[0]["status"] == "processed").then_some(())
    })
    .await;
    assert_eq!(server.loki.metric("gantry_store_removed_lines_total").await, 10.0);
    assert_eq!(count(&server.loki, r#"{app="shop"}"#, now).await, 10);
    let (_, table, _) = gantry(&["delete", "--list"]).await;
    assert!(table.contains("processed") && table.contains("anna") && table.contains(query), "{table}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_make_no_sense_are_refused_with_the_reason() {
    let server = Launch::new().start().await;
    let now = now_ns().to_string();
    let ahead = (now_ns() + 10 * MINUTE).to_string();
    let cases: [(&[(&str, &str)], &str); 8] = [
        (&[("start", "1")], "query not set"),
        (&[("query", "{app=\"a\"}")], "start time not set"),
        (&[("query", "{app=\"a\"}"), ("start", "yesterday")], "invalid start time"),
        (&[("query", "{app=\"a\"}"), ("start", &now), ("end", "1")], "start time can't be greater"),
        (&[("query", "{app=\"a\"}"), ("start", "1"), ("end", &ahead)], "deletes in the future"),
        (&[("query", "{app=\"a\""), ("start", "1")], "parse error"),
        (&[("query", "{app=\"a\"} | json | x=1"), ("start", "1")], "line filters"),
        (&[("query", "{}"), ("start", "1")], "at least one regexp or equality matcher"),
    ];
    for (parameters, why) in cases {
        let answer = send(server.loki.post_request(PATH).query(parameters)).await.unwrap();
        assert_eq!(answer.status, 400, "{parameters:?}");
        assert!(answer.text.contains(why), "{parameters:?}: {}", answer.text);
    }
    let reserved = server.loki.post_request(PATH).query(&[("query", "{app=\"a\"}"), ("start", "1")]);
    assert_eq!(send(reserved.header("x-scope-orgid", "_gantry")).await.unwrap().status, 403);
    assert!(listed(&server.loki).await.is_empty());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_with_a_rule_of_their_own_are_kept_shorter_or_longer() {
    let launch = Launch::new().default_retention();
    let file = launch.scratch().join("gantry.toml");
    let rules = "[store]\nretention = \"1h\"\n[[retention.streams]]\nselector = '{app=\"short\"}'\nperiod = \"2m\"\n\
                 [[retention.streams]]\nselector = '{app=\"long\"}'\nperiod = \"3h\"\n";
    std::fs::write(&file, rules).unwrap();
    let server = launch.arg("--config").arg(&file).start().await;
    let now = now_ns();
    for (app, age) in [("short", 1), ("short", 5), ("rest", 30), ("rest", 90), ("long", 90)] {
        server.loki.push_ok(&[("app", app)], &[(now - age * MINUTE, format!("{age}"))]).await;
    }
    let shown = async || {
        let mut shown = Vec::new();
        for app in ["short", "rest", "long"] {
            let found = server.loki.lines(&format!("{{app=\"{app}\"}}"), now - 400 * MINUTE, now).await;
            shown.extend(found.into_iter().map(|(_, age)| format!("{app} {age}")));
        }
        shown
    };
    assert_eq!(shown().await, ["short 1", "rest 30", "long 90"]);
    server.loki.flush().await;
    server.loki.compact().await;
    assert_eq!(shown().await, ["short 1", "rest 30", "long 90"]);
    let refused = server.loki.push(&[("app", "long")], &[(now - 200 * MINUTE, "x".to_owned())]).await.unwrap();
    assert_eq!(refused.status, 400, "older than anything is kept");
    assert!(refused.text.contains("too_far_behind"), "{}", refused.text);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_series_are_gone_when_prometheus_api_answers() {
    let server = Launch::new().start().await;
    let now_ms = now_ns() / 1_000_000;
    let text: String = (0..3).flat_map(|n| (0..10).map(move |at| (n, at))).fold(String::new(), |text, (n, at)| {
        format!("{text}gone_total{{n=\"{n}\"}} {at} {}\n", now_ms - 60_000 + at * 1000)
    });
    let pushed = server.loki.post("/api/v1/import/prometheus", &[], text.into_bytes()).await.unwrap();
    assert_eq!(pushed.status, 204);
    let path = "/api/v1/admin/tsdb/delete_series";
    let refused = server.loki.post(path, &[], Vec::new()).await.unwrap();
    assert_eq!((refused.status, refused.text.trim()), (400, "no match[] parameter provided"));
    let broken = server.loki.post(&format!("{path}?match[]=up%7B"), &[], Vec::new()).await.unwrap();
    assert!(broken.status == 400 && broken.text.contains("parse error"), "{}", broken.text);
    let reserved = [("x-scope-orgid", "_gantry")];
    assert_eq!(server.loki.post(&format!("{path}?match[]=up"), &reserved, Vec::new()).await.unwrap().status, 403);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let body = "match[]=gone_total%7Bn%3D%221%22%7D&match[]=gone_total%7Bn%3D%222%22%7D";
    assert_eq!(server.loki.post(path, &form, body.into()).await.unwrap().status, 204);
    let left = server.loki.get("/api/v1/query?query=count_over_time(gone_total[5m])").await.unwrap().json();
    let found = left["data"]["result"].as_array().unwrap().clone();
    assert_eq!(found.len(), 1, "{left}");
    assert_eq!((&found[0]["metric"]["n"], &found[0]["value"][1]), (&serde_json::json!("0"), &serde_json::json!("10")));
    server.stop().await;
}
