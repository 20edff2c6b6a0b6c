//! [`Gather`]: what every decoder of metrics fills: a batch, and the refusals of what cannot be part of it.

use crate::error::{Refusals, cut};
use crate::incoming::MetricIncoming;
use crate::reason::Reason;
use gantry_model::StreamId;
use gantry_model::metric::{Exemplar, InvalidLabels, METRIC_NAME, MetricBatchBuilder, MetricMetadata, NativeHistogram};
use std::borrow::Cow;

/// Milliseconds that fit into 64 bits of nanoseconds: years 1677 to 2262.
const MAX_MS: u64 = i64::MAX as u64 / 1_000_000;
/// Longest part of a series' labels that an answer repeats, in bytes.
const SHOWN: usize = 300;

/// A label of a series, not looked at yet.
pub(crate) type RawLabel<'a> = (&'a [u8], &'a [u8]);

#[derive(Debug, Default)]
pub(crate) struct Gather {
    batch: MetricBatchBuilder,
    refused: Refusals,
    refused_exemplars: u64,
    unsupported: u64,
}

impl Gather {
    /// Opens the series of these labels, or refuses its samples, of which there are as many as `samples` says; whether
    /// it is open.
    pub fn open(&mut self, labels: &[RawLabel<'_>], samples: impl FnOnce() -> u64) -> bool {
        let named = labels.iter().any(|(name, value)| *name == METRIC_NAME.as_bytes() && !value.is_empty());
        let fault = match self.batch.series_bytes(labels.iter().copied()) {
            Ok(_) if named => return true,
            Ok(_) => {
                self.batch.close();
                (Reason::MissingMetricName, "the series has no label __name__".to_owned())
            }
            Err(InvalidLabels::Empty) => (Reason::MissingLabels, InvalidLabels::Empty.to_string()),
            Err(error @ InvalidLabels::TooLarge) => (Reason::BodyTooLarge, error.to_string()),
            Err(error) => (Reason::InvalidLabels, error.to_string()),
        };
        let (reason, message) = fault;
        self.refused.add(reason, samples().max(1), 0, || format!("{message}; series {}", shown(labels)));
        false
    }

    /// As [`Gather::open`], for texts.
    pub fn open_pairs(&mut self, labels: &[(Cow<'_, str>, Cow<'_, str>)], samples: impl FnOnce() -> u64) -> bool {
        let raw: Vec<RawLabel<'_>> = labels.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        self.open(&raw, samples)
    }

    /// The identity of the open series.
    pub fn series_id(&self) -> Option<StreamId> {
        self.batch.labels().map(|labels| labels.series_id())
    }

    /// A number of the open series.
    #[inline]
    pub fn sample(&mut self, at_ms: i64, value: f64) {
        if in_range(at_ms) {
            self.batch.sample(at_ms, value);
        } else {
            self.refuse_time(at_ms);
        }
    }

    /// A histogram of the open series.
    pub fn histogram(&mut self, at_ms: i64, histogram: NativeHistogram) {
        if in_range(at_ms) {
            self.batch.histogram(at_ms, histogram);
        } else {
            self.refuse_time(at_ms);
        }
    }

    /// An exemplar of the open series. One at an impossible time is left out.
    pub fn exemplar(&mut self, exemplar: Exemplar) {
        if in_range(exemplar.timestamp) {
            self.batch.exemplar(exemplar);
        } else {
            self.refused_exemplars += 1;
        }
    }

    pub fn metadata(&mut self, family: &str, metadata: MetricMetadata) {
        self.batch.metadata(family, metadata);
    }

    pub fn refuse(&mut self, reason: Reason, samples: u64, describe: impl FnOnce() -> String) {
        self.refused.add(reason, samples, 0, describe);
    }

    /// Counts values that cannot be samples.
    pub fn drop_unsupported(&mut self, values: u64) {
        self.unsupported += values;
    }

    fn refuse_time(&mut self, at_ms: i64) {
        let describe = || format!("{at_ms} milliseconds since 1970 are not in the years 1677 to 2262");
        self.refused.add(Reason::TimestampOutOfRange, 1, 0, describe);
    }

    pub fn finish(self) -> MetricIncoming {
        let Gather { batch, refused, refused_exemplars, unsupported } = self;
        MetricIncoming { batch: batch.finish(), refused, refused_exemplars, unsupported }
    }
}

fn in_range(at_ms: i64) -> bool {
    at_ms.unsigned_abs() <= MAX_MS
}

/// Labels for an answer, cut when they are long.
fn shown(labels: &[RawLabel<'_>]) -> String {
    let mut text = String::from("{");
    for (name, value) in labels {
        if text.len() > SHOWN {
            break;
        }
        if text.len() > 1 {
            text.push_str(", ");
        }
        let part = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]).into_owned();
        text.push_str(&format!("{}={:?}", part(name), part(value)));
    }
    text.push('}');
    cut(text, SHOWN)
}
