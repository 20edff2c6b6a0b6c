//! Prometheus' protobuf exposition: `io.prometheus.client.MetricFamily`, each after its length as a varint.
//!
//! ```text
//! MetricFamily { 1: name, 2: help, 3: type, 4: repeated Metric, 5: unit }
//! Metric { 1: repeated LabelPair, 2: Gauge, 3: Counter, 4: Summary, 5: Untyped, 6: int64 timestamp_ms, 7: Histogram }
//! ```

mod histogram;

use super::super::{DecodeError, readable};
use super::{Families, open_metrics_float};
use gantry_model::LabelSet;
use gantry_model::metric::{Exemplar, METRIC_NAME, MetricMetadata, MetricType};
use gantry_prompb::{Value, Wire};
use std::borrow::Cow;

type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// # Errors
/// `invalid_protobuf` with the position.
pub(super) fn read(body: &[u8], families: &mut Families<'_>) -> Result<(), DecodeError> {
    let mut stream = Wire::new(body);
    while !stream.is_empty() {
        read_family(stream.delimited()?, families)?;
    }
    Ok(())
}

/// A family while its metrics are read.
struct Family<'f, 'c> {
    name: &'f str,
    kind: MetricType,
    families: &'f mut Families<'c>,
}

fn read_family(message: Wire<'_>, families: &mut Families<'_>) -> Result<(), DecodeError> {
    let (mut name, mut metadata) = (String::new(), MetricMetadata { kind: MetricType::Counter, ..Default::default() });
    let text = |bytes: Wire<'_>| readable(bytes.bytes(), &mut 0).into_owned();
    let mut head = message;
    while let Some(field) = head.field()? {
        match field {
            (1, Value::Bytes(bytes)) => name = text(bytes),
            (2, Value::Bytes(bytes)) => metadata.help = text(bytes),
            (3, Value::Varint(number)) => metadata.kind = metric_type(number),
            (5, Value::Bytes(bytes)) => metadata.unit = text(bytes),
            _ => {}
        }
    }
    let mut family = Family { name: &name, kind: metadata.kind, families };
    let mut metrics = message;
    while let Some(field) = metrics.field()? {
        if let (4, Value::Bytes(metric)) = field {
            family.metric(metric)?;
        }
    }
    *families.described(&name) = metadata;
    Ok(())
}

fn metric_type(number: u64) -> MetricType {
    match number {
        0 => MetricType::Counter,
        1 => MetricType::Gauge,
        2 => MetricType::Summary,
        4 => MetricType::Histogram,
        5 => MetricType::GaugeHistogram,
        _ => MetricType::Unknown,
    }
}

/// Labels and time of one metric, whose value is read next.
struct Metric<'a> {
    labels: Pairs<'a>,
    at: i64,
}

