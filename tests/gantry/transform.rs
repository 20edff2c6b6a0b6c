//! Transforms of the configuration, on the way from a sender to a query, and lines that belong together.

use crate::harness::{Launch, Server, eventually, now_ns};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

const ARRIVAL: Duration = Duration::from_secs(20);

const PARSE_REDACT_ROUTE: &str = r#"
[[transform]]
name = "health"
selector = '{app="shop"}'
line = "GET /healthz"
drop = "health_checks"

[[transform]]
name = "parse"
sources = ["loki"]
on_error = "tenant:broken"
vrl = '''
parsed = object!(parse_json!(.message))
.message = string!(parsed.msg)
.labels.level = downcase(string(parsed.level) ?? "info")
.metadata.user = parsed.user
'''

[[transform]]
redact = { patterns = ["email", "credit_card"] }

[[transform]]
name = "teams"
route = { label = "team" }
"#;

fn configured(text: &str) -> (Launch, PathBuf) {
    let launch = Launch::new();
    let file = launch.scratch().join("transform.toml");
    fs::write(&file, text).unwrap();
    (launch.arg("--config").arg(&file), file)
}

/// Stream labels and text of every line of a tenant.
async fn stored(server: &Server, tenant: &str, query: &str) -> Vec<(serde_json::Value, String)> {
    let (start, end) = ((now_ns() - 600_000_000_000).to_string(), (now_ns() + 1_000_000_000).to_string());
    let request = server.loki.get_request("/loki/api/v1/query_range").header("X-Scope-OrgID", tenant);
    let request = request.query(&[("query", query), ("start", &*start), ("end", &*end)]);
    let answer: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
    let streams = answer["data"]["result"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
    let lines = |stream: &serde_json::Value| {
        let labels = stream["stream"].clone();
        let values = stream["values"].as_array().unwrap().clone();
        values.into_iter().map(move |value| (labels.clone(), value[1].as_str().unwrap().to_owned()))
    };
    streams.iter().flat_map(lines).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_parsed_redacted_routed_and_dropped_before_they_are_stored() {
    let (launch, _) = configured(PARSE_REDACT_ROUTE);
    let server = launch.start().await;
    let now = now_ns();
    let line = |text: &str| (now, text.to_owned());
    let json = r#"{"msg":"paid by ann@example.org with 4111 1111 1111 1111","level":"WARN","user":17}"#;
    server.loki.push_ok(&[("app", "shop"), ("team", "pay")], &[line(json)]).await;
    server
        .loki
        .push_ok(&[("app", "shop")], &[line("GET /healthz 200"), (now + 1, "no json of a@b.org".to_owned())])
        .await;

    let paid = stored(&server, "pay", r#"{app="shop"}"#).await;
    assert_eq!(paid.len(), 1, "{paid:?}");
    assert_eq!(paid[0].1, "paid by [email] with [credit_card]");
    assert_eq!((&paid[0].0["level"], &paid[0].0["user"]), (&"warn".into(), &"17".into()));
    let broken = stored(&server, "broken", r#"{app="shop"}"#).await;
    assert_eq!(broken.iter().map(|line| &*line.1).collect::<Vec<_>>(), ["no json of [email]"]);
    assert!(stored(&server, "default", r#"{app="shop"}"#).await.is_empty());

    let metrics = server.loki.get("/metrics").await.unwrap().text;
    for expected in [
        r#"gantry_transform_events_total{transform="parse"} 2"#,
        r#"gantry_transform_dropped_total{reason="health_checks",transform="health"} 1"#,
        r#"gantry_transform_errors_total{reason="runtime",transform="parse"} 1"#,
        r#"reason="dropped_by_transform""#,
    ] {
        assert!(metrics.contains(expected), "{expected} is missing");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_that_refuses_tells_the_sender_to_come_again() {
    let (launch, _) = configured("[[transform]]\nrate_limit = { lines_per_second = 0.1, over = \"refuse\" }\n");
    let server = launch.start().await;
    server.loki.push_ok(&[("app", "a")], &[(now_ns(), "first".to_owned())]).await;
    let refused = server.loki.push(&[("app", "a")], &[(now_ns(), "second".to_owned())]).await.unwrap();
    assert_eq!(refused.status, 429, "{}", refused.text);
    assert!(refused.retry_after.is_some());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_does_not_compile_refuses_to_start_and_says_where() {
    let (launch, _) = configured("[[transform]]\nname = \"bad\"\nvrl = '''\n.x = 1\n.message = upcas(.message)\n'''\n");
    let mut server = launch.spawn();
    let status = server.ends().await;
    assert_eq!(status.code(), Some(64));
    let said = server.log();
    for part in ["transform 1 (bad).vrl", "upcas", "undefined function", "2:12"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(!launch.data().exists(), "nothing was touched");
}

fn gantry(args: &[&str], config: &Path, input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gantry"));
    command.arg("transform").args(args).arg("--config").arg(config);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn a_dry_run_shows_what_happens_and_compares_it_with_what_is_expected() {
    let (launch, config) = configured(PARSE_REDACT_ROUTE);
    let input = concat!(
        r#"{"message":"{\"msg\":\"hi a@b.org\"}","labels":{"app":"shop","team":"pay"}}"#,
        "\n",
        "GET /healthz\n",
        r#"{"message":"GET /healthz","labels":{"app":"shop"}}"#,
        "\n",
    );
    let said = |output: &Output| {
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    let output = gantry(&["test"], &config, input);
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    for part in
        ["parse: changed", "=> hi [email]", "tenant pay", "health: dropped: health_checks", "parse: failed: runtime"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    let expected = launch.scratch().join("expected.ndjson");
    let printed = gantry(&["test", "--json"], &config, input).stdout;
    fs::write(&expected, &printed).unwrap();
    let place = expected.to_str().unwrap();
    // The lines that bring no time get that of the run.
    let without_time = |line: &str| {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        line.as_object_mut().unwrap().remove("timestamp");
        line.to_string()
    };
    let lines: Vec<String> = String::from_utf8(printed).unwrap().lines().map(without_time).collect();
    fs::write(&expected, lines.join("\n")).unwrap();
    let output = gantry(&["test", "--expect", place], &config, input);
    assert!(output.status.success(), "{}", said(&output));
    fs::write(&expected, lines.join("\n").replace("hi [email]", "hi")).unwrap();
    let output = gantry(&["test", "--expect", place], &config, input);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("line 1: message: expected \"hi\", got \"hi [email]\""), "{}", said(&output));
    let output = gantry(&["check"], &config, "");
    assert!(said(&output).contains("4 transforms are right: health, parse, redact-3, teams"), "{}", said(&output));
}

const TRACE: &str = "2024-05-14 10:00:00 ERROR could not pay\njava.lang.IllegalStateException: no card\n\
    \tat org.shop.Pay.go(Pay.java:7)\n\tat org.shop.Main.main(Main.java:3)\nCaused by: java.io.IOException: closed\n\
    \tat org.shop.Net.read(Net.java:9)\n\t... 2 more";

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_trace_in_a_file_is_one_line_even_when_it_is_the_last_thing_written() {
    let launch = Launch::new().collecting();
    let log = launch.scratch().join("app.log");
    let config = launch.scratch().join("collect.toml");
    let text = format!(
        "[collect]\ncontainers = false\n[[collect.files]]\nname = \"app\"\ninclude = [\"{}\"]\nlabels = {{ app = \"app\" }}\n",
        log.display()
    );
    fs::write(&config, text).unwrap();
    fs::write(&log, format!("before\n{TRACE}\nafter\n")).unwrap();
    let launch = launch.arg("--config").arg(&config);
    let found = async |server: &Server| -> Vec<String> {
        let lines = server.loki.lines(r#"{app="app"}"#, now_ns() - 600_000_000_000, now_ns() + 1_000_000_000).await;
        lines.into_iter().map(|(_, text)| text).collect()
    };
    let server = launch.start().await;
    eventually("the first lines arrive", ARRIVAL, async || (found(&server).await.len() == 3).then_some(())).await;
    assert_eq!(found(&server).await, ["before", TRACE, "after"]);
    OpenOptions::new().append(true).open(&log).unwrap().write_all(format!("{TRACE}\n").as_bytes()).unwrap();
    // Whether it was stored by then or is stored by the next run: once, and as a whole.
    server.stop().await;
    let server = launch.start().await;
    eventually("the last trace arrives", ARRIVAL, async || (found(&server).await.len() == 4).then_some(())).await;
    assert_eq!(found(&server).await, ["before", TRACE, "after", TRACE]);
    server.stop().await;
}
