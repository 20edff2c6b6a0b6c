//! [`Totals`]: all series, from lines to samples.

use super::message::{Invalid, Message, parse};
use super::options::{StatsdOptions, TimerSeries};
use super::series::{Series, Timer};
use crate::decode::{names::legal, open_metrics_float};
use crate::incoming::MetricIncoming;
use crate::reason::Reason;
use gantry_model::LabelSet;
use gantry_model::metric::{METRIC_NAME, MetricBatch, MetricBatchBuilder, stale_marker};
use std::collections::HashMap;

#[derive(Debug, Default)]
pub(super) struct Totals {
    series: HashMap<LabelSet, Known>,
}

#[derive(Debug)]
struct Known {
    heard_ms: i64,
    series: Series,
}

impl Totals {
    /// Takes a line.
    ///
    /// # Errors
    /// Why it is lost.
    pub fn line(&mut self, line: &[u8], now_ms: i64, options: &StatsdOptions) -> Result<(), Reason> {
        let message = parse(line).map_err(|invalid| match invalid {
            Invalid::Unsupported => Reason::UnsupportedValue,
            _ => Reason::InvalidText,
        })?;
        let labels = labels(&message, options);
        if !self.series.contains_key(&labels) && self.series.len() >= options.max_series {
            return Err(Reason::SeriesLimit);
        }
        let new = || Known { heard_ms: now_ms, series: Series::new(message.kind, options) };
        let known = self.series.entry(labels).or_insert_with(new);
        known.heard_ms = now_ms;
        for value in message.values() {
            if !known.series.take(message.kind, value, message.rate, options) {
                return Err(Reason::UnsupportedValue);
            }
        }
        Ok(())
    }

    /// A sample of every series; those that were silent for too long are ended and forgotten.
    pub fn flush(&mut self, now_ms: i64, options: &StatsdOptions) -> MetricIncoming {
        let oldest = now_ms.saturating_sub(i64::try_from(options.forget_after.as_millis()).unwrap_or(i64::MAX));
        let mut samples = Samples { batch: MetricBatch::builder(), now_ms, options };
        self.series.retain(|labels, known| {
            let ended = known.heard_ms < oldest;
            samples.series(labels, &mut known.series, ended);
            !ended
        });
        MetricIncoming { batch: samples.batch.finish(), ..MetricIncoming::default() }
    }
}

fn labels(message: &Message<'_>, options: &StatsdOptions) -> LabelSet {
    let tags = message.tags.iter().map(|(name, value)| (legal(name).into_owned(), value.clone().into_owned()));
    let tags = tags.filter(|(name, value)| name != METRIC_NAME && !value.is_empty());
    let fixed = options.fixed_labels.iter().map(|(name, value)| (name.clone(), value.clone()));
    let name = legal(&message.name).into_owned();
    let mut pairs: Vec<(String, String)> = tags.chain(fixed).chain([(METRIC_NAME.to_owned(), name)]).collect();
    // Of labels that occur twice the last one counts.
    pairs.reverse();
    let mut seen = std::collections::HashSet::new();
    pairs.retain(|(name, _)| seen.insert(name.clone()));
    LabelSet::from_pairs(pairs)
}

struct Samples<'o> {
    batch: MetricBatchBuilder,
    now_ms: i64,
    options: &'o StatsdOptions,
}

