//! What is asked of metrics beside their values: series, labels, exemplars, what families mean, where series come from.

use crate::{QueryEngine, QueryError};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use gantry_model::metric::{Exemplar, MetricMetadata, Samples, is_stale};
use gantry_model::{LabelSet, Selector, TenantId};
use gantry_prompb::Message;
use gantry_prompb::remote_read::write_series;
use gantry_store_api::{Cardinality, MillisRange, SelectSeries, SeriesSet, StoreError};
use std::collections::{BTreeMap, BTreeSet};

/// Which series: those that match any of the selectors, all where there is none, and have samples in the range.
#[derive(Clone, Debug)]
pub struct SeriesScope {
    pub selectors: Vec<Selector>,
    pub range: MillisRange,
}

/// The newest number of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Newest {
    pub labels: LabelSet,
    /// Milliseconds.
    pub at_ms: i64,
    pub value: f64,
}

impl QueryEngine {
    /// The newest number in the range of each series that any of the selectors names. `ended`: also of series that have ended.
    pub async fn newest_samples(
        &self,
        tenant: &TenantId,
        selectors: Vec<Selector>,
        range: MillisRange,
        ended: bool,
    ) -> Result<Vec<Newest>, QueryError> {
        let querier = self.samples.metric_querier(tenant);
        let memory = MemoryConsumer::new("federate").register(&self.runtime.memory_pool);
        self.guarded("federate", tenant, async {
            let mut found = BTreeMap::new();
            for selector in selectors {
                let request = SelectSeries { selector, range, step_ms: 0, max_bytes: self.options.max_scan_bytes };
                let set = querier.select(&request).await?;
                // Labels are shared with the store.
                memory.try_grow(set.labels().len() * 2 * size_of::<Newest>())?;
                let read = tokio::task::spawn_blocking(move || newest(&*set, range, ended)).await;
                let read = read.map_err(|error| QueryError::Internal(error.to_string()))??;
                found.extend(read.into_iter().map(|one| (one.labels.clone(), one)));
            }
            Ok(found.into_values().collect())
        })
        .await
    }

    /// The samples of the range of each series that the selector names, as they are stored: a `prometheus.QueryResult`.
    pub async fn stored_samples(
        &self,
        tenant: &TenantId,
        selector: Selector,
        range: MillisRange,
    ) -> Result<Vec<u8>, QueryError> {
        let querier = self.samples.metric_querier(tenant);
        let memory = MemoryConsumer::new("remote read").register(&self.runtime.memory_pool);
        let most = self.options.promql_max_samples;
        self.guarded("remote_read", tenant, async {
            let request = SelectSeries { selector, range, step_ms: 0, max_bytes: self.options.max_scan_bytes };
            let set = querier.select(&request).await?;
            let written = tokio::task::spawn_blocking(move || write_samples(&*set, range, most, &memory)).await;
            written.map_err(|error| QueryError::Internal(error.to_string()))?
        })
        .await
    }

    /// Label sets, sorted.
    pub async fn metric_series(&self, tenant: &TenantId, scope: &SeriesScope) -> Result<Vec<LabelSet>, QueryError> {
        let querier = self.samples.metric_querier(tenant);
        self.guarded("metric_series", tenant, async { Ok(querier.series(&scope.selectors, scope.range).await?) }).await
    }

    /// Names of labels, sorted.
    pub async fn metric_labels(&self, tenant: &TenantId, scope: &SeriesScope) -> Result<BTreeSet<String>, QueryError> {
        let querier = self.samples.metric_querier(tenant);
        self.guarded("metric_labels", tenant, async { Ok(querier.label_names(&scope.selectors, scope.range).await?) })
            .await
    }

    /// Values of one label, sorted.
    pub async fn metric_label_values(
        &self,
        tenant: &TenantId,
        name: &str,
        scope: &SeriesScope,
    ) -> Result<BTreeSet<String>, QueryError> {
        let querier = self.samples.metric_querier(tenant);
        let values = async { Ok(querier.label_values(name, &scope.selectors, scope.range).await?) };
        self.guarded("metric_label_values", tenant, values).await
    }

    /// Exemplars by series, each in order of time.
    pub async fn metric_exemplars(
        &self,
        tenant: &TenantId,
        scope: &SeriesScope,
    ) -> Result<Vec<(LabelSet, Vec<Exemplar>)>, QueryError> {
        let querier = self.samples.metric_querier(tenant);
        let exemplars = async { Ok(querier.exemplars(&scope.selectors, scope.range).await?) };
        self.guarded("metric_exemplars", tenant, exemplars).await
    }

    /// Type, help and unit by family.
    pub fn metric_metadata(
        &self,
        tenant: &TenantId,
        family: Option<&str>,
    ) -> BTreeMap<String, BTreeSet<MetricMetadata>> {
        self.samples.metadata(tenant, family)
    }

    /// Where the tenant's series come from; lists of at most `limit` rows.
    pub fn metric_cardinality(&self, tenant: &TenantId, limit: usize) -> Cardinality {
        self.samples.cardinality(tenant, limit)
    }
}

/// Writes all series one after the other; the memory of the answer is taken as it grows.
fn write_samples(
    set: &dyn SeriesSet,
    range: MillisRange,
    most: u64,
    memory: &MemoryReservation,
) -> Result<Vec<u8>, QueryError> {
    let (mut result, mut samples, mut count) = (Message::default(), Samples::default(), 0);
    for (number, labels) in set.labels().iter().enumerate() {
        set.read(number, &mut samples)?;
        keep_within(range, &mut samples);
        count += samples.len() as u64;
        if count > most {
            let text =
                format!("more than query.promql_max_samples, {most} samples; ask for fewer series or a shorter range");
            return Err(QueryError::Budget(text));
        }
        if samples.is_empty() {
            continue;
        }
        let before = result.len();
        write_series(&mut result, labels, &samples);
        memory.try_grow(result.len() - before)?;
    }
    Ok(result.into_bytes())
}

/// What is read may reach beyond the range.
fn keep_within(range: MillisRange, samples: &mut Samples) {
    let Samples { timestamps, values, histograms } = samples;
    let (from, to) =
        (timestamps.partition_point(|at| *at < range.first), timestamps.partition_point(|at| *at <= range.last));
    timestamps.truncate(to);
    values.truncate(to);
    timestamps.drain(..from.min(to));
    values.drain(..from.min(to));
    histograms.retain(|(at, _)| range.contains(*at));
}

fn newest(set: &dyn SeriesSet, range: MillisRange, ended: bool) -> Result<Vec<Newest>, StoreError> {
    let (mut samples, mut found) = (Samples::default(), Vec::new());
    for (at, labels) in set.labels().iter().enumerate() {
        set.read(at, &mut samples)?;
        // What is read may reach beyond the range.
        let mut numbers = samples.timestamps.iter().zip(&samples.values);
        let counts = |(at, value): (&i64, &f64)| range.contains(*at) && !(ended && is_stale(*value));
        let Some(last) = numbers.rposition(counts) else { continue };
        let (at_ms, value) = (samples.timestamps[last], samples.values[last]);
        let later = samples.histograms.iter().any(|(histogram, _)| *histogram > at_ms && range.contains(*histogram));
        if !later && !is_stale(value) {
            found.push(Newest { labels: labels.clone(), at_ms, value });
        }
    }
    Ok(found)
}
