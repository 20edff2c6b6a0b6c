//! The words of metrics: samples, native histograms, exemplars, and [`MetricBatch`], in which they travel to the store.
//!
//! Time of metrics is milliseconds since 1970 (`i64`), as in Prometheus. The name of a metric is its label `__name__`.

mod batch;
mod encoded;
mod histogram;
mod samples;

pub use batch::{BatchSeries, InvalidLabels, MetricBatch, MetricBatchBuilder};
pub use encoded::EncodedLabels;
pub use histogram::{Buckets, CUSTOM_BUCKETS_SCHEMA, InvalidHistogram, NativeHistogram, ResetHint, Span};
pub use samples::{Exemplar, MetricMetadata, MetricType, STALE_NAN_BITS, Samples, is_stale, stale_marker};

/// The label that holds the name of a metric.
pub const METRIC_NAME: &str = "__name__";
