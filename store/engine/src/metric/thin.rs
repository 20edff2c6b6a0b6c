//! Thinning out: of each interval the samples that matter are kept, as they are, and the others go.
//!
//! Of a gauge the smallest, the largest and the last: minima, maxima and values at the ends of intervals stay exact. Of a
//! counter the last, and those before and after each reset: increases between ends of intervals stay exact. Of histograms as
//! of counters. The end of a series (a stale marker) is kept with the sample before it. `docs/adr/0014-thinned-out.md`.

use gantry_chunk::histogram::Sample;
use gantry_model::metric::{NativeHistogram, Samples, is_stale};

/// Milliseconds of the intervals, from fine to coarse.
pub(crate) const RESOLUTIONS: [i64; 2] = [300_000, 3_600_000];

/// Ends of names of counters (OpenMetrics).
const COUNTERS: [&str; 4] = ["_total", "_count", "_sum", "_bucket"];

/// Whether the name says that the metric is a counter.
pub(crate) fn is_counter(name: &str) -> bool {
    COUNTERS.iter().any(|end| name.ends_with(end))
}

/// Leaves of each interval of `resolution_ms` what matters.
pub(crate) fn thin(samples: &mut Samples, resolution_ms: i64, counter: bool) {
    let keep = if counter { kept_of_counter } else { kept_of_gauge };
    let mut kept = vec![false; samples.timestamps.len()];
    let mut start = 0;
    for interval in samples.timestamps.chunk_by(|a, b| same(*a, *b, resolution_ms)) {
        let end = start + interval.len();
        keep(&samples.values, start..end, &mut kept);
        start = end;
    }
    let mut marks = kept.iter();
    samples.timestamps.retain(|_| *marks.next().unwrap_or(&true));
    let mut marks = kept.iter();
    samples.values.retain(|_| *marks.next().unwrap_or(&true));
    samples.histograms = thin_histograms(&samples.histograms, resolution_ms);
}

fn same(a: i64, b: i64, resolution_ms: i64) -> bool {
    a.div_euclid(resolution_ms) == b.div_euclid(resolution_ms)
}

/// The last of the interval; where that is the end of the series, the one before, too.
fn keep_last(values: &[f64], interval: &std::ops::Range<usize>, kept: &mut [bool]) {
    kept[interval.end - 1] = true;
    if is_stale(values[interval.end - 1]) && interval.len() > 1 {
        kept[interval.end - 2] = true;
    }
}

fn kept_of_gauge(values: &[f64], interval: std::ops::Range<usize>, kept: &mut [bool]) {
    keep_last(values, &interval, kept);
    let numbers = || interval.clone().filter(|at| !values[*at].is_nan());
    let smallest = numbers().min_by(|a, b| values[*a].total_cmp(&values[*b]));
    let largest = numbers().max_by(|a, b| values[*a].total_cmp(&values[*b]));
    smallest.into_iter().chain(largest).for_each(|at| kept[at] = true);
}

fn kept_of_counter(values: &[f64], interval: std::ops::Range<usize>, kept: &mut [bool]) {
    keep_last(values, &interval, kept);
    for at in interval.start.max(1)..interval.end {
        // Not a number is no reset, but what is around it is kept as well.
        if values[at] >= values[at - 1] {
            continue;
        }
        kept[at] = true;
        kept[at - 1] = true;
    }
}

fn thin_histograms(samples: &[Sample], resolution_ms: i64) -> Vec<Sample> {
    let shrinks = |a: &NativeHistogram, b: &NativeHistogram| b.count < a.count || b.schema != a.schema;
    let wanted = |at: usize| {
        let next = samples.get(at + 1);
        let last = next.is_none_or(|next| !same(samples[at].0, next.0, resolution_ms));
        let before_reset = next.is_some_and(|next| shrinks(&samples[at].1, &next.1));
        let after_reset = at > 0 && shrinks(&samples[at - 1].1, &samples[at].1);
        last || before_reset || after_reset
    };
    (0..samples.len()).filter(|at| wanted(*at)).map(|at| samples[at].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gantry_model::metric::stale_marker;

    fn thinned(values: &[f64], counter: bool) -> Vec<f64> {
        let mut samples = Samples::default();
        values.iter().enumerate().for_each(|(at, value)| samples.push(at as i64 * 30_000, *value));
        thin(&mut samples, RESOLUTIONS[0], counter);
        assert_eq!(samples.timestamps.len(), samples.values.len());
        samples.values
    }

    #[test]
    fn of_a_gauge_the_extremes_and_the_last_stay() {
        let values = [3.0, 9.0, 1.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 5.0, 7.0, 7.0];
        assert_eq!(thinned(&values, false), [9.0, 1.0, 5.0, 7.0, 7.0]);
    }

    #[test]
    fn of_a_counter_no_increase_is_lost() {
        let values = [1.0, 2.0, 50.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        let kept = thinned(&values, true);
        assert_eq!(kept, [50.0, 0.0, 6.0, 8.0]);
    }

    #[test]
    fn the_end_of_a_series_is_kept_with_its_last_value() {
        let kept = thinned(&[1.0, 2.0, 3.0, stale_marker()], true);
        assert_eq!(kept[..1], [3.0]);
        assert!(is_stale(kept[1]));
    }
}
