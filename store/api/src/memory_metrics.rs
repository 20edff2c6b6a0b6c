//! [`MemoryMetrics`]: the contract of metrics in memory, as simple as can be.

use crate::{
    AppendMetrics, Cardinality, ErrorKind, MetricCommit, MetricQuerier, MillisRange, QueryMetrics, RefusedPart,
    RefusedSample, RejectReason, SelectSeries, SeriesSet, StoreError,
};
use async_trait::async_trait;
use gantry_model::metric::{Exemplar, METRIC_NAME, MetricBatch, MetricMetadata, NativeHistogram, Samples};
use gantry_model::{LabelSet, Selector, TenantId};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A sample of either kind.
#[derive(Clone, Debug)]
enum Value {
    Number(f64),
    Histogram(Arc<NativeHistogram>),
}

impl Value {
    fn is(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Number(a), Value::Number(b)) => a.to_bits() == b.to_bits(),
            (Value::Histogram(a), Value::Histogram(b)) => a == b,
            _ => false,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Tenant {
    series: BTreeMap<LabelSet, BTreeMap<i64, Value>>,
    exemplars: BTreeMap<LabelSet, BTreeMap<i64, Exemplar>>,
    metadata: BTreeMap<String, BTreeSet<MetricMetadata>>,
    /// Rises with every append.
    version: u64,
}

/// Metrics in memory, without limits and without an out-of-order window.
#[derive(Debug, Default)]
pub struct MemoryMetrics {
    tenants: Mutex<BTreeMap<TenantId, Tenant>>,
}

fn put(
    series: &mut BTreeMap<i64, Value>,
    labels: &LabelSet,
    (at, value): (i64, Value),
    place: RefusedSample,
    commit: &mut MetricCommit,
) {
    if series.get(&at).is_some_and(|old| !old.is(&value)) {
        *commit.rejected.entry(RejectReason::DuplicateTimestamp).or_default() += 1;
        commit.refused.push(place);
        commit.first_rejection.get_or_insert_with(|| format!("{labels} at {at} ms has another value already"));
        return;
    }
    commit.samples += 1;
    commit.histograms += u64::from(matches!(value, Value::Histogram(_)));
    series.insert(at, value);
}

#[async_trait]
impl AppendMetrics for MemoryMetrics {
    async fn append_metrics(&self, tenant: &TenantId, batch: MetricBatch) -> Result<MetricCommit, StoreError> {
        let mut tenants = self.tenants.lock();
        let tenant = tenants.entry(tenant.clone()).or_default();
        tenant.version += 1;
        let mut commit = MetricCommit::default();
        for (number, one) in (0u32..).zip(batch.series()) {
            let labels = batch.labels(one).to_labels();
            let (times, values) = batch.samples(one);
            let numbers = times.iter().zip(values).map(|(at, value)| (*at, Value::Number(*value)));
            let numbers = (0u32..).map(RefusedPart::Number).zip(numbers);
            let histograms = batch.histograms(one).iter().map(|(at, h)| (*at, Value::Histogram(Arc::new(h.clone()))));
            let histograms = (0u32..).map(RefusedPart::Histogram).zip(histograms);
            let samples: Vec<_> = numbers.chain(histograms).collect();
            if !samples.is_empty() {
                let series = tenant.series.entry(labels.clone()).or_default();
                for (part, sample) in samples {
                    put(series, &labels, sample, RefusedSample { series: number, part }, &mut commit);
                }
            }
            for exemplar in batch.exemplars(one) {
                let exemplars = tenant.exemplars.entry(labels.clone()).or_default();
                exemplars.entry(exemplar.timestamp).or_insert_with(|| exemplar.clone());
                commit.exemplars += 1;
            }
        }
        for (family, about) in batch.metadata() {
            tenant.metadata.entry(family.clone()).or_default().insert(about.clone());
        }
        Ok(commit)
    }
}

impl QueryMetrics for MemoryMetrics {
    fn metric_querier(&self, tenant: &TenantId) -> Arc<dyn MetricQuerier> {
        Arc::new(self.tenants.lock().get(tenant).cloned().unwrap_or_default())
    }

    fn metric_version(&self, tenant: &TenantId, _: MillisRange) -> Option<u64> {
        Some(self.tenants.lock().get(tenant).map_or(0, |tenant| tenant.version))
    }

    fn metadata(&self, tenant: &TenantId, family: Option<&str>) -> BTreeMap<String, BTreeSet<MetricMetadata>> {
        let tenants = self.tenants.lock();
        let mut all = tenants.get(tenant).map(|tenant| tenant.metadata.clone()).unwrap_or_default();
        all.retain(|name, _| family.is_none_or(|family| family == name));
        all
    }

