//! [`Snapshot`]: what one query sees of a tenant's metrics.
//!
//! Heads are shared, not copied: a snapshot shows at least what was acknowledged before it was made, and samples that
//! came into the same heads since.

use super::head::Heads;
use super::labels;
use super::selection::{Found, Selection, Source};
use super::shard::Shard;
use async_trait::async_trait;
use gantry_model::metric::Exemplar;
use gantry_model::{LabelSet, Selector, TenantId};
use gantry_store_api::{ErrorKind, MetricQuerier, MillisRange, SelectSeries, SeriesSet, StoreError};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

/// Series whose samples are shared before a reader lets the writer go on.
const AT_ONCE: usize = 1024;

#[derive(Debug)]
pub(crate) struct Snapshot {
    pub tenant: TenantId,
    pub shards: Vec<ShardSnapshot>,
    /// Samples before this instant in milliseconds are past their retention.
    pub earliest: i64,
}

#[derive(Debug)]
pub(crate) struct ShardSnapshot {
    pub shard: Arc<Shard>,
    /// The oldest first.
    pub heads: Vec<Arc<Heads>>,
}

impl Snapshot {
    fn visible(&self, range: MillisRange) -> MillisRange {
        MillisRange { first: range.first.max(self.earliest), last: range.last }
    }

    fn heads(&self) -> impl Iterator<Item = &Heads> {
        self.shards.iter().flat_map(|shard| &shard.heads).map(|heads| &**heads)
    }

    /// Numbers of the series of these heads that match any selector, when the heads have samples of the range.
    fn chosen(&self, heads: &Heads, selectors: &[Selector], range: MillisRange) -> Vec<u32> {
        let tenants = heads.tenants.read();
        let Some(head) = tenants.get(&self.tenant) else { return Vec::new() };
        if !head.times.is_some_and(|(first, last)| range.overlaps(first, last)) {
            return Vec::new();
        }
        match selectors {
            [] => (0..head.index.len()).collect(),
            [one] => head.index.select(one),
            many => {
                let any: BTreeSet<u32> = many.iter().flat_map(|selector| head.index.select(selector)).collect();
                any.into_iter().collect()
            }
        }
    }

    /// Adds the samples of matching series of these heads, a share at a time, so that appends are not kept waiting.
    fn add_from_heads(
        &self,
        heads: &Heads,
        request: &SelectSeries,
        range: MillisRange,
        found: &mut Vec<Found>,
        budget: &mut Budget,
    ) -> Result<(), StoreError> {
        let chosen = self.chosen(heads, std::slice::from_ref(&request.selector), range);
        for some in chosen.chunks(AT_ONCE) {
            let tenants = heads.tenants.read();
            let Some(head) = tenants.get(&self.tenant) else { return Ok(()) };
            for number in some {
                let series = &head.series[*number as usize];
                let source = Source::Head(Box::new(series.view()));
                budget.take(source.bytes())?;
                found.push(Found { labels: series.labels.clone(), source });
            }
        }
        Ok(())
    }

    /// The labels of matching series, as bytes, each once.
    async fn labels_of(&self, selectors: &[Selector], range: MillisRange) -> Result<HashSet<Arc<[u8]>>, StoreError> {
        let range = self.visible(range);
        let mut sets = HashSet::new();
        for heads in self.heads() {
            let chosen = self.chosen(heads, selectors, range);
            let tenants = heads.tenants.read();
            if let Some(head) = tenants.get(&self.tenant) {
                sets.extend(chosen.iter().map(|number| head.series[*number as usize].labels.clone()));
            }
        }
        Ok(sets)
    }
}

/// How many bytes of samples a query may still hold.
#[derive(Debug)]
pub(crate) struct Budget {
    most: u64,
    left: u64,
}

impl Budget {
    fn new(most: u64) -> Self {
        Budget { most, left: most }
    }

    pub(crate) fn take(&mut self, bytes: u64) -> Result<(), StoreError> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| {
            let message = format!(
                "the query needs more than {} bytes of compressed samples; choose fewer series or a shorter time",
                self.most
            );
            StoreError::new(ErrorKind::Invalid, message)
        })?;
        Ok(())
    }
}

#[async_trait]
impl MetricQuerier for Snapshot {
    async fn select(&self, request: &SelectSeries) -> Result<Arc<dyn SeriesSet>, StoreError> {
        let range = self.visible(request.range);
        let mut budget = Budget::new(request.max_bytes);
        let mut found = Vec::new();
        for shard in &self.shards {
            for heads in &shard.heads {
                self.add_from_heads(heads, request, range, &mut found, &mut budget)?;
            }
        }
        Ok(Arc::new(Selection::new(found, range, Vec::new())))
    }

    async fn series(&self, selectors: &[Selector], range: MillisRange) -> Result<Vec<LabelSet>, StoreError> {
        let mut sets: Vec<_> = self.labels_of(selectors, range).await?.into_iter().collect();
        sets.sort_unstable_by(|a, b| labels::compare(a, b));
        Ok(sets.iter().map(|labels| labels::to_set(labels)).collect())
    }

    async fn label_names(&self, selectors: &[Selector], range: MillisRange) -> Result<BTreeSet<String>, StoreError> {
        let mut names: BTreeSet<String> = BTreeSet::new();
        for labels in self.labels_of(selectors, range).await? {
            for (name, _) in labels::pairs(&labels) {
                if !names.contains(name) {
                    names.insert(name.to_owned());
                }
            }
        }
        Ok(names)
    }

    async fn label_values(
        &self,
        name: &str,
        selectors: &[Selector],
        range: MillisRange,
    ) -> Result<BTreeSet<String>, StoreError> {
        let mut values: BTreeSet<String> = BTreeSet::new();
        for labels in self.labels_of(selectors, range).await? {
            for (_, value) in labels::pairs(&labels).filter(|(other, _)| *other == name) {
                if !values.contains(value) {
                    values.insert(value.to_owned());
                }
            }
        }
        Ok(values)
    }

    async fn exemplars(
        &self,
        selectors: &[Selector],
        range: MillisRange,
    ) -> Result<Vec<(LabelSet, Vec<Exemplar>)>, StoreError> {
        let range = self.visible(range);
        let mut found = BTreeMap::new();
        for shard in &self.shards {
            shard.shard.exemplars.select(&self.tenant, selectors, range, &mut found);
        }
        for exemplars in found.values_mut() {
            exemplars.sort_by_key(|exemplar: &Exemplar| exemplar.timestamp);
        }
        Ok(found.into_iter().collect())
    }
}
