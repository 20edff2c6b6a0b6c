//! Answers for many instants, handed out one instant after the other.

use crate::history::{History, HistoryError, Replaces};
use gantry_alerting::{Evaluate, Point, Sample, Value};
use gantry_promql::memory::Memory;
use gantry_promql::{Cell, Series, Steps};
use gantry_query_lang::promql::series::{SeriesValue, WrittenHistogram};
use std::sync::Arc;

/// Most questions to find the instants at which a query fails; after that all instants of a question fail together.
const MAX_SPLITS: u32 = 500;

/// What rules see of time that is past.
pub(crate) struct Past<'h> {
    pub history: &'h mut dyn History,
    pub written: Arc<Memory>,
    pub replaces: Replaces,
}

/// The answer for some instants.
pub(crate) struct Answer {
    pub steps: Steps,
    pub series: Result<Vec<Series>, String>,
}

impl Past<'_> {
    /// Answers for all steps, in order. Where a query fails at some instants only, those are found by halves.
    pub fn ask(&mut self, expr: &str, steps: Steps, splits: &mut u32) -> Result<Vec<Answer>, String> {
        match self.history.range(expr, steps, &self.written, &self.replaces) {
            Ok(series) => Ok(vec![Answer { steps, series: Ok(series) }]),
            Err(HistoryError::Fatal(why)) => Err(why),
            Err(HistoryError::Rule(why)) if steps.count() <= 1 || *splits >= MAX_SPLITS => {
                Ok(vec![Answer { steps, series: Err(why) }])
            }
            Err(HistoryError::Rule(_)) => {
                *splits += 1;
                let last = steps.at(steps.count() / 2 - 1);
                let mut answers = self.ask(expr, Steps { end: last, ..steps }, splits)?;
                answers.extend(self.ask(expr, Steps { start: last + steps.step, ..steps }, splits)?);
                Ok(answers)
            }
        }
    }
}

/// One instant of a rule.
pub(crate) struct Instant<'a, 'h> {
    pub past: &'a mut Past<'h>,
    pub expr: &'a str,
    pub answer: &'a Answer,
    pub step: usize,
    /// Whether somebody reads what the rule writes.
    pub keep: bool,
}

impl Evaluate for Instant<'_, '_> {
    fn instant(&mut self, expr: &str, at_ms: i64) -> Result<Vec<Sample>, String> {
        if expr == self.expr && at_ms == self.answer.steps.at(self.step) {
            return self.answer.series.as_ref().map(|series| samples(series, self.step)).map_err(String::clone);
        }
        // A template asks something else.
        let Past { history, written, replaces } = &mut *self.past;
        let found = history.range(expr, Steps::instant(at_ms), written, replaces).map_err(|error| error.to_string())?;
        Ok(samples(&found, 0))
    }

    fn is_read(&self) -> bool {
        self.keep
    }

    fn append(&mut self, points: Vec<Point>) -> Result<(), String> {
        if !self.keep {
            return Ok(());
        }
        let written = Arc::make_mut(&mut self.past.written);
        for point in points {
            let value = match point.value {
                Value::Number(value) => SeriesValue::Number(value),
                Value::Histogram(histogram) => {
                    SeriesValue::Histogram(WrittenHistogram { histogram: Arc::new(*histogram), hint_is_given: false })
                }
            };
            // As in the store: the first one of an instant counts.
            let _ = written.push(&point.labels, point.at_ms, value);
        }
        Ok(())
    }
}

fn samples(series: &[Series], step: usize) -> Vec<Sample> {
    let sample = |one: &Series| {
        let value = match one.cells.get(step)? {
            Cell::Empty => return None,
            Cell::Float(value) => Value::Number(*value),
            Cell::Histogram(histogram) => Value::Histogram(Box::new((**histogram).clone())),
        };
        Some(Sample { labels: one.labels.clone(), value })
    };
    series.iter().filter_map(sample).collect()
}
