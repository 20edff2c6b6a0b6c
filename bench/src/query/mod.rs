//! The queries of the benchmark: asked over Loki's HTTP API, and checked against the generator's truth.
//!
//! Start with [`all`], the list; [`ask`] measures one answer. `check` holds the comparisons, `clients` the queries that
//! run beside a load.

mod check;
pub mod clients;

use crate::corpus::truth::Truth;
use crate::corpus::{HOUR_NS, START_NS};
use crate::stats::Latencies;
use anyhow::{Context, Result, ensure};
use reqwest::Client;
use serde_json::Value;
use std::fmt;
use std::time::{Duration, Instant};

const EVERYTHING: &str = r#"{app=~".+"}"#;
/// From how many lines on the targets of the large size hold.
pub const LARGE: u64 = 10_000_000;

/// What the median of the warm runs may take.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// Times of `grep -c -F` over the raw lines.
    Grep(f64),
    Millis(f64),
    /// Measured for the record.
    Open,
}

impl Target {
    /// Whether it is met; nothing when there is none.
    pub fn met(self, took_ms: f64, grep_ms: f64) -> Option<bool> {
        match self {
            Target::Grep(times) => Some(took_ms <= times * grep_ms),
            Target::Millis(ms) => Some(took_ms <= ms),
            Target::Open => None,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Grep(times) => write!(f, "{times} x"),
            Target::Millis(ms) => write!(f, "{ms} ms"),
            Target::Open => Ok(()),
        }
    }
}

