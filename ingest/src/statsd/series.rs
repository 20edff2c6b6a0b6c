//! [`Series`]: what is known of one series between two flushes.

use super::message::Kind;
use super::options::{StatsdOptions, TimerSeries};
use std::collections::HashSet;

/// Most values of one summary between two flushes that quantiles are taken of; then the oldest give way.
const MAX_VALUES: usize = 1000;
/// Most different texts of one set between two flushes; further ones are not counted.
const MAX_MEMBERS: usize = 10_000;

#[derive(Debug)]
pub(super) enum Series {
    Counter(f64),
    Gauge(f64),
    Set(HashSet<u64>),
    Timer(Timer),
}

/// Sums since the series began, and values since the last flush.
#[derive(Debug, Default)]
pub(super) struct Timer {
    pub count: f64,
    pub sum: f64,
    /// How many are not over each bound of the options, not cumulated; empty for a summary.
    pub buckets: Vec<f64>,
    pub values: Vec<f64>,
    /// Where the next value goes when `values` is full.
    next: usize,
}

impl Series {
    pub fn new(kind: Kind, options: &StatsdOptions) -> Self {
        match kind {
            Kind::Counter => Series::Counter(0.0),
            Kind::Gauge => Series::Gauge(0.0),
            Kind::Set => Series::Set(HashSet::new()),
            Kind::Timer | Kind::Histogram => {
                let bounds = if options.timers == TimerSeries::Histogram { options.buckets.len() } else { 0 };
                Series::Timer(Timer { buckets: vec![0.0; bounds], ..Timer::default() })
            }
        }
    }

    /// Takes one value; false when the series is of another kind.
    pub fn take(&mut self, kind: Kind, value: &str, rate: f64, options: &StatsdOptions) -> bool {
        let number: f64 = value.parse().unwrap_or_default();
        match (self, kind) {
            (Series::Counter(total), Kind::Counter) => *total += number / rate,
            (Series::Gauge(level), Kind::Gauge) if value.starts_with(['+', '-']) => *level += number,
            (Series::Gauge(level), Kind::Gauge) => *level = number,
            (Series::Set(members), Kind::Set) => {
                if members.len() < MAX_MEMBERS {
                    members.insert(xxhash_rust::xxh3::xxh3_64(value.as_bytes()));
                }
            }
            (Series::Timer(timer), Kind::Timer) => timer.take(number / 1000.0, 1.0 / rate, options),
            (Series::Timer(timer), Kind::Histogram) => timer.take(number, 1.0 / rate, options),
            _ => return false,
        }
        true
    }
}

impl Timer {
    fn take(&mut self, value: f64, weight: f64, options: &StatsdOptions) {
        self.count += weight;
        self.sum += value * weight;
        if options.timers == TimerSeries::Histogram {
            let at = options.buckets.partition_point(|bound| *bound < value);
            if let Some(bucket) = self.buckets.get_mut(at) {
                *bucket += weight;
            }
        } else if self.values.len() < MAX_VALUES {
            self.values.push(value);
        } else {
            self.values[self.next] = value;
            self.next = (self.next + 1) % MAX_VALUES;
        }
    }

    /// The quantiles of what came since the last call, by nearest rank; NaN when nothing came.
    pub fn quantiles(&mut self, quantiles: &[f64]) -> Vec<f64> {
        let mut values = std::mem::take(&mut self.values);
        self.next = 0;
        values.sort_by(f64::total_cmp);
        let at = |quantile: &f64| {
            let rank = (quantile * values.len() as f64).ceil().max(1.0) as usize;
            values.get(rank - 1).copied().unwrap_or(f64::NAN)
        };
        quantiles.iter().map(at).collect()
    }
}
