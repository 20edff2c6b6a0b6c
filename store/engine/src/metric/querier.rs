//! [`Snapshot`]: what one query sees of a tenant's metrics.
//!
//! Heads are shared, not copied: a snapshot shows at least what was acknowledged before it was made, and samples that
//! came into the same heads since.

use super::block::Block;
use super::head::Heads;
use super::index::LabelIndex;
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
    /// What was stored earlier first; all of it is older than what is in the heads.
    pub blocks: Vec<Arc<Block>>,
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

    /// Blocks that have samples of the range.
    fn blocks(&self, range: MillisRange) -> impl Iterator<Item = &Arc<Block>> {
        let blocks = self.shards.iter().flat_map(|shard| &shard.blocks);
        blocks.filter(move |block| block.meta().overlaps(range))
    }

    /// Adds the frames of matching series of a block.
    async fn add_from_block(
        &self,
        block: &Block,
        request: &SelectSeries,
        range: MillisRange,
        found: &mut Vec<Found>,
        budget: &mut Budget,
    ) -> Result<(), StoreError> {
        let open = block.open().await?;
        let mut chosen = open.index.select(&request.selector);
        chosen.retain(|series| open.has(*series, range));
        if chosen.is_empty() {
            return Ok(());
        }
        budget.take(block.meta().parquet.len * chosen.len() as u64 / open.labels.len().max(1) as u64)?;
        let rows = block.rows(&open, &chosen).await?;
        for ((rows, row), series) in rows.into_iter().zip(chosen) {
            let source = Source::Block(rows, row);
            found.push(Found { labels: open.labels[series as usize].clone(), source });
        }
        Ok(())
    }

    /// Adds all values of a label, or all names, from indexes of heads and blocks that have samples of the range.
    async fn add_all(&self, range: MillisRange, add: &mut (dyn FnMut(&LabelIndex) + Send)) -> Result<(), StoreError> {
        let range = self.visible(range);
        for block in self.blocks(range) {
            match block.open().await {
                Ok(open) => add(&open.index),
                Err(error) => skip_damaged(error).map(|warning| tracing::warn!(warning, "a block is left out"))?,
            }
        }
        for heads in self.heads() {
            let tenants = heads.tenants.read();
            if let Some(head) = tenants.get(&self.tenant)
                && head.times.is_some_and(|(first, last)| range.overlaps(first, last))
            {
                add(&head.index);
            }
        }
        Ok(())
    }

    /// The labels of matching series, as bytes, each once.
    async fn labels_of(&self, selectors: &[Selector], range: MillisRange) -> Result<HashSet<Arc<[u8]>>, StoreError> {
        let range = self.visible(range);
        let mut sets = HashSet::new();
        for block in self.blocks(range) {
            let open = match block.open().await {
                Ok(open) => open,
                Err(error) => {
                    tracing::warn!(warning = skip_damaged(error)?, "a block is left out");
                    continue;
                }
            };
            let all = [Selector::all()];
            for selector in if selectors.is_empty() { &all } else { selectors } {
                let chosen = open.index.select(selector).into_iter().filter(|series| open.has(*series, range));
                sets.extend(chosen.map(|series| open.labels[series as usize].clone()));
            }
        }
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

/// Damaged and missing files do not fail a query: they become a warning. Everything else is an error.
fn skip_damaged(error: StoreError) -> Result<String, StoreError> {
    if error.kind() == ErrorKind::Corrupt { Ok(error.message().to_owned()) } else { Err(error) }
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
        let (mut found, mut warnings) = (Vec::new(), Vec::new());
        for block in self.blocks(range) {
            if request.step_ms == 0 && block.meta().resolution_ms > 0 {
                let last = block.meta().last_ms;
                warnings.push(format!("samples up to {last} ms are thinned out, and this query counts on all of them"));
            }
            let added = self.add_from_block(block, request, range, &mut found, &mut budget).await;
            if let Err(error) = added {
                warnings.push(skip_damaged(error)?);
            }
        }
        for shard in &self.shards {
            for heads in &shard.heads {
                self.add_from_heads(heads, request, range, &mut found, &mut budget)?;
            }
        }
        Ok(Arc::new(Selection::new(found, range, warnings)))
    }

    async fn series(&self, selectors: &[Selector], range: MillisRange) -> Result<Vec<LabelSet>, StoreError> {
        let mut sets: Vec<_> = self.labels_of(selectors, range).await?.into_iter().collect();
        sets.sort_unstable_by(|a, b| labels::compare(a, b));
        Ok(sets.iter().map(|labels| labels::to_set(labels)).collect())
    }

    async fn label_names(&self, selectors: &[Selector], range: MillisRange) -> Result<BTreeSet<String>, StoreError> {
        let mut names: BTreeSet<String> = BTreeSet::new();
        if selectors.is_empty() {
            self.add_all(range, &mut |index| index.add_names(&mut names)).await?;
            return Ok(names);
        }
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
        if selectors.is_empty() {
            self.add_all(range, &mut |index| index.add_values(name, &mut values)).await?;
            return Ok(values);
        }
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
