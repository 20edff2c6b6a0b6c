//! Samples in memory, as a [`Source`]: of unit tests, and of what rules wrote while history is replayed.

use crate::histogram::{add, is_reset, sub};
use crate::{Select, SeriesSet, Source, SourceError};
use gantry_model::LabelSet;
use gantry_model::metric::{NativeHistogram, ResetHint, Samples};
use gantry_query_lang::promql::series::{SeriesItem, SeriesValue, expand};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Series with their samples, which are appended in order of time.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    series: BTreeMap<LabelSet, Samples>,
}

/// A sample that is not newer than the last one of its series: one instant has one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the series has a sample at this time or a later one")]
pub struct NotNewer;

impl Memory {
    /// Appends a sample, and gives a histogram the hint that Prometheus' store gives it: a counter that goes on was not reset;
    /// of others nothing is known unless it was given.
    ///
    /// # Errors
    /// There is one of this time or later, which stays.
    pub fn push(&mut self, labels: &LabelSet, at_ms: i64, value: SeriesValue) -> Result<(), NotNewer> {
        if value == SeriesValue::Omitted {
            return Ok(());
        }
        if !self.series.contains_key(labels) {
            self.series.insert(labels.clone(), Samples::default());
        }
        let samples = self.series.get_mut(labels).expect("it was just put there");
        let (number, histogram) = (samples.timestamps.last().copied(), samples.histograms.last());
        let before = histogram.map(|(at, _)| *at);
        if number.max(before).is_some_and(|last| last >= at_ms) {
            return Err(NotNewer);
        }
        match value {
            SeriesValue::Omitted => {}
            SeriesValue::Number(value) => samples.push(at_ms, value),
            SeriesValue::Histogram(written) => {
                let follows = histogram.filter(|_| number < before && !written.hint_is_given);
                let one =
                    follows.map_or_else(|| written.histogram.clone(), |(_, last)| hinted(last, &written.histogram));
                samples.histograms.push((at_ms, one));
            }
        }
        Ok(())
    }

    /// How many samples there are.
    pub fn samples(&self) -> usize {
        self.series.values().map(Samples::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Forgets samples before an instant, and series that have none left.
    pub fn forget_before(&mut self, at_ms: i64) {
        self.series.retain(|_, samples| {
            let numbers = samples.timestamps.partition_point(|at| *at < at_ms);
            samples.timestamps.drain(..numbers);
            samples.values.drain(..numbers);
            samples.histograms.drain(..samples.histograms.partition_point(|(at, _)| *at < at_ms));
            !samples.is_empty()
        });
    }
}

fn hinted(last: &NativeHistogram, one: &Arc<NativeHistogram>) -> Arc<NativeHistogram> {
    if one.reset_hint == ResetHint::Gauge || last.reset_hint == ResetHint::Gauge {
        return Arc::clone(one);
    }
    let bare = NativeHistogram { reset_hint: ResetHint::Unknown, ..(**one).clone() };
    let hint = if is_reset(&bare, last) { ResetHint::Unknown } else { ResetHint::NoReset };
    Arc::new(NativeHistogram { reset_hint: hint, ..bare })
}

/// The values of a series that is written by hand.
///
/// # Errors
/// There are too many, or histograms that cannot be added.
pub fn values(items: &[SeriesItem]) -> Result<Vec<SeriesValue>, String> {
    expand(items, &|a, b, subtract| {
        let result = if subtract { sub(a, b) } else { add(a, b) };
        result.map(|result| result.histogram).map_err(|error| error.to_string())
    })
}

struct Found {
    labels: Vec<LabelSet>,
    samples: Vec<Samples>,
}

impl SeriesSet for Found {
    fn labels(&self) -> &[LabelSet] {
        &self.labels
    }

    fn read(&self, series: usize, into: &mut Samples) -> Result<(), SourceError> {
        into.clone_from(&self.samples[series]);
        Ok(())
    }
}

impl Source for Memory {
    fn select(&self, request: &Select) -> Result<Arc<dyn SeriesSet>, SourceError> {
        let found = self.series.iter().filter(|(labels, _)| request.selector.matches(labels));
        let found = found.map(|(labels, samples)| (labels.clone(), within(samples, request)));
        let (labels, samples) = found.filter(|(_, samples)| !samples.is_empty()).unzip();
        Ok(Arc::new(Found { labels, samples }))
    }

    fn take_memory(&self, _: usize) -> bool {
        true
    }
}

fn within(samples: &Samples, request: &Select) -> Samples {
    let (first, last) = (request.first_ms, request.last_ms);
    let from = samples.timestamps.partition_point(|at| *at < first);
    let to = samples.timestamps.partition_point(|at| *at <= last).max(from);
    let histograms = samples.histograms.iter().filter(|(at, _)| (first..=last).contains(at));
    Samples {
        timestamps: samples.timestamps[from..to].to_vec(),
        values: samples.values[from..to].to_vec(),
        histograms: histograms.cloned().collect(),
    }
}
