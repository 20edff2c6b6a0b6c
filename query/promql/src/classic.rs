//! `histogram_quantile` over classic histograms: series of cumulative counts, told apart by the label `le`.

use crate::EvalError;
use crate::eval::Evaluator;
use crate::labels;
use crate::value::{Cell, Series, Steps};
use gantry_model::LabelSet;
use gantry_query_lang::promql::ast::Call;
use std::collections::HashMap;

const BUCKET: &str = "le";
/// Counts that fall by less than this share do so because of rounding.
const TOLERANCE: f64 = 1e-12;

#[derive(Clone, Copy, Debug)]
struct Bucket {
    upper: f64,
    count: f64,
}

/// The buckets of one histogram: upper bound and counts at all steps.
type Buckets = Vec<(f64, Vec<Cell>)>;

impl Evaluator<'_> {
    pub(crate) fn histogram_quantile(&self, call: &Call, steps: Steps) -> Result<Vec<Series>, EvalError> {
        let phis = self.scalar(&call.args[0], steps)?;
        let outside = |phi: &&f64| phi.is_nan() || **phi < 0.0 || **phi > 1.0;
        if let Some(phi) = phis.iter().find(outside) {
            self.warn(&format!("quantile value should be between 0 and 1, got {phi}"), call.args[0].span());
        }
        let mut groups: Vec<(LabelSet, Buckets)> = Vec::new();
        let mut numbers: HashMap<LabelSet, usize> = HashMap::new();
        let mut native = Vec::new();
        self.each_series(&call.args[1], steps, &mut |series| {
            if let Some(quantiles) = of_native(&series, &phis) {
                native.push(quantiles);
                return Ok(());
            }
            let text = series.labels.get(BUCKET).unwrap_or("");
            let Some(upper) = bound(text) else {
                let name = crate::eval::name_of(&series.labels);
                let text = format!(
                    "bucket label \"le\" is missing or has a malformed value of {text:?} for metric name {name:?}"
                );
                self.warn(&text, call.args[1].span());
                return Ok(());
            };
            let group = labels::drop(&series.labels, &[BUCKET.to_owned()]);
            let number = *numbers.entry(group).or_insert_with_key(|labels| {
                groups.push((labels.clone(), Vec::new()));
                groups.len() - 1
            });
            groups[number].1.push((upper, series.cells));
            Ok(())
        })?;
        let mut all = native;
        for (labels, mut buckets) in groups {
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            let cell = |step: usize| {
                let present = buckets
                    .iter()
                    .filter_map(|(upper, cells)| Some(Bucket { upper: *upper, count: cells[step].float()? }));
                let present: Vec<Bucket> = present.collect();
                if present.is_empty() { Cell::Empty } else { Cell::Float(quantile(phis[step], present)) }
            };
            let cells = (0..steps.count()).map(cell).collect();
            all.push(Series { labels, drop_name: false, cells });
        }
        all.retain(Series::has_values);
        Ok(all)
    }
}

fn bound(text: &str) -> Option<f64> {
    match text {
        "" => None,
        "+Inf" | "Inf" | "inf" | "+inf" => Some(f64::INFINITY),
        text => text.parse().ok(),
    }
}

/// Interpolates linearly within the bucket that holds the rank; buckets are sorted.
fn quantile(phi: f64, mut buckets: Vec<Bucket>) -> f64 {
    if phi.is_nan() {
        return f64::NAN;
    }
    if phi < 0.0 {
        return f64::NEG_INFINITY;
    }
    if phi > 1.0 {
        return f64::INFINITY;
    }
    if buckets.last().is_none_or(|last| last.upper != f64::INFINITY) {
        return f64::NAN;
    }
    coalesce(&mut buckets);
    rise(&mut buckets);
    let observations = buckets[buckets.len() - 1].count;
    if buckets.len() < 2 || observations == 0.0 || observations.is_nan() {
        return f64::NAN;
    }
    let rank = phi * observations;
    let last = buckets.len() - 1;
    let at = buckets[..last].iter().position(|bucket| bucket.count >= rank).unwrap_or(last);
    if at == last {
        return buckets[last - 1].upper;
    }
    if at == 0 && buckets[0].upper <= 0.0 {
        return buckets[0].upper;
    }
    let (start, below) = if at == 0 { (0.0, 0.0) } else { (buckets[at - 1].upper, buckets[at - 1].count) };
    let (end, count) = (buckets[at].upper, buckets[at].count - below);
    start + (end - start) * ((rank - below) / count)
}

/// Adds buckets with equal bounds.
fn coalesce(buckets: &mut Vec<Bucket>) {
    buckets.dedup_by(|next, kept| {
        let same = next.upper == kept.upper;
        if same {
            kept.count += next.count;
        }
        same
    });
}

/// Counts never fall from bucket to bucket.
fn rise(buckets: &mut [Bucket]) {
    let mut most = f64::NEG_INFINITY;
    for bucket in buckets {
        let nearly = (bucket.count - most).abs() <= TOLERANCE * bucket.count.abs().max(most.abs());
        if bucket.count < most || nearly && most.is_finite() {
            bucket.count = most;
        }
        most = most.max(bucket.count);
    }
}

/// The quantiles of a series of native histograms; `None` if it has none.
fn of_native(series: &Series, phis: &[f64]) -> Option<Series> {
    let cell = |(cell, phi): (&Cell, &f64)| match cell {
        Cell::Histogram(h) => Cell::Float(crate::histogram::quantile(*phi, h)),
        _ => Cell::Empty,
    };
    let cells: Vec<Cell> = series.cells.iter().zip(phis).map(cell).collect();
    let any = cells.iter().any(|cell| !cell.is_empty());
    any.then(|| Series { labels: series.labels.clone(), drop_name: true, cells })
}