impl Family<'_, '_> {
    fn metric(&mut self, message: Wire<'_>) -> Result<(), DecodeError> {
        let mut metric = Metric { labels: Pairs::new(), at: self.families.context.now_ms };
        let mut head = message;
        while let Some(field) = head.field()? {
            match field {
                (1, Value::Bytes(label)) => metric.labels.push(read_label(label)?),
                (6, Value::Varint(ms)) if ms != 0 => metric.at = ms as i64,
                _ => {}
            }
        }
        let mut values = message;
        while let Some((number, value)) = values.field()? {
            match (number, value) {
                (2 | 3 | 5, Value::Bytes(value)) => self.number(value, &metric)?,
                (4, Value::Bytes(summary)) => self.summary(summary, &metric)?,
                (7, Value::Bytes(value)) => histogram::read(self, value, &metric)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Opens the series of the family with this suffix, and one label more perhaps.
    fn open(&mut self, suffix: &str, metric: &Metric<'_>, more: Option<(&'static str, f64)>) -> bool {
        let name = Cow::Owned(format!("{}{suffix}", self.name));
        let mut labels: Pairs<'_> = vec![(Cow::Borrowed(METRIC_NAME), name)];
        labels.extend(metric.labels.iter().map(|(n, v)| (Cow::Borrowed(&**n), Cow::Borrowed(&**v))));
        labels.extend(more.map(|(name, number)| (Cow::Borrowed(name), Cow::Owned(open_metrics_float(number)))));
        self.families.open(&labels)
    }

    fn sample(&mut self, suffix: &str, metric: &Metric<'_>, more: Option<(&'static str, f64)>, value: f64) -> bool {
        let is_open = self.open(suffix, metric, more);
        if is_open {
            self.families.gather.sample(metric.at, value);
        }
        is_open
    }

    /// `Gauge`, `Untyped { 1: double }`, `Counter { 1: double, 2: Exemplar }`.
    fn number(&mut self, mut message: Wire<'_>, metric: &Metric<'_>) -> Result<(), DecodeError> {
        let (mut number, mut exemplar) = (0.0, None);
        while let Some(field) = message.field()? {
            match field {
                (1, Value::Fixed64(bits)) => number = f64::from_bits(bits),
                (2, Value::Bytes(bytes)) => exemplar = Some(read_exemplar(bytes, metric.at)?),
                _ => {}
            }
        }
        if self.sample("", metric, None, number)
            && let Some(exemplar) = exemplar
        {
            self.families.gather.exemplar(exemplar);
        }
        Ok(())
    }

    /// `Summary { 1: uint64 count, 2: double sum, 3: repeated Quantile { 1: double quantile, 2: double value } }`.
    fn summary(&mut self, mut message: Wire<'_>, metric: &Metric<'_>) -> Result<(), DecodeError> {
        let (mut count, mut sum) = (0, 0.0);
        while let Some(field) = message.field()? {
            match field {
                (1, Value::Varint(number)) => count = number,
                (2, Value::Fixed64(bits)) => sum = f64::from_bits(bits),
                (3, Value::Bytes(quantile)) => {
                    let (quantile, value) = read_two_doubles(quantile)?;
                    self.sample("", metric, Some(("quantile", quantile)), value);
                }
                _ => {}
            }
        }
        self.sample("_sum", metric, None, sum);
        self.sample("_count", metric, None, count as f64);
        Ok(())
    }
}

fn read_two_doubles(mut message: Wire<'_>) -> Result<(f64, f64), DecodeError> {
    let mut both = (0.0, 0.0);
    while let Some(field) = message.field()? {
        match field {
            (1, Value::Fixed64(bits)) => both.0 = f64::from_bits(bits),
            (2, Value::Fixed64(bits)) => both.1 = f64::from_bits(bits),
            _ => {}
        }
    }
    Ok(both)
}

fn read_label<'a>(mut message: Wire<'a>) -> Result<(Cow<'a, str>, Cow<'a, str>), DecodeError> {
    let (mut name, mut value): (&[u8], &[u8]) = (b"", b"");
    while let Some(field) = message.field()? {
        match field {
            (1, Value::Bytes(bytes)) => name = bytes.bytes(),
            (2, Value::Bytes(bytes)) => value = bytes.bytes(),
            _ => {}
        }
    }
    Ok((readable(name, &mut 0), readable(value, &mut 0)))
}

/// `Exemplar { 1: repeated LabelPair, 2: double value, 3: Timestamp { 1: int64 seconds, 2: int32 nanos } }`.
fn read_exemplar(mut message: Wire<'_>, at_ms: i64) -> Result<Exemplar, DecodeError> {
    let (mut labels, mut value, mut timestamp) = (Pairs::new(), 0.0, at_ms);
    while let Some(field) = message.field()? {
        match field {
            (1, Value::Bytes(label)) => labels.push(read_label(label)?),
            (2, Value::Fixed64(bits)) => value = f64::from_bits(bits),
            (3, Value::Bytes(mut at)) => {
                let (mut secs, mut nanos) = (0i64, 0i64);
                while let Some(field) = at.field()? {
                    match field {
                        (1, Value::Varint(number)) => secs = number as i64,
                        (2, Value::Varint(number)) => nanos = i64::from(number as i32),
                        _ => {}
                    }
                }
                timestamp = secs.saturating_mul(1000).saturating_add(nanos / 1_000_000);
            }
            _ => {}
        }
    }
    Ok(Exemplar { labels: LabelSet::from_pairs(labels), value, timestamp })
}
