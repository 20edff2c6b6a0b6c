//! A source of samples in memory, loaded by scripts.

use gantry_model::LabelSet;
use gantry_model::metric::{Buckets, CUSTOM_BUCKETS_SCHEMA, NativeHistogram, ResetHint, Samples, Span};
use gantry_promql::histogram::is_reset;
use gantry_promql::{Select, SeriesSet, Source, SourceError};
use gantry_query_lang::promql::script::Load;
use gantry_query_lang::promql::series::{SeriesItem, SeriesValue};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Clone, Debug, Default)]
pub struct Memory {
    series: BTreeMap<LabelSet, Samples>,
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
        let (labels, samples) = found.map(|(labels, samples)| (labels.clone(), samples.clone())).unzip();
        Ok(Arc::new(Found { labels, samples }))
    }

    fn take_memory(&self, _: usize) -> bool {
        true
    }
}

impl Memory {
    pub fn load(&mut self, load: &Load, values: impl Fn(&[SeriesItem]) -> Vec<SeriesValue>) {
        let mut classic = Classic::new();
        let mut sums: BTreeMap<(LabelSet, i64), f64> = BTreeMap::new();
        let mut given = BTreeSet::new();
        for series in &load.series {
            let samples = self.series.entry(series.labels.clone()).or_default();
            let name = series.labels.get("__name__").unwrap_or_default();
            for (n, value) in values(&series.items).into_iter().enumerate() {
                let at = n as i64 * load.step_ms;
                match value {
                    SeriesValue::Omitted => {}
                    SeriesValue::Histogram(h) => {
                        if h.hint_is_given {
                            given.insert((series.labels.clone(), at));
                        }
                        samples.histograms.push((at, h.histogram));
                    }
                    SeriesValue::Number(value) => {
                        samples.push(at, value);
                        if let (Some(base), Some(le)) = (name.strip_suffix("_bucket"), series.labels.get("le")) {
                            let bound = le.parse().unwrap_or(f64::INFINITY);
                            let buckets = classic.entry(renamed(&series.labels, base)).or_default();
                            buckets.entry(at).or_default().push((bound, value));
                        }
                        if let Some(base) = name.strip_suffix("_sum") {
                            sums.insert((renamed(&series.labels, base), at), value);
                        }
                    }
                }
            }
        }
        self.convert(load, classic, &sums);
        for (labels, samples) in &mut self.series {
            hinted(samples, |at| given.contains(&(labels.clone(), at)));
        }
    }

    fn convert(&mut self, load: &Load, classic: Classic, sums: &BTreeMap<(LabelSet, i64), f64>) {
        if load.with_nhcb {
            for (labels, steps) in classic {
                for (at, buckets) in steps {
                    let sum = sums.get(&(labels.clone(), at)).copied().unwrap_or_default();
                    let histogram = Arc::new(converted(buckets, sum));
                    self.series.entry(labels.clone()).or_default().histograms.push((at, histogram));
                }
            }
        }
    }
}

/// Cumulative buckets by series and instant.
type Classic = BTreeMap<LabelSet, BTreeMap<i64, Vec<(f64, f64)>>>;

/// As Prometheus' store says it: a counter that goes on was not reset; of others nothing is known unless it was given.
fn hinted(samples: &mut Samples, is_given: impl Fn(i64) -> bool) {
    for at in 1..samples.histograms.len() {
        let (before, here) = samples.histograms.split_at_mut(at);
        let ((start, previous), (end, one)) = (&before[at - 1], &mut here[0]);
        let gauge = |h: &NativeHistogram| h.reset_hint == ResetHint::Gauge;
        let numbers = samples.timestamps.iter().any(|t| start < t && t < end);
        if gauge(one) || gauge(previous) || numbers || is_given(*end) {
            continue;
        }
        let bare = NativeHistogram { reset_hint: ResetHint::Unknown, ..(**one).clone() };
        let hint = if is_reset(&bare, previous) { ResetHint::Unknown } else { ResetHint::NoReset };
        *one = Arc::new(NativeHistogram { reset_hint: hint, ..bare });
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
