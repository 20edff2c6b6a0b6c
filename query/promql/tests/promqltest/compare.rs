//! Whether an answer is what a script expects.

use gantry_model::LabelSet;
use gantry_promql::{Answer, Cell, Value};
use gantry_query_lang::promql::script::{Eval, Expected, Match};
use gantry_query_lang::promql::series::{SeriesItem, SeriesValue, expand};
use std::collections::BTreeSet;

pub fn check(eval: &Eval, answer: Result<Answer, String>) -> Result<(), String> {
    let answer = match (&eval.fail, answer) {
        (Some(wanted), Err(message)) if wanted.matches(&message) => return Ok(()),
        (Some(wanted), Err(message)) => return Err(format!("fails with {message:?}, not as {wanted:?}")),
        (Some(wanted), Ok(_)) => return Err(format!("does not fail as {wanted:?}")),
        (None, Err(message)) => return Err(format!("fails: {message}")),
        (None, Ok(answer)) => answer,
    };
    annotated("warning", &eval.warn, eval.no_warn, &answer.annotations.warnings)?;
    annotated("info", &eval.info, eval.no_info, &answer.annotations.infos)?;
    values(eval, answer.value)
}

fn annotated(kind: &str, wanted: &[Match], none: bool, given: &BTreeSet<String>) -> Result<(), String> {
    if none && !given.is_empty() {
        return Err(format!("unexpected {kind}: {given:?}"));
    }
    if let Some(missing) = wanted.iter().find(|wanted| !given.iter().any(|text| wanted.matches(text))) {
        return Err(format!("no {kind} like {missing:?}, but {given:?}"));
    }
    match given.iter().find(|text| !wanted.is_empty() && !wanted.iter().any(|wanted| wanted.matches(text))) {
        Some(more) => Err(format!("unexpected {kind}: {more}")),
        None => Ok(()),
    }
}

fn values(eval: &Eval, value: Value) -> Result<(), String> {
    match (&eval.expected, value) {
        (Expected::Scalar(wanted), Value::Scalar(given)) => {
            if given.len() == 1 && close(*wanted, given[0]) {
                Ok(())
            } else {
                Err(format!("{wanted} expected: {given:?}"))
            }
        }
        (Expected::String(wanted), Value::String(given)) => {
            if *wanted == given {
                Ok(())
            } else {
                Err(format!("{wanted:?} expected: {given:?}"))
            }
        }
        (Expected::Series(wanted), Value::Vector(given)) => {
            let given = given.into_iter().map(|series| (series.labels, series.cells)).collect();
            series(wanted, given, eval.ordered)
        }
        (Expected::Series(wanted), Value::Scalar(given)) => {
            let cells = given.into_iter().map(Cell::Float).collect();
            series(wanted, vec![(LabelSet::default(), cells)], false)
        }
        (Expected::RangeVector { start, step, series: wanted, .. }, Value::Matrix(given)) => {
            let placed = |(labels, samples): (LabelSet, Vec<(i64, Cell)>)| {
                let last = samples.last().map_or(0, |(time, _)| (time - start) / step + 1);
                let mut cells = vec![Cell::Empty; last.max(0) as usize];
                for (time, cell) in samples {
                    if let Some(slot) = cells.get_mut(((time - start) / step) as usize) {
                        *slot = cell;
                    }
                }
                (labels, cells)
            };
            series(wanted, given.into_iter().map(placed).collect(), false)
        }
        (wanted, given) => Err(format!("{wanted:?} expected: {given:?}")),
    }
}

type Row = (LabelSet, Vec<Cell>);

fn series(wanted: &[(LabelSet, Vec<SeriesItem>)], given: Vec<Row>, ordered: bool) -> Result<(), String> {
    let wanted: Vec<Row> = wanted.iter().map(|(labels, items)| (labels.clone(), cells(items))).collect();
    if wanted.len() != given.len() {
        return Err(format!("{} series expected: {wanted:?}\n    {} found: {given:?}", wanted.len(), given.len()));
    }
    for (at, (labels, cells)) in wanted.iter().enumerate() {
        let found = if ordered {
            Some(&given[at]).filter(|(other, _)| other == labels)
        } else {
            given.iter().find(|(other, _)| other == labels)
        };
        let Some((_, found)) = found else {
            return Err(format!("{labels} is missing (or not at its place): {given:?}"));
        };
        let width = cells.len().max(found.len());
        for step in 0..width {
            let (wanted, found) = (cells.get(step).unwrap_or(&Cell::Empty), found.get(step).unwrap_or(&Cell::Empty));
            let same = match (wanted, found) {
                (Cell::Float(wanted), Cell::Float(found)) => close(*wanted, *found),
                (wanted, found) => wanted == found,
            };
            if !same {
                return Err(format!("{labels} step {step}: {wanted:?} expected, {found:?} found"));
            }
        }
    }
    Ok(())
}

fn cells(items: &[SeriesItem]) -> Vec<Cell> {
    let combine = crate::combine;
    let values = expand(items, &combine).unwrap_or_default();
    let cell = |value| match value {
        SeriesValue::Omitted => Cell::Empty,
        SeriesValue::Number(value) => Cell::Float(value),
        SeriesValue::Histogram(written) => Cell::Histogram(written.histogram),
    };
    values.into_iter().map(cell).collect()
}

/// Within 1e-6 of each other, as in Prometheus.
fn close(a: f64, b: f64) -> bool {
    if a == b || a.is_nan() && b.is_nan() {
        return true;
    }
    let distance = (a - b).abs();
    distance < f64::MIN_POSITIVE * 1e-6 || distance / (a.abs() + b.abs()).min(f64::MAX) < 1e-6
}
