//! The series of a test: they come in as time goes on, so that no rule sees what lies ahead; what rules write is added.

use crate::file::{InputSeries, TestGroup};
use gantry_alerting::{Evaluate, Point, Sample, Value};
use gantry_model::LabelSet;
use gantry_promql::memory::{Memory, values};
use gantry_promql::{Cell, Params, Series, Steps, Value as Answer, evaluate};
use gantry_query_lang::promql::series::{SeriesValue, WrittenHistogram, parse_series};
use gantry_query_lang::promql::{Expr, Options, parse};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

const LOOKBACK_MS: i64 = 5 * 60 * 1000;
const MAX_SAMPLES: u64 = 50_000_000;

/// What rules and queries of a test see.
#[derive(Debug)]
pub(crate) struct TestData {
    memory: Memory,
    coming: Vec<Coming>,
    options: Options,
    subquery_step_ms: i64,
    parsed: HashMap<String, Arc<Expr>>,
}

/// A series that comes in.
#[derive(Debug)]
struct Coming {
    labels: LabelSet,
    next_ms: i64,
    step_ms: i64,
    values: std::vec::IntoIter<SeriesValue>,
}

impl Coming {
    fn new(series: &InputSeries, start_ms: i64, step_ms: i64) -> Result<Self, String> {
        let text = format!("{} {}", series.series, series.values);
        let (labels, items) = parse_series(&text).map_err(|error| error.to_string())?;
        Ok(Coming { labels, next_ms: start_ms, step_ms, values: values(&items)?.into_iter() })
    }

    fn load_until(&mut self, at_ms: i64, memory: &mut Memory) -> Result<(), String> {
        while self.next_ms <= at_ms {
            let Some(value) = self.values.next() else { break };
            let stored = memory.push(&self.labels, self.next_ms, value);
            stored.map_err(|error| format!("{}: {error}", self.labels))?;
            self.next_ms = self.next_ms.saturating_add(self.step_ms);
        }
        Ok(())
    }
}

impl TestData {
    pub fn new(group: &TestGroup, interval_ms: i64, options: Options) -> Result<Self, String> {
        let step_ms = if group.interval_ms == 0 { interval_ms } else { group.interval_ms };
        // Of a series that is given twice the last one counts.
        let mut coming: Vec<Coming> = Vec::new();
        for series in &group.input_series {
            let one = Coming::new(series, group.start_ms, step_ms)?;
            coming.retain(|other| other.labels != one.labels);
            coming.push(one);
        }
        Ok(TestData {
            memory: Memory::default(),
            coming,
            options,
            subquery_step_ms: interval_ms,
            parsed: HashMap::new(),
        })
    }

    pub fn load_until(&mut self, at_ms: i64) -> Result<(), String> {
        self.coming.iter_mut().try_for_each(|series| series.load_until(at_ms, &mut self.memory))
    }

    /// Series with their one value; those of a scalar have no labels.
    pub fn ask(&mut self, text: &str, at_ms: i64) -> Result<Vec<(LabelSet, Cell)>, String> {
        let expr = match self.parsed.get(text) {
            Some(expr) => Arc::clone(expr),
            None => {
                let expr = Arc::new(parse(text, self.options).map_err(|error| error.to_string())?);
                self.parsed.insert(text.to_owned(), Arc::clone(&expr));
                expr
            }
        };
        let params = Params {
            steps: Steps::instant(at_ms),
            instant: true,
            lookback: LOOKBACK_MS,
            subquery_step: self.subquery_step_ms,
            max_samples: MAX_SAMPLES,
            threads: 1,
        };
        let answer = evaluate(&expr, text, params, &self.memory, &AtomicBool::new(false));
        match answer.map_err(|error| error.to_string())?.value {
            Answer::Scalar(values) => Ok(values.into_iter().map(|v| (LabelSet::default(), Cell::Float(v))).collect()),
            Answer::Vector(series) => Ok(series.into_iter().filter_map(first).collect()),
            Answer::String(_) | Answer::Matrix(_) => Err("rule result is not a vector or scalar".to_owned()),
        }
    }
}

fn first(series: Series) -> Option<(LabelSet, Cell)> {
    let cell = series.cells.into_iter().next().filter(|cell| !cell.is_empty())?;
    Some((series.labels, cell))
}

impl Evaluate for TestData {
    fn instant(&mut self, expr: &str, at_ms: i64) -> Result<Vec<Sample>, String> {
        let sample = |(labels, cell)| {
            let value = match cell {
                Cell::Empty => return None,
                Cell::Float(value) => Value::Number(value),
                Cell::Histogram(histogram) => Value::Histogram(Box::new((*histogram).clone())),
            };
            Some(Sample { labels, value })
        };
        Ok(self.ask(expr, at_ms)?.into_iter().filter_map(sample).collect())
    }

    /// What is not newer than the series is left out, as in Prometheus.
    fn append(&mut self, points: Vec<Point>) -> Result<(), String> {
        for point in points {
            let value = match point.value {
                Value::Number(value) => SeriesValue::Number(value),
                Value::Histogram(histogram) => {
                    SeriesValue::Histogram(WrittenHistogram { histogram: Arc::new(*histogram), hint_is_given: false })
                }
            };
            let _ = self.memory.push(&point.labels, point.at_ms, value);
        }
        Ok(())
    }
}
