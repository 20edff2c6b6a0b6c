//! What a job makes of histograms: native ones within limits, and classic ones as native ones with custom buckets.

use super::config::ScrapeConfig;
use super::pass::Failed;
use crate::reason::Reason;
use crate::samples::{buckets, coarser_index};
use gantry_model::metric::{Buckets, CUSTOM_BUCKETS_SCHEMA, Exemplar, METRIC_NAME, NativeHistogram, Span};
use std::borrow::Cow;
use std::collections::BTreeMap;

const COARSEST: i32 = -4;
const FINEST: i32 = 8;

/// Names and values as the target tells them.
pub(super) type Labels<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// Makes it as coarse as `native_histogram_min_bucket_factor` and `native_histogram_bucket_limit` ask.
///
/// # Errors
/// When it has too many buckets all the same.
pub(super) fn within_limits(mut histogram: NativeHistogram, config: &ScrapeConfig) -> Result<NativeHistogram, Failed> {
    let finest = finest_schema(config.native_histogram_min_bucket_factor);
    if !histogram.has_custom_buckets() && histogram.schema > finest {
        histogram = coarser(&histogram, histogram.schema - finest);
    }
    let limit = config.native_histogram_bucket_limit;
    let count = |histogram: &NativeHistogram| histogram.positive.counts.len() + histogram.negative.counts.len();
    while limit > 0 && count(&histogram) > limit {
        if histogram.has_custom_buckets() || histogram.schema <= COARSEST {
            let message = format!("a histogram has more than native_histogram_bucket_limit, {limit} buckets");
            return Err(Failed::new(Reason::SampleLimit, message));
        }
        histogram = coarser(&histogram, 1);
    }
    Ok(histogram)
}

/// The finest schema whose buckets grow by this factor at least: `2^(2^-schema)`.
fn finest_schema(factor: f64) -> i32 {
    if factor <= 1.0 {
        return FINEST;
    }
    // Casts saturate.
    ((-factor.log2().log2()).floor() as i32).clamp(COARSEST, FINEST)
}

fn coarser(histogram: &NativeHistogram, steps: i32) -> NativeHistogram {
    let side = |side: &Buckets| {
        let mut merged: Vec<(i32, f64)> = Vec::new();
        for (index, count) in side.iter() {
            let index = coarser_index(index, steps);
            match merged.last_mut() {
                Some(last) if last.0 == index => last.1 += count,
                _ => merged.push((index, count)),
            }
        }
        buckets(merged.into_iter())
    };
    NativeHistogram {
        schema: histogram.schema - steps,
        positive: side(&histogram.positive),
        negative: side(&histogram.negative),
        ..histogram.clone()
    }
}

/// Classic histograms of one scrape while their series are read: by their labels without `le`.
#[derive(Debug, Default)]
pub(super) struct Classics(BTreeMap<Vec<(String, String)>, Classic>);

/// Counters up to each bound.
#[derive(Debug, Default)]
pub(super) struct Classic {
    buckets: Vec<(f64, f64)>,
    sum: f64,
    count: Option<f64>,
    pub timestamp_ms: Option<i64>,
    pub exemplars: Vec<Exemplar>,
}

/// Which part of a histogram a series is.
enum Part {
    Bucket(f64),
    Sum,
    Count,
}

impl Classics {
    /// Takes the sample if it is one of a histogram, as `is_histogram` says of families.
    pub fn take(
        &mut self,
        labels: &Labels<'_>,
        (timestamp_ms, value, exemplars): (Option<i64>, f64, &[Exemplar]),
        is_histogram: impl Fn(&str) -> bool,
    ) -> bool {
        let Some((family, part)) = part(labels).filter(|(family, _)| is_histogram(family)) else { return false };
        let own = labels.iter().filter(|(name, _)| name != METRIC_NAME && name != "le");
        let mut key: Vec<(String, String)> = own.map(|(name, value)| (name.to_string(), value.to_string())).collect();
        key.push((METRIC_NAME.to_owned(), family.to_owned()));
        key.sort();
        let classic = self.0.entry(key).or_default();
        match part {
            Part::Bucket(bound) => classic.buckets.push((bound, value)),
            Part::Sum => classic.sum = value,
            Part::Count => classic.count = Some(value),
        }
        classic.timestamp_ms = timestamp_ms.or(classic.timestamp_ms);
        classic.exemplars.extend_from_slice(exemplars);
        true
    }

    /// All that were read. Those whose counters contradict each other are left out.
    pub fn finish(self) -> impl Iterator<Item = (Vec<(String, String)>, NativeHistogram, Classic)> {
        self.0.into_iter().filter_map(|(labels, mut classic)| {
            let histogram = classic.native()?;
            Some((labels, histogram, classic))
        })
    }
}

/// The family and the part of it.
fn part<'l>(labels: &'l Labels<'_>) -> Option<(&'l str, Part)> {
    let of = |wanted: &str| labels.iter().find(|(name, _)| name == wanted).map(|(_, value)| &**value);
    let name = of(METRIC_NAME)?;
    if let Some(family) = name.strip_suffix("_bucket") {
        let bound: f64 = of("le")?.parse().ok()?;
        return Some((family, Part::Bucket(bound)));
    }
    let sum = name.strip_suffix("_sum").map(|family| (family, Part::Sum));
    sum.or_else(|| name.strip_suffix("_count").map(|family| (family, Part::Count)))
}

