//! The queries of the benchmark: asked over Loki's HTTP API, and checked against the generator's truth.
//!
//! Start with [`all`], the list; [`ask`] measures one answer. `check` holds the comparisons.

mod check;

use crate::corpus::truth::Truth;
use crate::corpus::{HOUR_NS, START_NS};
use crate::stats::Latencies;
use anyhow::{Context, Result, ensure};
use reqwest::Client;
use serde_json::Value;
use std::time::{Duration, Instant};

/// What a warm run of a query may take, as a share of the time of `grep -c -F` over the raw lines.
const ORDINARY: f64 = 3.0;
const NEEDLE: f64 = 0.5;

const EVERYTHING: &str = r#"{app=~".+"}"#;

/// One question with the check of its answer.
#[derive(Debug)]
pub struct Query {
    pub name: &'static str,
    /// The target for the warm time, in times of `grep -c -F`.
    pub target: f64,
    path: &'static str,
    parameters: Vec<(&'static str, String)>,
    check: fn(&Value, &Truth) -> Result<()>,
}

/// How long a query took.
#[derive(Debug)]
pub struct Answered {
    pub name: &'static str,
    pub target: f64,
    pub cold: Option<Duration>,
    pub warm: Latencies,
}

/// The eight queries, the rare word counted as two: ten lines in a million, and three in all.
pub fn all(truth: &Truth) -> Vec<Query> {
    let filtered = |filter: &str, text: &str| format!("{EVERYTHING} {filter} {text:?}");
    let errors = filtered("|=", "error");
    vec![
        Query {
            name: "Q1 count per minute by app, over all",
            target: ORDINARY,
            path: "query_range",
            parameters: per_minute(format!("sum by (app) (count_over_time({EVERYTHING}[1m]))")),
            check: check::per_minute_by_app,
        },
        Query {
            name: "Q2 rare word, 10 in a million",
            target: NEEDLE,
            path: "query_range",
            parameters: lines(filtered("|=", &truth.needle), 1000),
            check: check::needle,
        },
        Query {
            name: "Q2b rare word, 3 in all",
            target: NEEDLE,
            path: "query_range",
            parameters: lines(filtered("|=", &truth.rare_needle), 1000),
            check: check::rare_needle,
        },
        Query {
            name: "Q3 trace id",
            target: NEEDLE,
            path: "query_range",
            parameters: lines(filtered("|=", &truth.trace), 1000),
            check: check::trace,
        },
        Query {
            name: "Q4 regex, last 100",
            target: ORDINARY,
            path: "query_range",
            parameters: lines(filtered("|~", &truth.pattern), 100),
            check: check::pattern,
        },
        Query {
            name: "Q5 last 1000 lines of one pod",
            target: ORDINARY,
            path: "query_range",
            parameters: lines(format!("{{pod={:?}}}", truth.pod), 1000),
            check: check::pod,
        },
        Query {
            name: "Q6 label values (pod)",
            target: ORDINARY,
            path: "label/pod/values",
            parameters: vec![("start", START_NS.to_string()), ("end", (START_NS + HOUR_NS).to_string())],
            check: check::pods,
        },
        Query {
            name: "Q7 top 10 apps by errors",
            target: ORDINARY,
            path: "query",
            parameters: vec![
                ("query", format!("topk(10, sum by (app) (count_over_time({errors}[1h])))")),
                ("time", (START_NS + HOUR_NS).to_string()),
            ],
            check: check::top_apps,
        },
        Query {
            name: "Q8 rate of error by namespace",
            target: ORDINARY,
            path: "query_range",
            parameters: per_minute(format!("sum by (namespace) (rate({errors}[1m]))")),
            check: check::error_rate,
        },
    ]
}

fn per_minute(query: String) -> Vec<(&'static str, String)> {
    vec![
        ("query", query),
        ("start", (START_NS + HOUR_NS / 60).to_string()),
        ("end", (START_NS + HOUR_NS).to_string()),
        ("step", "60s".to_owned()),
    ]
}

fn lines(query: String, limit: u32) -> Vec<(&'static str, String)> {
    vec![
        ("query", query),
        ("start", START_NS.to_string()),
        ("end", (START_NS + HOUR_NS).to_string()),
        ("limit", limit.to_string()),
        ("direction", "backward".to_owned()),
    ]
}

/// Asks once, until the last byte of the answer has arrived, and then checks it.
pub async fn ask(client: &Client, url: &str, query: &Query, truth: &Truth) -> Result<Duration> {
    let started = Instant::now();
    let target = format!("{}/loki/api/v1/{}", url.trim_end_matches('/'), query.path);
    let answer = client.get(target).query(&query.parameters).send().await?;
    let (status, body) = (answer.status(), answer.bytes().await?);
    let took = started.elapsed();
    ensure!(status.is_success(), "{}: {status}: {}", query.name, String::from_utf8_lossy(&body));
    let value: Value = serde_json::from_slice(&body).with_context(|| format!("{}: no JSON", query.name))?;
    (query.check)(&value, truth).with_context(|| format!("{}: wrong answer", query.name))?;
    Ok(took)
}

/// Asks each query `repeats` times after one more that warms it up.
pub async fn warm(client: &Client, url: &str, truth: &Truth, repeats: usize) -> Result<Vec<Answered>> {
    let mut all = Vec::new();
    for query in self::all(truth) {
        let first = ask(client, url, &query, truth).await?;
        let mut warm = Latencies::default();
        for _ in 0..repeats {
            warm.add(ask(client, url, &query, truth).await?);
        }
        all.push(Answered { name: query.name, target: query.target, cold: Some(first), warm });
    }
    Ok(all)
}
