//! Removing samples on request: what is in memory becomes blocks, and blocks with such samples are written anew, before
//! the request is answered. ADR 12 says why there is no mask as for lines.

use super::block::{Block, BlockWriter, EncodedBlock, NewRow};
use super::flush::RowEncoder;
use super::selection::{Source, read_sources};
use super::shard::Shard;
use super::store::MetricStore;
use crate::store::Store;
use async_trait::async_trait;
use futures::StreamExt;
use gantry_model::TenantId;
use gantry_model::metric::Samples;
use gantry_store_api::{DeleteSeries, DeleteSeriesWhat, DeletedSeries, ErrorKind, MillisRange, StoreError};
use std::collections::BTreeSet;
use std::sync::Arc;

impl MetricStore {
    async fn delete(&self, tenant: &TenantId, what: &DeleteSeriesWhat) -> Result<DeletedSeries, StoreError> {
        if what.selectors.is_empty() || what.range.last < what.range.first {
            return Err(StoreError::new(ErrorKind::Invalid, "a delete request needs a selector and a range of time"));
        }
        self.flush().await?;
        let (mut done, mut damage) = (DeletedSeries::default(), None);
        for shard in &self.shards {
            self.delete_exemplars(shard, tenant, what).await?;
            let _alone = shard.compacting.lock().await;
            let (_, blocks) = shard.snapshot(tenant);
            for block in blocks.into_iter().filter(|block| block.meta().overlaps(what.range)) {
                match self.delete_from(shard, &block, what, &mut done).await {
                    // The rest can be removed all the same.
                    Err(error) if error.kind() == ErrorKind::Corrupt => damage = Some(error),
                    outcome => outcome?,
                }
            }
        }
        self.shared.metric_versions.changed(tenant);
        damage.map_or(Ok(done), |error| Err(error.context("samples of a block that cannot be read stay")))
    }

    async fn delete_from(
        &self,
        shard: &Shard,
        block: &Arc<Block>,
        what: &DeleteSeriesWhat,
        done: &mut DeletedSeries,
    ) -> Result<(), StoreError> {
        let open = block.open().await?;
        let matching = what.selectors.iter().flat_map(|selector| open.index.select(selector));
        let chosen: BTreeSet<u32> = matching.filter(|series| open.has(*series, what.range)).collect();
        if chosen.is_empty() {
            return Ok(());
        }
        let old = [block.meta().clone()];
        self.shared.disk.check_free(old[0].parquet.len)?;
        let (encoded, removed) = self.without(block, &chosen, what.range).await?;
        let mut new = Vec::new();
        if let Some(encoded) = encoded {
            let kind = (old[0].level, old[0].resolution_ms);
            new.push(self.store_block(&old[0].tenant, shard.number, kind, encoded).await?);
        }
        self.shared.catalog.replace_blocks(&old, &new).await?;
        let new = new.into_iter().map(|meta| self.open_block(meta)).collect();
        shard.replace(&old, new).into_iter().for_each(|block| self.bury(&block));
        done.series += chosen.len() as u64;
        done.samples += removed;
        Ok(())
    }

    /// The block without the samples of a range of these series, given by their rows, and how many those were.
    async fn without(
        &self,
        block: &Block,
        chosen: &BTreeSet<u32>,
        range: MillisRange,
    ) -> Result<(Option<EncodedBlock>, u64), StoreError> {
        let mut writer = BlockWriter::new(self.shared.options.metrics.zstd_level, block.meta().resolution_ms)?;
        let (mut encoder, mut batches) = (RowEncoder::default(), block.scan().await?);
        let (mut number, mut removed) = (0, 0);
        while let Some(batch) = batches.next().await {
            for row in batch? {
                if chosen.contains(&number) {
                    let source = [Source::Block(row.frames.clone(), row.row)];
                    read_sources(&source, MillisRange::ALL, &mut encoder.scratch, &mut encoder.samples)
                        .map_err(|error| StoreError::corrupt(error.to_string()))?;
                    removed += remove(&mut encoder.samples, range);
                    encoder.push(&row.labels, &mut writer)?;
                } else {
                    let (numbers, histograms) = (row.frames.numbers(row.row), row.frames.histograms(row.row));
                    let (times, samples) = (row.times, row.samples);
                    writer.push(NewRow { labels: &row.labels, times, samples, numbers, histograms })?;
                }
                number += 1;
            }
            tokio::task::consume_budget().await;
        }
        Ok((writer.finish()?, removed))
    }

    async fn delete_exemplars(
        &self,
        shard: &Shard,
        tenant: &TenantId,
        what: &DeleteSeriesWhat,
    ) -> Result<(), StoreError> {
        let _in_order = shard.flushing.lock().await;
        if shard.exemplars.remove(tenant, &what.selectors, what.range) {
            let files = self.write_exemplars(shard).await?;
            self.shared.catalog.exemplars(shard.number, &files).await?;
            self.swap_exemplars(shard, files).await;
        }
        Ok(())
    }
}

/// Gives how many samples of the range there were.
fn remove(samples: &mut Samples, range: MillisRange) -> u64 {
    let before = samples.len();
    let times = std::mem::take(&mut samples.timestamps);
    let mut marks = times.iter();
    samples.values.retain(|_| marks.next().is_none_or(|at| !range.contains(*at)));
    samples.timestamps = times.iter().copied().filter(|at| !range.contains(*at)).collect();
    samples.histograms.retain(|(at, _)| !range.contains(*at));
    (before - samples.len()) as u64
}

#[async_trait]
impl DeleteSeries for Store {
    async fn delete_series(&self, tenant: &TenantId, what: DeleteSeriesWhat) -> Result<DeletedSeries, StoreError> {
        let (query, by, first, last) = (&what.query, &what.by, what.range.first, what.range.last);
        tracing::info!(%tenant, query, first, last, by, "delete request for series received");
        let done = self.metrics.delete(tenant, &what).await?;
        let (series, samples) = (done.series, done.samples);
        tracing::info!(%tenant, query, series, samples, by, "delete request for series carried out");
        Ok(done)
    }
}
