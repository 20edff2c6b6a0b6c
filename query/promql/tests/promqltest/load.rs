//! Puts the series of a script into memory; with classic histograms, where it says so, also as native ones.

use gantry_model::LabelSet;
use gantry_model::metric::{Buckets, CUSTOM_BUCKETS_SCHEMA, NativeHistogram, Span};
use gantry_promql::memory::Memory;
use gantry_query_lang::promql::script::Load;
use gantry_query_lang::promql::series::{SeriesItem, SeriesValue, WrittenHistogram};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Cumulative buckets by series and instant.
type Classic = BTreeMap<LabelSet, BTreeMap<i64, Vec<(f64, f64)>>>;
type Sums = BTreeMap<(LabelSet, i64), f64>;

pub fn load(memory: &mut Memory, load: &Load, values: impl Fn(&[SeriesItem]) -> Vec<SeriesValue>) {
    let (mut classic, mut sums) = (Classic::new(), Sums::new());
    for series in &load.series {
        for (n, value) in values(&series.items).into_iter().enumerate() {
            let at = n as i64 * load.step_ms;
            if let SeriesValue::Number(value) = value {
                remember(&series.labels, at, value, &mut classic, &mut sums);
            }
            // What was loaded before stays.
            let _ = memory.push(&series.labels, at, value);
        }
    }
    if load.with_nhcb {
        for (labels, steps) in classic {
            for (at, buckets) in steps {
                let sum = sums.get(&(labels.clone(), at)).copied().unwrap_or_default();
                let written = WrittenHistogram { histogram: Arc::new(converted(buckets, sum)), hint_is_given: false };
                memory.push(&labels, at, SeriesValue::Histogram(written)).expect("instants are in order");
            }
        }
    }
}

fn remember(labels: &LabelSet, at: i64, value: f64, classic: &mut Classic, sums: &mut Sums) {
    let name = labels.get("__name__").unwrap_or_default();
    if let (Some(base), Some(le)) = (name.strip_suffix("_bucket"), labels.get("le")) {
        let bound = le.parse().unwrap_or(f64::INFINITY);
        classic.entry(renamed(labels, base)).or_default().entry(at).or_default().push((bound, value));
    }
    if let Some(base) = name.strip_suffix("_sum") {
        sums.insert((renamed(labels, base), at), value);
    }
}

fn renamed(labels: &LabelSet, name: &str) -> LabelSet {
    labels.iter().filter(|(n, _)| *n != "le" && *n != "__name__").chain([("__name__", name)]).collect()
}

/// A histogram with custom buckets of cumulative ones.
fn converted(mut buckets: Vec<(f64, f64)>, sum: f64) -> NativeHistogram {
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut before = 0.0;
    let mut counts: Vec<f64> =
        buckets.iter().map(|(_, count)| count - std::mem::replace(&mut before, *count)).collect();
    let bounds: Vec<f64> = buckets.iter().map(|b| b.0).filter(|bound| bound.is_finite()).collect();
    counts.resize(bounds.len() + 1, 0.0);
    NativeHistogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        count: before,
        sum,
        positive: Buckets { spans: vec![Span { offset: 0, length: counts.len() as u32 }], counts },
        custom_bounds: bounds.into(),
        ..Default::default()
    }
}
