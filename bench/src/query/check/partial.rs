//! What an answer must be while lines still come in: a part of the truth, and nothing else.

use super::{number, result, samples, single, times};
use crate::corpus::START_NS;
use crate::corpus::truth::{PerMinute, Truth};
use anyhow::{Context, Result, ensure};
use regex::Regex;
use serde_json::Value;

pub fn some_needles(answer: &Value, truth: &Truth) -> Result<()> {
    some_times(&times(answer)?, &truth.needle_times)
}

pub fn some_rare_needles(answer: &Value, truth: &Truth) -> Result<()> {
    some_times(&times(answer)?, &truth.rare_needle_times)
}

pub fn some_of_the_trace(answer: &Value, truth: &Truth) -> Result<()> {
    some_times(&times(answer)?, &truth.trace_times)
}

/// Every line matches the pattern.
pub fn some_of_the_pattern(answer: &Value, truth: &Truth) -> Result<()> {
    let pattern = Regex::new(&truth.pattern)?;
    let streams = result(answer, "streams")?;
    let mut lines = streams.iter().filter_map(|stream| stream["values"].as_array()).flatten();
    let foreign = lines.find(|line| !line[1].as_str().is_some_and(|text| pattern.is_match(text)));
    ensure!(foreign.is_none(), "a line that does not match: {foreign:?}");
    Ok(())
}

/// Every line is of the pod.
pub fn some_of_the_pod(answer: &Value, truth: &Truth) -> Result<()> {
    let foreign = result(answer, "streams")?.iter().find(|stream| stream["stream"]["pod"] != truth.pod.as_str());
    ensure!(foreign.is_none(), "another pod: {foreign:?}");
    Ok(())
}

pub fn some_pods(answer: &Value, truth: &Truth) -> Result<()> {
    let foreign = answer["data"].as_array().map(Vec::as_slice).unwrap_or_default().iter();
    let foreign = foreign.filter_map(Value::as_str).find(|pod| !truth.pods.contains(*pod));
    ensure!(foreign.is_none(), "a pod that does not exist: {foreign:?}");
    Ok(())
}

pub fn at_most_the_pattern_count(answer: &Value, truth: &Truth) -> Result<()> {
    let got = single(answer)?.unwrap_or_default();
    ensure!(got <= truth.pattern_matches as f64, "{got} lines, at most {}", truth.pattern_matches);
    Ok(())
}

pub fn at_most_the_errors(answer: &Value, truth: &Truth) -> Result<()> {
    for series in result(answer, "vector")? {
        let app = series["metric"]["app"].as_str().context("a series without app")?;
        let (count, most) = (number(&series["value"][1])?, truth.errors_by_app.get(app).copied().unwrap_or_default());
        ensure!(count <= most as f64, "{app}: {count} errors, at most {most}");
    }
    Ok(())
}

pub fn at_most_per_minute_by_app(answer: &Value, truth: &Truth) -> Result<()> {
    at_most(answer, "app", &truth.per_minute_by_app, 1.0)
}

pub fn at_most_the_error_rate(answer: &Value, truth: &Truth) -> Result<()> {
    at_most(answer, "namespace", &truth.errors_per_minute_by_namespace, 60.0)
}

fn at_most(answer: &Value, label: &str, truth: &PerMinute, per: f64) -> Result<()> {
    for (name, samples) in samples(answer, label)? {
        let minutes = truth.get(name).with_context(|| format!("a series for {name}"))?;
        for (at, value) in samples {
            let minute = (at.saturating_sub(START_NS / 1_000_000_000) / 60).checked_sub(1);
            let most = minute.and_then(|minute| minutes.get(minute as usize)).copied().unwrap_or_default() as f64 / per;
            ensure!(value <= most * (1.0 + 1e-9), "{name} at {at}: {value}, at most {most}");
        }
    }
    Ok(())
}

fn some_times(got: &[u64], all: &[u64]) -> Result<()> {
    let twice = got.windows(2).find(|pair| pair[0] == pair[1]);
    ensure!(twice.is_none(), "a line twice: {twice:?}");
    let foreign = got.iter().find(|at| !all.contains(at));
    ensure!(foreign.is_none(), "a line that should not be there, at {foreign:?}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_part_of_the_lines_is_right_and_a_repeated_or_foreign_one_is_not() {
        assert!(some_times(&[], &[1, 2]).is_ok() && some_times(&[2], &[1, 2]).is_ok());
        assert!(some_times(&[2, 2], &[1, 2]).is_err() && some_times(&[3], &[1, 2]).is_err());
    }

    #[test]
    fn a_count_may_be_behind_and_never_ahead() {
        let truth = PerMinute::from([("a".to_owned(), vec![6; 60])]);
        let at = START_NS / 1_000_000_000 + 60;
        let answer = |value: &str| {
            let series = json!({"metric": {"app": "a"}, "values": [[at, value]]});
            json!({"data": {"resultType": "matrix", "result": [series]}})
        };
        assert!(at_most(&answer("5"), "app", &truth, 1.0).is_ok());
        assert!(at_most(&answer("7"), "app", &truth, 1.0).is_err());
    }
}