/// One question with the check of its answer.
#[derive(Debug)]
pub struct Query {
    /// Such as `Q4`.
    pub id: &'static str,
    pub name: &'static str,
    pub target: Target,
    path: &'static str,
    parameters: Vec<(&'static str, String)>,
    check: fn(&Value, &Truth) -> Result<()>,
    /// What holds already while the lines come in.
    partial: fn(&Value, &Truth) -> Result<()>,
}

/// How long a query took.
#[derive(Debug)]
pub struct Answered {
    pub id: &'static str,
    pub name: &'static str,
    pub target: Target,
    pub cold: Option<Duration>,
    pub warm: Latencies,
}

/// All queries; the rare word is counted as two: ten lines in a million, and three in all.
pub fn all(truth: &Truth) -> Vec<Query> {
    lines_of(truth).into_iter().chain(counts_of(truth)).collect()
}

/// Those whose id is in `only`, or all when it is empty.
pub fn chosen(truth: &Truth, only: &[String]) -> Result<Vec<Query>> {
    let known: Vec<&str> = all(truth).iter().map(|query| query.id).collect();
    let unknown = only.iter().find(|id| !known.iter().any(|known| known.eq_ignore_ascii_case(id)));
    ensure!(unknown.is_none(), "there is no query {}: choose of {}", unknown.map_or("", |id| id), known.join(", "));
    let wanted = |query: &Query| only.is_empty() || only.iter().any(|id| id.eq_ignore_ascii_case(query.id));
    Ok(all(truth).into_iter().filter(wanted).collect())
}

/// The targets at one million lines and at ten.
fn by_size(truth: &Truth, million: f64, ten_millions: f64) -> Target {
    Target::Grep(if truth.lines >= LARGE { ten_millions } else { million })
}

fn filtered(filter: &str, text: &str) -> String {
    format!("{EVERYTHING} {filter} {text:?}")
}

/// Queries that answer lines.
fn lines_of(truth: &Truth) -> Vec<Query> {
    vec![
        Query {
            id: "Q2",
            name: "rare word, 10 in a million",
            target: Target::Grep(0.05),
            path: "query_range",
            parameters: lines(filtered("|=", &truth.needle), 1000),
            check: check::needle,
            partial: check::some_needles,
        },
        Query {
            id: "Q2b",
            name: "rare word, 3 in all",
            target: Target::Grep(0.05),
            path: "query_range",
            parameters: lines(filtered("|=", &truth.rare_needle), 1000),
            check: check::rare_needle,
            partial: check::some_rare_needles,
        },
        Query {
            id: "Q3",
            name: "trace id",
            target: Target::Grep(0.05),
            path: "query_range",
            parameters: lines(filtered("|=", &truth.trace), 1000),
            check: check::trace,
            partial: check::some_of_the_trace,
        },
        Query {
            id: "Q4",
            name: "regex, last 100",
            target: by_size(truth, 0.2, 0.04),
            path: "query_range",
            parameters: lines(filtered("|~", &truth.pattern), 100),
            check: check::pattern,
            partial: check::some_of_the_pattern,
        },
        Query {
            id: "Q5",
            name: "last 1000 lines of one pod",
            target: by_size(truth, 0.1, 0.03),
            path: "query_range",
            parameters: lines(format!("{{pod={:?}}}", truth.pod), 1000),
            check: check::pod,
            partial: check::some_of_the_pod,
        },
    ]
}

/// Queries that count, and the label values.
fn counts_of(truth: &Truth) -> Vec<Query> {
    let errors = filtered("|=", "error");
    let pattern = filtered("|~", &truth.pattern);
    vec![
        Query {
            id: "Q1",
            name: "count per minute by app, over all",
            target: Target::Grep(0.3),
            path: "query_range",
            parameters: per_minute(format!("sum by (app) (count_over_time({EVERYTHING}[1m]))")),
            check: check::per_minute_by_app,
            partial: check::at_most_per_minute_by_app,
        },
        Query {
            id: "Q4c",
            name: "regex, count of all",
            target: Target::Open,
            path: "query",
            parameters: over_the_hour(format!("sum(count_over_time({pattern}[1h]))")),
            check: check::pattern_count,
            partial: check::at_most_the_pattern_count,
        },
        Query {
            id: "Q6",
            name: "label values (pod)",
            target: Target::Millis(3.0),
            path: "label/pod/values",
            parameters: vec![("start", START_NS.to_string()), ("end", (START_NS + HOUR_NS).to_string())],
            check: check::pods,
            partial: check::some_pods,
        },
        Query {
            id: "Q7",
            name: "top 10 apps by errors",
            target: Target::Grep(1.0),
            path: "query",
            parameters: over_the_hour(format!("topk(10, sum by (app) (count_over_time({errors}[1h])))")),
            check: check::top_apps,
            partial: check::at_most_the_errors,
        },
        Query {
            id: "Q8",
            name: "rate of error by namespace",
            target: Target::Grep(1.0),
            path: "query_range",
            parameters: per_minute(format!("sum by (namespace) (rate({errors}[1m]))")),
            check: check::error_rate,
            partial: check::at_most_the_error_rate,
        },
    ]
}

/// Evaluated at the end of the hour.
fn over_the_hour(query: String) -> Vec<(&'static str, String)> {
    vec![("query", query), ("time", (START_NS + HOUR_NS).to_string())]
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

/// Asks once, until the last byte of the answer has arrived, and then checks it. A cache of results is passed by.
pub async fn ask(client: &Client, url: &str, query: &Query, truth: &Truth) -> Result<Duration> {
    let (took, value) = answer(client, url, query).await?;
    (query.check)(&value, truth).with_context(|| format!("{}: wrong answer", query.id))?;
    Ok(took)
}

async fn answer(client: &Client, url: &str, query: &Query) -> Result<(Duration, Value)> {
    let started = Instant::now();
    let target = format!("{}/loki/api/v1/{}", url.trim_end_matches('/'), query.path);
    let request = client.get(target).query(&query.parameters).header("cache-control", "no-cache");
    let answer = request.send().await.with_context(|| format!("{}: no answer", query.id))?;
    let (status, body) = (answer.status(), answer.bytes().await?);
    let took = started.elapsed();
    ensure!(status.is_success(), "{}: {status}: {}", query.id, String::from_utf8_lossy(&body));
    Ok((took, serde_json::from_slice(&body).with_context(|| format!("{}: no JSON", query.id))?))
}

/// Asks each query `repeats` times after one more that warms it up.
pub async fn warm(
    client: &Client,
    url: &str,
    truth: &Truth,
    queries: &[Query],
    repeats: usize,
) -> Result<Vec<Answered>> {
    let mut all = Vec::new();
    for query in queries {
        let first = ask(client, url, query, truth).await?;
        let mut warm = Latencies::default();
        for _ in 0..repeats {
            warm.add(ask(client, url, query, truth).await?);
        }
        all.push(Answered { id: query.id, name: query.name, target: query.target, cold: Some(first), warm });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_share_of_grep_or_a_time_of_its_own() {
        assert_eq!(Target::Grep(0.05).met(5.0, 100.0), Some(true));
        assert_eq!(Target::Grep(0.05).met(5.1, 100.0), Some(false));
        assert_eq!(Target::Millis(3.0).met(3.1, 1e6), Some(false));
        assert_eq!(Target::Open.met(1e9, 1.0), None);
    }
}
