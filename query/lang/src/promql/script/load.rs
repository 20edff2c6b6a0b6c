//! `load 1m`, and the series below it.

use super::{Lines, Load, LoadSeries, ScriptError, millis};
use crate::promql::series::parse_series;
use gantry_model::LabelSet;

/// A line whose metric ends like this says when counting began.
const STARTS: &str = "@st";
/// Most start times of a series.
const MAX_STARTS: u64 = 1_000_000;

/// `head` is the first line.
pub fn load(head: &str, lines: &mut Lines<'_>) -> Result<Load, ScriptError> {
    let line = lines.at;
    let (word, step) = head.split_once([' ', '\t']).unwrap_or((head, ""));
    let with_nhcb = match word {
        "load" => false,
        "load_with_nhcb" => true,
        _ => return Err(lines.error("invalid load command. (load[_with_nhcb] <step:duration>)")),
    };
    let step = step.trim();
    let step_ms = millis(step).map_err(|error| lines.error(format!("invalid step definition \"{step}\": {error}")))?;
    let mut load = Load { line, step_ms, with_nhcb, series: Vec::new() };
    let mut starts: Option<(LabelSet, Vec<Option<i64>>)> = None;
    while let Some(text) = lines.next_of_block() {
        if let Some((metric, sequence)) = starts_line(text) {
            if starts.is_some() {
                return Err(lines.error("@st line has no following sample line"));
            }
            let (labels, _) = parse_series(metric).map_err(|error| lines.error(error))?;
            let sequence = start_times(sequence).map_err(|error| lines.error(error))?;
            starts = Some((labels, sequence));
            continue;
        }
        let (labels, items) = parse_series(text).map_err(|error| lines.error(error))?;
        let starts = match starts.take() {
            Some((of, _)) if of != labels => {
                return Err(lines.error("@st metric does not match the following sample line metric"));
            }
            Some((_, starts)) => {
                let values = items.iter().fold(0u64, |sum, item| sum.saturating_add(item.count()));
                if starts.len() as u64 != values {
                    let message = format!("@st line has {} values but sample line has {values}", starts.len());
                    return Err(lines.error(message));
                }
                starts
            }
            None => Vec::new(),
        };
        load.series.retain(|other| other.labels != labels);
        load.series.push(LoadSeries { labels, items, starts });
    }
    if starts.is_some() {
        return Err(lines.error("@st line has no following sample line"));
    }
    Ok(load)
}

/// Metric and start times, where the line is about them.
fn starts_line(line: &str) -> Option<(&str, &str)> {
    let (metric, rest) = line.split_once([' ', '\t'])?;
    Some((metric.strip_suffix(STARTS)?, rest.trim()))
}

/// `_ -1m -30s-10sx5`: durations relative to the samples' own times.
fn start_times(text: &str) -> Result<Vec<Option<i64>>, String> {
    let mut times = Vec::new();
    for item in text.split_whitespace() {
        let (first, step, count) = start_item(item).map_err(|error| format!("invalid ST item \"{item}\": {error}"))?;
        if times.len() as u64 + count > MAX_STARTS {
            return Err(format!("a series has at most {MAX_STARTS} start times"));
        }
        times.extend((0..count as i64).map(|at| first.map(|first| first.saturating_add(step.saturating_mul(at)))));
    }
    Ok(times)
}

/// The first time, how much is added for each of the next ones, and how many there are.
fn start_item(item: &str) -> Result<(Option<i64>, i64, u64), String> {
    let (values, times) = match item.split_once('x') {
        Some((values, times)) => {
            let times: u64 = times.parse().map_err(|error| format!("invalid repeat count: {error}"))?;
            (values, Some(times))
        }
        None => (item, None),
    };
    if values == "_" {
        return Ok((None, 0, times.unwrap_or(1)));
    }
    let second = values.char_indices().skip(1).find(|(_, c)| matches!(c, '+' | '-')).map(|(at, _)| at);
    let (first, step) = values.split_at(second.unwrap_or(values.len()));
    let step = if step.is_empty() { 0 } else { signed_millis(step)? };
    if second.is_some() && times.is_none() {
        return Err("expected 'x<count>' after step duration".into());
    }
    Ok((Some(signed_millis(first)?), step, times.unwrap_or(0).saturating_add(1)))
}

fn signed_millis(text: &str) -> Result<i64, String> {
    match text.strip_prefix('-') {
        Some(rest) => Ok(-millis(rest)?),
        None => millis(text.strip_prefix('+').unwrap_or(text)),
    }
}
