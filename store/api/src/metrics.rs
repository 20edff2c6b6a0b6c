//! Writing and reading metrics.

use crate::StoreError;
use async_trait::async_trait;
use gantry_model::metric::{Exemplar, MetricBatch, MetricMetadata, Samples};
use gantry_model::{LabelSet, Selector, TenantId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Accepts batches of samples and makes them durable.
///
/// # Rules for implementers
/// - When `append_metrics` returns `Ok`, every sample of the batch that the commit does not name as rejected survives
///   `kill -9` and loss of power, and is found by every querier made from now on.
/// - A sample that is stored already with the same value counts as accepted. One refused sample does not refuse others.
/// - When it returns `Err`, some samples may still have become durable; the batch may be sent again.
#[async_trait]
pub trait AppendMetrics: Send + Sync {
    async fn append_metrics(&self, tenant: &TenantId, batch: MetricBatch) -> Result<MetricCommit, StoreError>;
}

/// Proof that the accepted part of a batch is durable.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use = "an acknowledgement may be sent only on a commit"]
pub struct MetricCommit {
    /// Numbers and histograms that are stored.
    pub samples: u64,
    /// How many of them are histograms.
    pub histograms: u64,
    /// Exemplars that are stored.
    pub exemplars: u64,
    /// How many were refused, by reason.
    pub rejected: BTreeMap<RejectReason, u64>,
    /// The first refusal in words: which series, which instant, why, and what to do.
    pub first_rejection: Option<String>,
    /// Which samples were refused, in no order: for whoever passes on what is stored.
    pub refused: Vec<RefusedSample>,
}

/// A refused part of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RefusedSample {
    /// Position in [`MetricBatch::series`].
    pub series: u32,
    pub part: RefusedPart,
}

/// What of a series was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusedPart {
    /// All of its samples.
    Series,
    /// The number at this position.
    Number(u32),
    /// The histogram at this position.
    Histogram(u32),
}

/// Why the store does not keep a sample, an exemplar or a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RejectReason {
    /// Older than the newest sample of its series by more than the out-of-order window.
    OutOfOrder,
    /// The instant has another value already.
    DuplicateTimestamp,
    /// Too far ahead of the clock.
    TooFarInFuture,
    /// The tenant has as many active series as it may.
    SeriesLimit,
    /// The tenant began as many series in this hour as it may.
    ChurnLimit,
    /// A series with more labels, or longer names or values, than a series may have.
    LabelLimit,
    /// A histogram that contradicts itself.
    InvalidHistogram,
}

impl RejectReason {
    /// The value of the label `reason` in the store's own metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            RejectReason::OutOfOrder => "out_of_order",
            RejectReason::DuplicateTimestamp => "duplicate_timestamp",
            RejectReason::TooFarInFuture => "too_far_in_future",
            RejectReason::SeriesLimit => "series_limit",
            RejectReason::ChurnLimit => "churn_limit",
            RejectReason::LabelLimit => "label_limit",
            RejectReason::InvalidHistogram => "invalid_histogram",
        }
    }
}

/// From the first to the last millisecond, both within.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MillisRange {
    pub first: i64,
    pub last: i64,
}

impl MillisRange {
    pub const ALL: MillisRange = MillisRange { first: i64::MIN, last: i64::MAX };

    pub fn contains(&self, at_ms: i64) -> bool {
        self.first <= at_ms && at_ms <= self.last
    }

    /// Whether any instant from `first` to `last` lies in this range.
    pub fn overlaps(&self, first: i64, last: i64) -> bool {
        first <= self.last && self.first <= last
    }
}

/// Makes snapshots of metrics to read from.
pub trait QueryMetrics: Send + Sync {
    /// A consistent view of `tenant`'s samples: all that was acknowledged before the call. Cheap: no I/O.
    fn metric_querier(&self, tenant: &TenantId) -> Arc<dyn MetricQuerier>;

    /// Differs from what it was whenever an answer about samples of the range may differ. To be read before the snapshot is
    /// taken. `None` where nobody can tell, as near retention.
    fn metric_version(&self, tenant: &TenantId, range: MillisRange) -> Option<u64>;

    /// What is known of metric families by name; of one family when it is named. Several where sources disagree.
    fn metadata(&self, tenant: &TenantId, family: Option<&str>) -> BTreeMap<String, BTreeSet<MetricMetadata>>;

    /// How many series the tenant has in memory and which labels make them so many; each list has at most `limit` rows.
    fn cardinality(&self, tenant: &TenantId, limit: usize) -> Cardinality;

    /// Tenants that have samples, sorted.
    fn metric_tenants(&self) -> Vec<TenantId>;
}

/// A snapshot of one tenant's metrics.
///
/// # Rules for implementers
/// - Label sets are distinct and sorted; a series without any sample in the range may still be named.
/// - Damaged or missing files do not fail a query: the rest is served and [`SeriesSet::warnings`] says what is missing.
#[async_trait]
pub trait MetricQuerier: Send + Sync {
    /// The series that match, with their samples of the range. All I/O is done here; samples stay compressed until
    /// [`SeriesSet::read`]. Fails when what is read would pass `max_bytes`.
    async fn select(&self, request: &SelectSeries) -> Result<Arc<dyn SeriesSet>, StoreError>;

    /// The label sets of the series that match any of the selectors (all series when there is none) and may have samples
    /// in the range.
    async fn series(&self, selectors: &[Selector], range: MillisRange) -> Result<Vec<LabelSet>, StoreError>;

    /// The names of their labels, sorted.
    async fn label_names(&self, selectors: &[Selector], range: MillisRange) -> Result<BTreeSet<String>, StoreError>;

    /// The values of one of their labels, sorted.
    async fn label_values(
        &self,
        name: &str,
        selectors: &[Selector],
        range: MillisRange,
    ) -> Result<BTreeSet<String>, StoreError>;

    /// Exemplars of the series that match any of the selectors, by series, in order of time.
    async fn exemplars(
        &self,
        selectors: &[Selector],
        range: MillisRange,
    ) -> Result<Vec<(LabelSet, Vec<Exemplar>)>, StoreError>;
}

/// Which samples.
#[derive(Clone, Debug)]
pub struct SelectSeries {
    pub selector: Selector,
    pub range: MillisRange,
    /// How far apart the points are that the query computes, in milliseconds, when it needs no finer ones: the store may
    /// then answer from aggregates of 5 minutes or an hour where nothing finer is left. 0 when every sample counts.
    pub step_ms: i64,
    /// Most bytes of samples, as stored.
    pub max_bytes: u64,
}

/// Series with compressed samples.
pub trait SeriesSet: Send + Sync {
    /// Sorted.
    fn labels(&self) -> &[LabelSet];

    /// Replaces what `into` holds by the samples of the series at this position of [`SeriesSet::labels`].
    fn read(&self, series: usize, into: &mut Samples) -> Result<(), StoreError>;

    /// What could not be read.
    fn warnings(&self) -> Vec<String>;
}

/// Where a tenant's series come from (Prometheus' `/api/v1/status/tsdb`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cardinality {
    /// Series in memory.
    pub series: u64,
    pub chunks: u64,
    pub label_pairs: u64,
    /// Milliseconds of the oldest and the newest sample in memory; `None` without samples.
    pub times: Option<(i64, i64)>,
    pub series_by_metric: Vec<(String, u64)>,
    pub values_by_label: Vec<(String, u64)>,
    /// Bytes of all values of a label, over all series.
    pub bytes_by_label: Vec<(String, u64)>,
    /// `name=value`.
    pub series_by_pair: Vec<(String, u64)>,
}
