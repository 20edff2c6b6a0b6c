//! Percentiles of measured times.

use std::time::Duration;

/// Measured times, kept one by one: a run has some thousands at most.
#[derive(Clone, Debug, Default)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    pub fn add(&mut self, took: Duration) {
        self.0.push(took);
    }

    pub fn merge(&mut self, other: Latencies) {
        self.0.extend(other.0);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The nearest-rank percentile in milliseconds; `share` is between 0 and 1. 0 when nothing was measured.
    pub fn percentile_ms(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1));
        sorted.get(rank - 1).map_or(0.0, |took| took.as_secs_f64() * 1e3)
    }

    /// `p50 / p99` in milliseconds.
    pub fn shown(&self) -> String {
        format!("{:.1} / {:.1}", self.median_ms(), self.percentile_ms(0.99))
    }

    pub fn median_ms(&self) -> f64 {
        self.percentile_ms(0.5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let mut times = Latencies::default();
        assert_eq!(times.median_ms(), 0.0);
        (1..=200).rev().for_each(|ms| times.add(Duration::from_millis(ms)));
        assert_eq!(times.median_ms(), 100.0);
        assert_eq!(times.percentile_ms(0.99), 198.0);
        assert_eq!(times.percentile_ms(1.0), 200.0);
    }
}
