//! [`Windows`]: the samples of one series that a range holds, step by step. Both edges only move forward.

use gantry_model::metric::{NativeHistogram, Samples};
use std::sync::Arc;

/// The samples of one series in one range, without stale markers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window<'a> {
    /// Milliseconds and values of the numbers.
    pub times: &'a [i64],
    pub values: &'a [f64],
    pub histograms: &'a [(i64, Arc<NativeHistogram>)],
    /// The range: from `end - range` (not within) to `end`.
    pub end: i64,
    pub range: i64,
    /// The instant of the evaluation.
    pub at: i64,
}

impl Window<'_> {
    pub fn is_empty(&self) -> bool {
        self.times.is_empty() && self.histograms.is_empty()
    }

    pub fn last_is_histogram(&self) -> bool {
        match (self.times.last(), self.histograms.last()) {
            (Some(number), Some((histogram, _))) => histogram > number,
            (number, _) => number.is_none(),
        }
    }
}

/// Where the window begins and ends in the samples.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Edges {
    numbers: (usize, usize),
    histograms: (usize, usize),
}

impl Edges {
    /// The window that ends at `end`. Ends must not fall from call to call.
    pub fn window<'s>(&mut self, samples: &'s Samples, end: i64, range: i64, at: i64) -> Window<'s> {
        let start = end.saturating_sub(range);
        let (from, to) = &mut self.numbers;
        advance(&samples.timestamps, to, |time| *time <= end);
        advance(&samples.timestamps, from, |time| *time <= start);
        let (first, last) = &mut self.histograms;
        advance(&samples.histograms, last, |(time, _)| *time <= end);
        advance(&samples.histograms, first, |(time, _)| *time <= start);
        Window {
            times: &samples.timestamps[*from.min(to)..*to],
            values: &samples.values[*from.min(to)..*to],
            histograms: &samples.histograms[*first.min(last)..*last],
            end,
            range,
            at,
        }
    }
}

fn advance<T>(items: &[T], edge: &mut usize, passes: impl Fn(&T) -> bool) {
    while items.get(*edge).is_some_and(&passes) {
        *edge += 1;
    }
}
