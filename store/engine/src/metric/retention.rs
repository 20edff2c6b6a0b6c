//! What becomes of blocks whose samples are all past their retention: they are thinned out, or removed.

use super::block::{Block, BlockWriter, EncodedBlock};
use super::flush::RowEncoder;
use super::labels;
use super::selection::{Source, read_sources};
use super::shard::Shard;
use super::store::MetricStore;
use super::thin::{RESOLUTIONS, is_counter, thin};
use futures::StreamExt;
use gantry_model::metric::METRIC_NAME;
use gantry_store_api::{ErrorKind, MillisRange, StoreError};

impl MetricStore {
    /// Thins out or removes what is due; gives how many blocks that were.
    pub(crate) async fn enforce_retention(&self) -> Result<usize, StoreError> {
        let mut due = 0;
        for shard in &self.shards {
            let _alone = shard.compacting.lock().await;
            for block in shard.blocks() {
                if block.meta().last_ms < self.earliest(&block.meta().tenant, block.meta().resolution_ms) {
                    self.retire(shard, &block).await?;
                    due += 1;
                }
            }
        }
        Ok(due)
    }

    async fn retire(&self, shard: &Shard, block: &Block) -> Result<(), StoreError> {
        let old = [block.meta().clone()];
        let coarser = RESOLUTIONS.into_iter().filter(|resolution| *resolution > old[0].resolution_ms);
        let kept = coarser.into_iter().find(|resolution| old[0].last_ms >= self.earliest(&old[0].tenant, *resolution));
        let mut new = Vec::new();
        if let Some(resolution) = kept {
            self.shared.disk.check_free(old[0].parquet.len)?;
            match self.thinned(block, resolution).await {
                Ok(Some(encoded)) => {
                    new.push(self.store_block(&old[0].tenant, shard.number, (0, resolution), encoded).await?);
                }
                Ok(None) => {}
                Err(error) if error.kind() == ErrorKind::Corrupt => {
                    tracing::error!(block = %old[0].id, %error, "a block cannot be thinned out and stays as it is");
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        } else {
            self.counters.retired_blocks.inc();
        }
        self.shared.catalog.replace_blocks(&old, &new).await?;
        let new = new.into_iter().map(|meta| self.open_block(meta)).collect();
        shard.replace(&old, new).into_iter().for_each(|block| self.bury(&block));
        self.shared.metric_versions.changed(&old[0].tenant);
        Ok(())
    }

    async fn thinned(&self, block: &Block, resolution_ms: i64) -> Result<Option<EncodedBlock>, StoreError> {
        let mut writer = BlockWriter::new(self.shared.options.metrics.zstd_level, resolution_ms)?;
        let mut encoder = RowEncoder::default();
        let mut batches = block.scan().await?;
        while let Some(batch) = batches.next().await {
            for row in batch? {
                let source = [Source::Block(row.frames.clone(), row.row)];
                read_sources(&source, MillisRange::ALL, &mut encoder.scratch, &mut encoder.samples)
                    .map_err(|error| StoreError::corrupt(error.to_string()))?;
                let name =
                    labels::pairs(&row.labels).find(|(name, _)| *name == METRIC_NAME).map_or("", |(_, name)| name);
                let counter = is_counter(name) || self.metadata.says_counter(&block.meta().tenant, name);
                thin(&mut encoder.samples, resolution_ms, counter);
                encoder.push(&row.labels, &mut writer)?;
            }
        }
        writer.finish()
    }
}