    fn cardinality(&self, tenant: &TenantId, limit: usize) -> Cardinality {
        let tenants = self.tenants.lock();
        let Some(tenant) = tenants.get(tenant) else { return Cardinality::default() };
        let (mut metrics, mut pairs) = (BTreeMap::new(), BTreeMap::<(&str, &str), u64>::new());
        for labels in tenant.series.keys() {
            *metrics.entry(labels.get(METRIC_NAME).unwrap_or_default().to_owned()).or_default() += 1;
            labels.iter().for_each(|pair| *pairs.entry(pair).or_default() += 1);
        }
        let (mut values, mut bytes) = (BTreeMap::new(), BTreeMap::new());
        for ((name, value), series) in &pairs {
            *values.entry((*name).to_owned()).or_default() += 1;
            *bytes.entry((*name).to_owned()).or_default() += value.len() as u64 * series;
        }
        let times = tenant.series.values().flat_map(BTreeMap::keys);
        Cardinality {
            series: tenant.series.len() as u64,
            chunks: tenant.series.len() as u64,
            label_pairs: pairs.len() as u64,
            times: times.clone().min().copied().zip(times.max().copied()),
            series_by_metric: most(metrics, limit),
            values_by_label: most(values, limit),
            bytes_by_label: most(bytes, limit),
            series_by_pair: most(pairs.iter().map(|((n, v), count)| (format!("{n}={v}"), *count)).collect(), limit),
        }
    }

    fn metric_tenants(&self) -> Vec<TenantId> {
        self.tenants.lock().keys().cloned().collect()
    }
}

/// The largest first; of equals by name.
fn most(rows: BTreeMap<String, u64>, limit: usize) -> Vec<(String, u64)> {
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    rows.truncate(limit);
    rows
}

impl Tenant {
    fn matching(&self, selectors: &[Selector], range: MillisRange) -> impl Iterator<Item = &LabelSet> {
        let wanted = move |labels: &LabelSet| selectors.is_empty() || selectors.iter().any(|s| s.matches(labels));
        let alive = move |samples: &BTreeMap<i64, Value>| samples.keys().any(|at| range.contains(*at));
        self.series.iter().filter(move |(labels, samples)| wanted(labels) && alive(samples)).map(|(labels, _)| labels)
    }
}

#[async_trait]
impl MetricQuerier for Tenant {
    async fn select(&self, request: &SelectSeries) -> Result<Arc<dyn SeriesSet>, StoreError> {
        let mut set = Chosen::default();
        let mut bytes = 0;
        for labels in self.matching(std::slice::from_ref(&request.selector), request.range) {
            let mut samples = Samples::default();
            for (at, value) in self.series[labels].iter().filter(|(at, _)| request.range.contains(**at)) {
                match value {
                    Value::Number(value) => samples.push(*at, *value),
                    Value::Histogram(histogram) => samples.histograms.push((*at, histogram.clone())),
                }
            }
            bytes += samples.len() as u64;
            set.labels.push(labels.clone());
            set.samples.push(samples);
        }
        if bytes > request.max_bytes {
            return Err(StoreError::new(ErrorKind::Invalid, "the query needs more bytes of samples than it may read"));
        }
        Ok(Arc::new(set))
    }

    async fn series(&self, selectors: &[Selector], range: MillisRange) -> Result<Vec<LabelSet>, StoreError> {
        Ok(self.matching(selectors, range).cloned().collect())
    }

    async fn label_names(&self, selectors: &[Selector], range: MillisRange) -> Result<BTreeSet<String>, StoreError> {
        Ok(self.matching(selectors, range).flat_map(|labels| labels.iter().map(|(name, _)| name.to_owned())).collect())
    }

    async fn label_values(
        &self,
        name: &str,
        selectors: &[Selector],
        range: MillisRange,
    ) -> Result<BTreeSet<String>, StoreError> {
        Ok(self.matching(selectors, range).filter_map(|labels| labels.get(name).map(str::to_owned)).collect())
    }

    async fn exemplars(
        &self,
        selectors: &[Selector],
        range: MillisRange,
    ) -> Result<Vec<(LabelSet, Vec<Exemplar>)>, StoreError> {
        let wanted = |labels: &LabelSet| selectors.is_empty() || selectors.iter().any(|s| s.matches(labels));
        let of = |exemplars: &BTreeMap<i64, Exemplar>| -> Vec<Exemplar> {
            exemplars.values().filter(|exemplar| range.contains(exemplar.timestamp)).cloned().collect()
        };
        let found = self.exemplars.iter().filter(|(labels, _)| wanted(labels));
        Ok(found.map(|(labels, all)| (labels.clone(), of(all))).filter(|(_, some)| !some.is_empty()).collect())
    }
}

#[derive(Debug, Default)]
struct Chosen {
    labels: Vec<LabelSet>,
    samples: Vec<Samples>,
}

impl SeriesSet for Chosen {
    fn labels(&self) -> &[LabelSet] {
        &self.labels
    }

    fn read(&self, series: usize, into: &mut Samples) -> Result<(), StoreError> {
        into.clone_from(&self.samples[series]);
        Ok(())
    }

    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}
