//! What is asked of every server, and whether the answers are the same.

use super::wire::Shape;
use super::world::{START_MS, STEP_MS};
use crate::run::server::Server;
use crate::stats::Latencies;
use anyhow::{Context, Result, bail, ensure};
use reqwest::Client;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What two sums of the same numbers in another order may differ by.
const SAME: f64 = 1e-9;

#[derive(Clone, Debug)]
pub struct Query {
    pub id: &'static str,
    pub name: &'static str,
    path: String,
    parameters: Vec<(&'static str, String)>,
    /// Whether it has to be as fast as the faster of the others.
    pub judged: bool,
}

/// Range queries over all that was written, a step for every scrape; and the values of a label.
pub fn all(shape: &Shape, pod: &str) -> Vec<Query> {
    let (start, end) = (START_MS + STEP_MS, shape.end_ms());
    let range = |id, name, query: String| Query {
        id,
        name,
        path: "/api/v1/query_range".to_owned(),
        parameters: vec![
            ("query", query),
            ("start", (start / 1000).to_string()),
            ("end", (end / 1000).to_string()),
            ("step", (STEP_MS / 1000).to_string()),
        ],
        judged: true,
    };
    let buckets = "http_request_duration_seconds_bucket";
    vec![
        range("M1", "sum by (job) (rate(x[5m]))", "sum by (job) (rate(http_requests_total[5m]))".to_owned()),
        range("M2", "p99 of a histogram", format!("histogram_quantile(0.99, sum by (le) (rate({buckets}[5m])))")),
        range("M3", "topk(10) of pods by rate", "topk(10, sum by (pod) (rate(http_requests_total[5m])))".to_owned()),
        range("M4", "one series", format!(r#"http_requests_total{{pod="{pod}",method="GET",code="200"}}"#)),
        range(
            "M5",
            "sum by (namespace) of a gauge",
            "sum by (namespace) (container_memory_working_set_bytes)".to_owned(),
        ),
        Query {
            id: "M6",
            name: "label values (pod)",
            path: "/api/v1/label/pod/values".to_owned(),
            parameters: vec![("start", (start / 1000).to_string()), ("end", (end / 1000).to_string())],
            judged: true,
        },
    ]
}

/// Asks once; what is cached of answers does not count.
pub async fn ask(client: &Client, server: &Server, query: &Query) -> Result<(Duration, Value)> {
    let target = format!("{}{}", server.url, query.path);
    let started = Instant::now();
    let request = client.get(target).query(&query.parameters).query(&[("nocache", "1")]);
    let answer = request.header("cache-control", "no-cache").send().await?;
    let (status, body) = (answer.status(), answer.bytes().await?);
    let took = started.elapsed();
    ensure!(status.is_success(), "{}: {status}: {}", query.id, String::from_utf8_lossy(&body));
    Ok((took, serde_json::from_slice(&body).with_context(|| format!("{}: the answer is no JSON", query.id))?))
}

/// The median of `repeats` after a first one, with the CPU seconds of the server for each.
pub async fn warm(client: &Client, server: &Server, query: &Query, repeats: usize) -> Result<(Latencies, f64)> {
    ask(client, server, query).await?;
    let before = server.cpu_seconds()?;
    let mut latencies = Latencies::default();
    for _ in 0..repeats {
        latencies.add(ask(client, server, query).await?.0);
    }
    Ok((latencies, (server.cpu_seconds()? - before) / repeats as f64))
}

/// The values of an answer by series and time; of a list, its entries.
fn values(answer: &Value) -> Result<Values> {
    let data = answer.get("data").context("no data")?;
    if let Some(list) = data.as_array() {
        return Ok(list.iter().map(|entry| ((String::new(), entry.to_string()), 0.0)).collect());
    }
    let mut found = BTreeMap::new();
    for series in data["result"].as_array().context("no result")? {
        let labels = series["metric"].to_string();
        for point in series["values"].as_array().context("no values")? {
            let value = point[1].as_str().and_then(|text| text.parse().ok()).context("a value that is no number")?;
            found.insert((labels.clone(), point[0].to_string()), value);
        }
    }
    Ok(found)
}

/// The largest difference between two answers, in relation to the values; an error when they are not of the same things.
/// Of series that are in one answer only it compares the values at each time: which of equal ones is among the largest is
/// decided by their last bits.
pub fn difference(one: &Value, other: &Value) -> Result<f64> {
    let (one, other) = (values(one)?, values(other)?);
    ensure!(!one.is_empty(), "an empty answer");
    ensure!(one.len() == other.len(), "{} and {} values", one.len(), other.len());
    let apart = |a: f64, b: f64| if a == b { 0.0 } else { (a - b).abs() / a.abs().max(b.abs()) };
    let common = one.iter().filter_map(|(key, a)| Some(apart(*a, *other.get(key)?)));
    let most = common.fold(0.0, f64::max);
    let (ours, theirs) = (only_in(&one, &other), only_in(&other, &one));
    let mut pairs = ours.iter().zip(&theirs);
    if let Some((ours, theirs)) = pairs.find(|(ours, theirs)| ours.0 != theirs.0 || apart(ours.1, theirs.1) > SAME) {
        bail!("{} at {} is in one answer only, {} at {} in the other", ours.1, ours.0, theirs.1, theirs.0);
    }
    Ok(most)
}

type Values = BTreeMap<(String, String), f64>;

/// Times and values of what the other answer lacks, sorted.
fn only_in<'v>(one: &'v Values, other: &Values) -> Vec<(&'v str, f64)> {
    let missing = one.iter().filter(|(key, _)| !other.contains_key(key));
    let mut found: Vec<(&str, f64)> = missing.map(|((_, at), value)| (at.as_str(), *value)).collect();
    found.sort_by(|a, b| a.0.cmp(b.0).then(a.1.total_cmp(&b.1)));
    found
}

/// Whether an answer is that of Prometheus.
pub fn check(query: &Query, ours: &Value, prometheus: &Value) -> Result<()> {
    let most = difference(ours, prometheus).with_context(|| format!("{} {}", query.id, query.name))?;
    ensure!(most <= SAME, "{} {}: values differ by up to {most:e}", query.id, query.name);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(value: &str) -> Value {
        json!({"data": {"result": [{"metric": {"job": "a"}, "values": [[1, value], [2, "4"]]}]}})
    }

    #[test]
    fn answers_differ_by_the_largest_relative_distance() {
        assert_eq!(difference(&answer("2"), &answer("2")).expect("the same"), 0.0);
        assert_eq!(difference(&answer("2"), &answer("1")).expect("the same series"), 0.5);
        let of =
            |job: &str, value: &str| json!({"data": {"result": [{"metric": {"job": job}, "values": [[1, value]]}]}});
        assert_eq!(difference(&of("a", "2"), &of("b", "2.0000000000000004")).expect("a tie"), 0.0);
        assert!(difference(&of("a", "2"), &of("b", "3")).is_err());
        assert!(difference(&json!({"data": ["a"]}), &json!({"data": ["b"]})).is_err());
        assert!(difference(&json!({"data": ["a"]}), &json!({"data": ["a", "b"]})).is_err());
    }
}