impl Samples<'_> {
    fn series(&mut self, labels: &LabelSet, series: &mut Series, ended: bool) {
        let value = |value: f64| if ended { stale_marker() } else { value };
        match series {
            Series::Counter(number) | Series::Gauge(number) => self.sample(labels, "", None, value(*number)),
            Series::Set(members) => {
                self.sample(labels, "", None, value(members.len() as f64));
                members.clear();
            }
            Series::Timer(timer) => {
                match self.options.timers {
                    TimerSeries::Histogram => self.buckets(labels, timer, value),
                    TimerSeries::Summary => self.quantiles(labels, timer, value),
                }
                self.sample(labels, "_sum", None, value(timer.sum));
                self.sample(labels, "_count", None, value(timer.count));
            }
        }
    }

    fn buckets(&mut self, labels: &LabelSet, timer: &Timer, value: impl Fn(f64) -> f64) {
        let mut cumulated = 0.0;
        for (bound, count) in self.options.buckets.iter().zip(&timer.buckets) {
            cumulated += count;
            self.sample(labels, "_bucket", Some(("le", *bound)), value(cumulated));
        }
        self.sample(labels, "_bucket", Some(("le", f64::INFINITY)), value(timer.count));
    }

    fn quantiles(&mut self, labels: &LabelSet, timer: &mut Timer, value: impl Fn(f64) -> f64) {
        let values = timer.quantiles(&self.options.quantiles);
        for (quantile, at) in self.options.quantiles.iter().zip(values) {
            self.sample(labels, "", Some(("quantile", *quantile)), value(at));
        }
    }

    fn sample(&mut self, labels: &LabelSet, suffix: &str, more: Option<(&str, f64)>, value: f64) {
        let name = format!("{}{suffix}", labels.get(METRIC_NAME).unwrap_or_default());
        let number = more.map(|(label, number)| (label, open_metrics_float(number)));
        let own =
            labels.iter().filter(|(name, _)| *name != METRIC_NAME && more.is_none_or(|(label, _)| label != *name));
        let added = number.as_ref().map(|(label, number)| (*label, number.as_str()));
        if self.batch.series(own.chain(added).chain([(METRIC_NAME, name.as_str())])).is_ok() {
            self.batch.sample(self.now_ms, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::told;
    use std::time::Duration;

    fn flushed(totals: &mut Totals, now_ms: i64, options: &StatsdOptions) -> Vec<String> {
        let mut lines = told(&totals.flush(now_ms, options));
        lines.sort();
        lines
    }

    fn take(lines: &[&str], options: &StatsdOptions) -> Totals {
        let mut totals = Totals::default();
        lines.iter().for_each(|line| totals.line(line.as_bytes(), 0, options).unwrap());
        totals
    }

    #[test]
    fn counters_are_added_up_and_gauges_kept() {
        let options = StatsdOptions { fixed_labels: [("env".into(), "t".into())].into(), ..StatsdOptions::default() };
        let lines = ["a.hits:1|c|#x:1", "a.hits:2:3|c|@0.5|#x:1", "level:7|g", "level:-2|g", "level:+1.5|g"];
        let mut totals = take(&lines, &options);
        let expected = [r#"{__name__="a_hits", env="t", x="1"} 5 11"#, r#"{__name__="level", env="t"} 5 6.5"#];
        assert_eq!(flushed(&mut totals, 5, &options), expected);
        totals.line(b"a.hits:1|c|#x:1", 6, &options).unwrap();
        assert!(flushed(&mut totals, 7, &options)[0].ends_with("} 7 12"));
    }

    #[test]
    fn sets_count_different_texts_of_each_interval() {
        let options = StatsdOptions::default();
        let mut totals = take(&["users:a|s", "users:b|s", "users:a|s"], &options);
        assert_eq!(flushed(&mut totals, 5, &options), [r#"{__name__="users"} 5 2"#]);
        assert_eq!(flushed(&mut totals, 6, &options), [r#"{__name__="users"} 6 0"#]);
    }

    #[test]
    fn timers_become_histograms_of_seconds() {
        let options = StatsdOptions { buckets: vec![0.1, 1.0], ..StatsdOptions::default() };
        let mut totals = take(&["t:50|ms", "t:100|ms", "t:500|ms|@0.5", "t:9000|ms"], &options);
        let expected = [
            r#"{__name__="t_bucket", le="+Inf"} 5 5"#,
            r#"{__name__="t_bucket", le="0.1"} 5 2"#,
            r#"{__name__="t_bucket", le="1.0"} 5 4"#,
            r#"{__name__="t_count"} 5 5"#,
            r#"{__name__="t_sum"} 5 10.15"#,
        ];
        assert_eq!(flushed(&mut totals, 5, &options), expected);
    }

    #[test]
    fn timers_become_summaries_when_asked_for() {
        let options = StatsdOptions { timers: TimerSeries::Summary, quantiles: vec![0.5, 1.0], ..Default::default() };
        let mut totals = take(&["d:1:2:3:4|d"], &options);
        let expected = [
            r#"{__name__="d", quantile="0.5"} 5 2"#,
            r#"{__name__="d", quantile="1.0"} 5 4"#,
            r#"{__name__="d_count"} 5 4"#,
            r#"{__name__="d_sum"} 5 10"#,
        ];
        assert_eq!(flushed(&mut totals, 5, &options), expected);
        assert!(flushed(&mut totals, 6, &options)[0].ends_with("NaN"), "nothing came since");
    }

    #[test]
    fn a_silent_series_is_ended_and_forgotten() {
        let options = StatsdOptions { forget_after: Duration::from_millis(10), ..StatsdOptions::default() };
        let mut totals = take(&["a:1|c"], &options);
        assert_eq!(flushed(&mut totals, 10, &options), [r#"{__name__="a"} 10 1"#]);
        let incoming = totals.flush(11, &options);
        let (_, values) = incoming.batch.samples(&incoming.batch.series()[0]);
        assert!(gantry_model::metric::is_stale(values[0]));
        assert!(totals.flush(12, &options).batch.is_empty());
    }

    #[test]
    fn what_cannot_be_taken_has_a_reason() {
        let options = StatsdOptions { max_series: 1, ..StatsdOptions::default() };
        let mut totals = take(&["a:1|c"], &options);
        let mut reason = |line: &str| totals.line(line.as_bytes(), 0, &options).unwrap_err();
        assert_eq!(reason("b:1|c"), Reason::SeriesLimit);
        assert_eq!(reason("a:1|g"), Reason::UnsupportedValue);
        assert_eq!(reason("_sc|check|0"), Reason::UnsupportedValue);
        assert_eq!(reason("a:1"), Reason::InvalidText);
    }
}
