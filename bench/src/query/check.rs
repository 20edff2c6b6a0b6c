//! Comparisons of answers with the truth: equal when every line is in, and never more than it while lines come in.

use crate::corpus::START_NS;
use crate::corpus::truth::{PerMinute, Truth};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::collections::BTreeMap;

mod partial;

pub use partial::*;

pub fn per_minute_by_app(answer: &Value, truth: &Truth) -> Result<()> {
    matrix(answer, "app", &truth.per_minute_by_app, 1.0)
}

pub fn error_rate(answer: &Value, truth: &Truth) -> Result<()> {
    matrix(answer, "namespace", &truth.errors_per_minute_by_namespace, 60.0)
}

pub fn needle(answer: &Value, truth: &Truth) -> Result<()> {
    same_times(&times(answer)?, &truth.needle_times)
}

pub fn rare_needle(answer: &Value, truth: &Truth) -> Result<()> {
    same_times(&times(answer)?, &truth.rare_needle_times)
}

pub fn trace(answer: &Value, truth: &Truth) -> Result<()> {
    same_times(&times(answer)?, &truth.trace_times)
}

pub fn pattern(answer: &Value, truth: &Truth) -> Result<()> {
    same_times(&times(answer)?, &truth.pattern_last)
}

pub fn pod(answer: &Value, truth: &Truth) -> Result<()> {
    same_times(&times(answer)?, &truth.pod_last)
}

pub fn pods(answer: &Value, truth: &Truth) -> Result<()> {
    let got: Vec<&str> = answer["data"].as_array().context("no data")?.iter().filter_map(Value::as_str).collect();
    ensure!(got.iter().eq(truth.pods.iter()), "{} pods, want {}", got.len(), truth.pods.len());
    Ok(())
}

pub fn pattern_count(answer: &Value, truth: &Truth) -> Result<()> {
    let got = single(answer)?;
    ensure!(got == Some(truth.pattern_matches as f64), "{got:?} lines, want {}", truth.pattern_matches);
    Ok(())
}

/// The one value of a vector; nothing when it is empty.
fn single(answer: &Value) -> Result<Option<f64>> {
    let series = result(answer, "vector")?;
    ensure!(series.len() <= 1, "{} series, want one", series.len());
    series.first().map(|series| number(&series["value"][1])).transpose()
}

/// Ten series, the largest counts; which of several equal ones closes the list is open.
pub fn top_apps(answer: &Value, truth: &Truth) -> Result<()> {
    let mut got = Vec::new();
    for series in result(answer, "vector")? {
        let app = series["metric"]["app"].as_str().context("a series without app")?;
        let count = number(&series["value"][1])?;
        ensure!(truth.errors_by_app.get(app).map(|n| *n as f64) == Some(count), "{app}: {count} errors");
        got.push(count as u64);
    }
    let mut want: Vec<u64> = truth.errors_by_app.values().copied().collect();
    want.sort_unstable_by(|a, b| b.cmp(a));
    want.truncate(10);
    got.sort_unstable_by(|a, b| b.cmp(a));
    ensure!(got == want, "the counts are {got:?}, want {want:?}");
    Ok(())
}

fn result<'a>(answer: &'a Value, kind: &str) -> Result<&'a Vec<Value>> {
    ensure!(answer["data"]["resultType"] == kind, "resultType is {}, want {kind}", answer["data"]["resultType"]);
    answer["data"]["result"].as_array().context("no result")
}

fn number(value: &Value) -> Result<f64> {
    value.as_str().context("a value that is no string")?.parse().context("a value that is no number")
}

/// The times of all entries of all streams, oldest first.
fn times(answer: &Value) -> Result<Vec<u64>> {
    let mut times = Vec::new();
    for stream in result(answer, "streams")? {
        for entry in stream["values"].as_array().context("a stream without values")? {
            times.push(entry[0].as_str().context("a time that is no string")?.parse()?);
        }
    }
    times.sort_unstable();
    Ok(times)
}

fn same_times(got: &[u64], want: &[u64]) -> Result<()> {
    if got != want {
        bail!("{} lines from {:?} on, want {} from {:?} on", got.len(), got.first(), want.len(), want.first());
    }
    Ok(())
}

type Samples<'a> = BTreeMap<&'a str, BTreeMap<u64, f64>>;

/// By the value of `label` and by seconds since 1970.
fn samples<'a>(answer: &'a Value, label: &str) -> Result<Samples<'a>> {
    let mut got = Samples::new();
    for series in result(answer, "matrix")? {
        let name = series["metric"][label].as_str().with_context(|| format!("a series without {label}"))?;
        let samples = got.entry(name).or_default();
        for sample in series["values"].as_array().context("a series without values")? {
            let at = sample[0].as_f64().context("a sample without time")?;
            samples.insert(at as u64, number(&sample[1])?);
        }
    }
    Ok(got)
}

/// One series for each label value, each minute's count divided by `per`; minutes without lines have no sample.
fn matrix(answer: &Value, label: &str, truth: &PerMinute, per: f64) -> Result<()> {
    let got = samples(answer, label)?;
    ensure!(got.len() == truth.len(), "{} series, want {}", got.len(), truth.len());
    for (name, minutes) in truth {
        let samples = got.get(name.as_str()).with_context(|| format!("no series for {name}"))?;
        let want = minutes.iter().enumerate().filter(|(_, count)| **count > 0);
        ensure!(samples.len() == want.clone().count(), "{name}: {} samples", samples.len());
        for (minute, count) in want {
            let at = START_NS / 1_000_000_000 + (minute as u64 + 1) * 60;
            let (got, want) = (samples.get(&at).copied().unwrap_or(-1.0), *count as f64 / per);
            ensure!((got - want).abs() <= 1e-9 * want, "{name} at {at}: {got}, want {want}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn minutes(first: u64, second: u64) -> Vec<u64> {
        let mut all = vec![0; 60];
        (all[0], all[1]) = (first, second);
        all
    }

    #[test]
    fn a_matrix_must_hold_every_minute_with_lines_and_no_other() {
        let truth = PerMinute::from([("a".to_owned(), minutes(3, 0)), ("b".to_owned(), minutes(6, 12))]);
        let start = START_NS / 1_000_000_000;
        let answer = |second: &str| {
            json!({"data": {"resultType": "matrix", "result": [
                {"metric": {"app": "a"}, "values": [[start + 60, "0.05"]]},
                {"metric": {"app": "b"}, "values": [[start + 60, "0.1"], [start + 120, second]]},
            ]}})
        };
        assert!(matrix(&answer("0.2"), "app", &truth, 60.0).is_ok());
        assert!(matrix(&answer("0.3"), "app", &truth, 60.0).is_err());
    }

    #[test]
    fn lines_are_compared_by_their_times_whatever_their_stream() {
        let answer = json!({"data": {"resultType": "streams", "result": [
            {"stream": {}, "values": [["30", "c"], ["10", "a"]]}, {"stream": {}, "values": [["20", "b"]]},
        ]}});
        let times = times(&answer).expect("three entries");
        assert!(same_times(&times, &[10, 20, 30]).is_ok());
        assert!(same_times(&times, &[10, 20]).is_err());
    }
}
