//! Requests of remote write, 1.0 and 2.0 ("Prometheus Remote-Write Specification"; prometheus/prometheus,
//! `prompb/remote.proto`, `prompb/io/prometheus/write/v2/types.proto`).

use crate::{Message, histogram, metric_type_number};
use gantry_model::LabelSet;
use gantry_model::metric::{EncodedLabels, Exemplar, MetricMetadata, NativeHistogram};
use std::collections::HashMap;

/// What is sent of one series.
#[derive(Clone, Copy, Debug)]
pub struct Series<'a> {
    pub labels: EncodedLabels<'a>,
    /// Milliseconds of the values; in order of time.
    pub timestamps: &'a [i64],
    pub values: &'a [f64],
    pub histograms: &'a [(i64, NativeHistogram)],
    pub exemplars: &'a [Exemplar],
    /// Of its family; 2.0 only.
    pub metadata: Option<&'a MetricMetadata>,
}

/// `prometheus.WriteRequest`.
pub fn v1<'a>(series: impl Iterator<Item = Series<'a>>) -> Vec<u8> {
    let mut request = Message::default();
    for one in series {
        request.message(1, |message| {
            for (name, value) in one.labels.iter() {
                message.message(1, |label| put_label(label, name, value));
            }
            put_samples(message, one);
            for exemplar in one.exemplars {
                message.message(3, |message| {
                    for (name, value) in exemplar.labels.iter() {
                        message.message(1, |label| put_label(label, name, value));
                    }
                    message.double(2, exemplar.value);
                    message.int(3, exemplar.timestamp);
                });
            }
            one.histograms.iter().for_each(|(at, one)| message.message(4, |into| histogram::write(into, *at, one)));
        });
    }
    request.into_bytes()
}

/// `prometheus.WriteRequest` with nothing but what is known of metric families.
pub fn v1_metadata<'a>(families: impl Iterator<Item = (&'a str, &'a MetricMetadata)>) -> Vec<u8> {
    let mut request = Message::default();
    for (family, metadata) in families {
        request.message(3, |message| {
            message.varint(1, metric_type_number(metadata.kind));
            message.bytes(2, family.as_bytes());
            message.bytes(4, metadata.help.as_bytes());
            message.bytes(5, metadata.unit.as_bytes());
        });
    }
    request.into_bytes()
}

/// `io.prometheus.write.v2.Request`.
pub fn v2<'a>(series: impl Iterator<Item = Series<'a>>) -> Vec<u8> {
    let mut symbols = Symbols::default();
    symbols.number("");
    let mut rest = Message::default();
    for one in series {
        let labels = symbols.pairs(one.labels.iter());
        rest.message(5, |message| {
            message.packed(1, labels.into_iter());
            put_samples(message, one);
            one.histograms.iter().for_each(|(at, one)| message.message(3, |into| histogram::write(into, *at, one)));
            for exemplar in one.exemplars {
                let labels = symbols.labels(&exemplar.labels);
                message.message(4, |message| {
                    message.packed(1, labels.into_iter());
                    message.double(2, exemplar.value);
                    message.int(3, exemplar.timestamp);
                });
            }
            if let Some(metadata) = one.metadata {
                let (help, unit) = (symbols.number(&metadata.help), symbols.number(&metadata.unit));
                message.message(5, |message| {
                    message.varint(1, metric_type_number(metadata.kind));
                    message.varint(3, help);
                    message.varint(4, unit);
                });
            }
        });
    }
    let mut request = Message::with_capacity(rest.len() + 32 * symbols.order.len());
    symbols.order.iter().for_each(|symbol| request.bytes(4, symbol.as_bytes()));
    let mut bytes = request.into_bytes();
    bytes.extend_from_slice(&rest.into_bytes());
    bytes
}

fn put_label(label: &mut Message, name: &str, value: &str) {
    label.bytes(1, name.as_bytes());
    label.bytes(2, value.as_bytes());
}

fn put_samples(message: &mut Message, series: Series<'_>) {
    for (at, value) in series.timestamps.iter().zip(series.values) {
        message.message(2, |sample| {
            sample.double(1, *value);
            sample.int(2, *at);
        });
    }
}

/// Every text of a request once, by the order in which it came.
#[derive(Debug, Default)]
struct Symbols {
    numbers: HashMap<Box<str>, u64>,
    order: Vec<Box<str>>,
}

impl Symbols {
    fn number(&mut self, text: &str) -> u64 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.order.len() as u64;
        self.numbers.insert(text.into(), number);
        self.order.push(text.into());
        number
    }

    fn labels(&mut self, labels: &LabelSet) -> Vec<u64> {
        self.pairs(labels.iter())
    }

    fn pairs<'t>(&mut self, pairs: impl Iterator<Item = (&'t str, &'t str)>) -> Vec<u64> {
        let mut numbers = Vec::new();
        for (name, value) in pairs {
            numbers.extend([self.number(name), self.number(value)]);
        }
        numbers
    }
}