impl Classic {
    /// As one with custom buckets; `None` when counts fall.
    fn native(&mut self) -> Option<NativeHistogram> {
        self.buckets.retain(|(bound, _)| !bound.is_nan());
        self.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.buckets.dedup_by(|later, first| later.0 == first.0);
        let last = self.buckets.last().map_or(0.0, |(_, count)| *count);
        let count = self.count.unwrap_or(last);
        if self.buckets.last().is_none_or(|(bound, _)| *bound != f64::INFINITY) {
            self.buckets.push((f64::INFINITY, count));
        }
        let mut before = 0.0;
        let counts: Vec<f64> =
            self.buckets.iter().map(|(_, upto)| upto - std::mem::replace(&mut before, *upto)).collect();
        let is_sound = before == count && counts.iter().all(|count| *count >= 0.0);
        let (bounds, length) = (&self.buckets[..self.buckets.len() - 1], counts.len() as u32);
        is_sound.then(|| NativeHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count,
            sum: self.sum,
            positive: Buckets { spans: vec![Span { offset: 0, length }], counts },
            custom_bounds: bounds.iter().map(|(bound, _)| *bound).collect(),
            ..NativeHistogram::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(schema: i32, counts: &[f64]) -> NativeHistogram {
        let spans = vec![Span { offset: 1, length: counts.len() as u32 }];
        let positive = Buckets { spans, counts: counts.to_vec() };
        NativeHistogram { schema, count: counts.iter().sum(), positive, ..NativeHistogram::default() }
    }

    fn config(limit: usize, factor: f64) -> ScrapeConfig {
        let mut config = ScrapeConfig::default();
        (config.native_histogram_bucket_limit, config.native_histogram_min_bucket_factor) = (limit, factor);
        config
    }

    #[test]
    fn factors_are_schemas() {
        let cases = [(0.0, 8), (1.0, 8), (1.002, 8), (1.1, 2), (1.5, 0), (2.0, 0), (4.0, -1), (1e30, -4)];
        for (factor, schema) in cases {
            assert_eq!(finest_schema(factor), schema, "{factor}");
        }
    }

    #[test]
    fn native_histograms_get_coarser_until_they_fit() {
        let fine = histogram(3, &[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(within_limits(fine.clone(), &config(0, 0.0)).unwrap(), fine);
        let half = within_limits(fine.clone(), &config(2, 0.0)).unwrap();
        assert_eq!((half.schema, half.positive.iter().collect::<Vec<_>>()), (2, vec![(1, 3.0), (2, 7.0)]));
        let by_factor = within_limits(fine.clone(), &config(0, 1.5)).unwrap();
        assert_eq!((by_factor.schema, by_factor.positive.counts), (0, vec![10.0]));
        let two_sided = NativeHistogram { negative: fine.positive.clone(), count: 20.0, ..fine };
        assert_eq!(within_limits(two_sided, &config(1, 0.0)).unwrap_err().reason, Reason::SampleLimit);
        let custom = NativeHistogram { schema: CUSTOM_BUCKETS_SCHEMA, ..histogram(0, &[1.0, 2.0]) };
        assert!(within_limits(custom, &config(1, 0.0)).is_err(), "their bounds are given");
    }

    fn classics(lines: &[(&str, Option<&str>, f64)]) -> Vec<NativeHistogram> {
        let mut classics = Classics::default();
        for (name, le, value) in lines {
            let mut labels: Labels<'_> = vec![("__name__".into(), (*name).into()), ("a".into(), "1".into())];
            labels.extend(le.map(|le| ("le".into(), le.into())));
            assert!(classics.take(&labels, (None, *value, &[]), |family| family == "h"), "{name}");
        }
        classics.finish().map(|(_, histogram, _)| histogram).collect()
    }

    #[test]
    fn counters_for_bounds_become_custom_buckets() {
        let all = [
            ("h_bucket", Some("1"), 2.0),
            ("h_bucket", Some("0.5"), 1.0),
            ("h_bucket", Some("+Inf"), 4.0),
            ("h_sum", None, 6.0),
        ];
        let [read] = &classics(&all)[..] else { panic!("one") };
        assert_eq!((read.count, read.sum, &read.custom_bounds[..]), (4.0, 6.0, &[0.5, 1.0][..]));
        assert_eq!(read.positive.counts, [1.0, 1.0, 2.0]);
        assert_eq!(read.validate(), Ok(()));
        let without_last = [("h_bucket", Some("1"), 2.0), ("h_count", None, 3.0)];
        assert_eq!(classics(&without_last)[0].positive.counts, [2.0, 1.0]);
        assert_eq!(classics(&[("h_count", None, 3.0)])[0].positive.counts, [3.0]);
        assert!(classics(&[("h_bucket", Some("1"), 2.0), ("h_bucket", Some("2"), 1.0)]).is_empty(), "counts fall");
        assert!(
            classics(&[("h_bucket", Some("+Inf"), 2.0), ("h_count", None, 1.0)]).is_empty(),
            "the count is another"
        );
        let mut none = Classics::default();
        let labels: Labels<'_> = vec![("__name__".into(), "g_sum".into())];
        assert!(!none.take(&labels, (None, 1.0, &[]), |family| family == "h"));
    }
}
