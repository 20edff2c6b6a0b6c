//! Merging blocks.
//!
//! Per tenant, shard, resolution and UTC day: blocks of similar level are merged when there are enough of them, and all of
//! a day when it is over. A merge reads its inputs as streams sorted by labels; one series is in memory at a time, and the
//! file that is written.

use super::block::{Block, BlockMeta, BlockWriter, EncodedBlock, NewRow, ScannedRow};
use super::flush::{DAY_MS, RowEncoder};
use super::labels;
use super::options::millis;
use super::selection::{Source, read_sources};
use super::shard::Shard;
use super::store::MetricStore;
use crate::compaction::Effort;
use futures::{Stream, StreamExt};
use gantry_model::TenantId;
use gantry_store_api::{ErrorKind, MillisRange, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::vec::IntoIter;

/// Most inputs of one merge.
const MOST_INPUTS: usize = 16;
/// A day that ended this long ago is merged into as few blocks as possible.
const SETTLED_MS: i64 = 3_600_000;

impl MetricStore {
    /// Does one merge of the shard, if any is due.
    pub(crate) async fn compact_once(&self, shard: &Shard, effort: Effort) -> Result<bool, StoreError> {
        let _alone = shard.compacting.lock().await;
        let Some(inputs) = self.pick(shard.mergeable(), effort) else { return Ok(false) };
        let old: Vec<BlockMeta> = inputs.iter().map(|block| block.meta().clone()).collect();
        self.shared.disk.check_free(old.iter().map(|meta| meta.parquet.len).sum())?;
        let zstd_level = self.shared.options.metrics.zstd_level;
        let encoded = match merge(&inputs, zstd_level, old[0].resolution_ms).await {
            Ok(encoded) => encoded,
            Err((Some(input), error)) if error.kind() == ErrorKind::Corrupt => {
                tracing::error!(block = %old[input].id, %error, "a block cannot be read; compaction leaves it out");
                shard.leave_unmerged(old[input].id.clone());
                return Ok(true);
            }
            Err((_, error)) => return Err(error),
        };
        let level = old.iter().map(|meta| meta.level).max().unwrap_or(0).saturating_add(1);
        let new = match encoded {
            Some(encoded) => {
                let kind = (level, old[0].resolution_ms);
                Some(self.store_block(&old[0].tenant, shard.number, kind, encoded).await?)
            }
            None => None,
        };
        self.shared.catalog.replace_blocks(&old, new.as_slice()).await?;
        let new: Vec<_> = new.into_iter().map(|meta| self.open_block(meta)).collect();
        shard.replace(&old, new).into_iter().for_each(|block| self.bury(&block));
        self.counters.compactions.inc();
        Ok(true)
    }

    /// The blocks to merge next.
    fn pick(&self, blocks: Vec<Arc<Block>>, effort: Effort) -> Option<Vec<Arc<Block>>> {
        let mut groups: BTreeMap<(TenantId, i64, i64), Vec<Arc<Block>>> = BTreeMap::new();
        for block in blocks {
            let meta = block.meta();
            let key = (meta.tenant.clone(), meta.resolution_ms, meta.first_ms.div_euclid(DAY_MS));
            groups.entry(key).or_default().push(block);
        }
        groups.into_iter().find_map(|((_, _, day), mut group)| {
            group.sort_by(|a, b| a.meta().by_age().cmp(&b.meta().by_age()));
            let all = match effort {
                Effort::Everything => true,
                Effort::Tiered { now } => {
                    let late = millis(self.shared.options.metrics.out_of_order_window).saturating_add(SETTLED_MS);
                    now.0 / 1_000_000 > ((day + 1).saturating_mul(DAY_MS)).saturating_add(late)
                }
            };
            if all {
                return self.affordable(group, 2);
            }
            let least = self.shared.options.metrics.compact_min_blocks;
            let mut levels: BTreeMap<u8, Vec<Arc<Block>>> = BTreeMap::new();
            group.into_iter().for_each(|block| levels.entry(block.meta().level).or_default().push(block));
            levels.into_values().find_map(|level| self.affordable(level, least))
        })
    }

    /// As many of the blocks as make a file of the target size at most, if that is enough to be worth it.
    fn affordable(&self, group: Vec<Arc<Block>>, least: usize) -> Option<Vec<Arc<Block>>> {
        let mut left = self.shared.options.metrics.block_target_bytes;
        let mut chosen = Vec::new();
        for block in group.into_iter().take(MOST_INPUTS) {
            let Some(rest) = left.checked_sub(block.meta().parquet.len) else { continue };
            left = rest;
            chosen.push(block);
        }
        (chosen.len() >= least).then_some(chosen)
    }
}

type Scan = Box<dyn Stream<Item = Result<Vec<ScannedRow>, StoreError>> + Send + Unpin>;

/// An input of a merge: the row that it is at, and those behind.
struct Cursor {
    rest: Scan,
    batch: IntoIter<ScannedRow>,
    row: Option<ScannedRow>,
}

impl Cursor {
    async fn open(block: &Block) -> Result<Self, StoreError> {
        let rest: Scan = Box::new(block.scan().await?);
        let mut cursor = Cursor { rest, batch: Vec::new().into_iter(), row: None };
        cursor.advance().await?;
        Ok(cursor)
    }

    async fn advance(&mut self) -> Result<(), StoreError> {
        loop {
            self.row = self.batch.next();
            if self.row.is_some() {
                return Ok(());
            }
            match self.rest.next().await {
                Some(batch) => self.batch = batch?.into_iter(),
                None => return Ok(()),
            }
        }
    }
}

/// Merges blocks of one resolution. An error comes with the position of the input that it is about.
pub(crate) async fn merge(
    inputs: &[Arc<Block>],
    zstd_level: i32,
    resolution_ms: i64,
) -> Result<Option<EncodedBlock>, (Option<usize>, StoreError)> {
    let general = |error: StoreError| (None, error);
    let mut cursors = Vec::with_capacity(inputs.len());
    for (at, block) in inputs.iter().enumerate() {
        cursors.push(Cursor::open(block).await.map_err(|error| (Some(at), error))?);
    }
    let mut writer = BlockWriter::new(zstd_level, resolution_ms).map_err(general)?;
    let mut encoder = RowEncoder::default();
    loop {
        let labels = cursors.iter().filter_map(|cursor| cursor.row.as_ref()).map(|row| &row.labels);
        let Some(next) = labels.min_by(|a, b| labels::compare(a, b)).cloned() else { break };
        let mut rows = Vec::new();
        for (at, cursor) in cursors.iter_mut().enumerate() {
            if cursor.row.as_ref().is_some_and(|row| row.labels == next) {
                rows.extend(cursor.row.take().map(|row| (at, row)));
                cursor.advance().await.map_err(|error| (Some(at), error))?;
            }
        }
        push_merged(&next, &rows, &mut encoder, &mut writer)?;
        // Merging takes long, and the thread has other things to do.
        tokio::task::consume_budget().await;
    }
    writer.finish().map_err(general)
}

fn push_merged(
    labels: &[u8],
    rows: &[(usize, ScannedRow)],
    encoder: &mut RowEncoder,
    writer: &mut BlockWriter,
) -> Result<(), (Option<usize>, StoreError)> {
    if let [(at, row)] = rows {
        let (numbers, histograms) = (row.frames.numbers(row.row), row.frames.histograms(row.row));
        let row = NewRow { labels, times: row.times, samples: row.samples, numbers, histograms };
        return writer.push(row).map_err(|error| (Some(*at), error));
    }
    let source = |(_, row): &(usize, ScannedRow)| Source::Block(row.frames.clone(), row.row);
    let sources: Vec<Source> = rows.iter().map(source).collect();
    read_sources(&sources, MillisRange::ALL, &mut encoder.scratch, &mut encoder.samples)
        .map_err(|error| (rows.first().map(|(at, _)| *at), StoreError::corrupt(error.to_string())))?;
    encoder.push(labels, writer).map_err(|error| (None, error))
}
