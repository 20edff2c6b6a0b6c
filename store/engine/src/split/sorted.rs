//! Reads a whole split in its own order, a few granules at a time: what compaction merges.

use super::body::{Piece, corrupt, pieces};
use super::granule::GRANULE_ROWS;
use super::reader::{OpenSplit, Split};
use arrow::array::{Array, StringViewArray};
use arrow::buffer::ScalarBuffer;
use gantry_body::{Block, BlockBuilder};
use gantry_model::{LabelSet, Timestamp};
use gantry_store_api::{ScanColumns, StoreError};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

/// Granules read at once.
const STEP: usize = 2;

/// A cursor over all rows of a split in order of (labels, timestamp).
#[derive(Debug)]
pub struct SortedRows {
    split: Arc<OpenSplit>,
    next_granule: usize,
    next_stream: usize,
    ready: VecDeque<SortedChunk>,
    open: Option<(usize, Arc<Block>)>,
}

/// Consecutive rows of one stream, all in one block.
#[derive(Clone, Debug)]
pub struct SortedChunk {
    pub labels: LabelSet,
    timestamps: ScalarBuffer<i64>,
    metadata: StringViewArray,
    rows: Range<usize>,
    block: Arc<Block>,
    /// Row of the block of the first row.
    first: usize,
}

impl SortedChunk {
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Time of row `at` of `0..len()`.
    pub fn timestamp(&self, at: usize) -> Timestamp {
        Timestamp(self.timestamps[self.rows.start + at])
    }

    /// Encoded metadata of row `at`.
    pub fn metadata(&self, at: usize) -> &str {
        self.metadata.value(self.rows.start + at)
    }

    /// Where the body of row `at` is.
    pub fn place(&self, at: usize) -> (&Arc<Block>, usize) {
        (&self.block, self.first + at)
    }

    /// The body of row `at`.
    pub fn body(&self, at: usize) -> Result<String, StoreError> {
        let mut body = Vec::new();
        let (block, row) = self.place(at);
        block.write_row(row, &mut body).map_err(corrupt)?;
        String::from_utf8(body).map_err(|_| StoreError::corrupt("a body is no UTF-8"))
    }
}

impl Split {
    /// Starts reading at the first row.
    pub async fn read_sorted(self: Arc<Self>) -> Result<SortedRows, StoreError> {
        Ok(SortedRows {
            split: self.open().await?,
            next_granule: 0,
            next_stream: 0,
            ready: VecDeque::new(),
            open: None,
        })
    }
}

impl SortedRows {
    /// The next rows, `None` after the last.
    pub async fn next_chunk(&mut self) -> Result<Option<SortedChunk>, StoreError> {
        if self.ready.is_empty() && self.next_granule < self.split.index.granules.len() {
            self.fill().await.map_err(|e| e.context(format!("split {}", self.split.meta.id)))?;
        }
        Ok(self.ready.pop_front())
    }

    async fn fill(&mut self) -> Result<(), StoreError> {
        let per_group = self.split.row_group_granules();
        let group_end = (self.next_granule / per_group + 1) * per_group;
        let end = (self.next_granule + STEP).min(group_end).min(self.split.index.granules.len());
        let rows = self.next_granule * GRANULE_ROWS..self.split.index.granule_rows(end - 1).end;
        self.next_granule = end;
        let body = !self.split.is_coded();
        let columns = self.split.read_file(std::slice::from_ref(&rows), ScanColumns { body, metadata: true }).await?;
        let missing = || StoreError::corrupt("a column is missing");
        let metadata = columns.metadata.ok_or_else(missing)?;
        let blocks = match columns.bodies {
            Some(bodies) => vec![(rows.clone(), coded(&bodies), 0)],
            None => self.blocks(&rows).await?,
        };
        for (held, block, first) in blocks {
            let mut at = held.start;
            while at < held.end {
                let Some(stream) = self.split.index.streams.get(self.next_stream) else {
                    return Err(StoreError::corrupt("rows that belong to no stream"));
                };
                let end = stream.row_range().end.min(held.end);
                self.ready.push_back(SortedChunk {
                    labels: stream.labels.clone(),
                    timestamps: columns.timestamps.clone(),
                    metadata: metadata.clone(),
                    rows: at - rows.start..end - rows.start,
                    block: block.clone(),
                    first: first + at - held.start,
                });
                if end == stream.row_range().end {
                    self.next_stream += 1;
                }
                at = end;
            }
        }
        Ok(())
    }

    /// The blocks that hold `rows`: which rows, and where they begin in the block. The last one stays open, since the
    /// next rows are most likely in it.
    async fn blocks(&mut self, rows: &Range<usize>) -> Result<Vec<(Range<usize>, Arc<Block>, usize)>, StoreError> {
        let mut found = Vec::new();
        let mut start = rows.start;
        for Piece { block: number, rows } in pieces(&self.split.index.blocks, std::slice::from_ref(rows)) {
            let block = match &self.open {
                Some((open, block)) if *open == number => block.clone(),
                _ => self.whole_block(number).await?,
            };
            self.open = Some((number, block.clone()));
            found.push((start..start + rows.len(), block, rows.start));
            start += rows.len();
        }
        Ok(found)
    }
}

impl SortedRows {
    /// A block of which every frame is sound, so that who takes its rows cannot fail.
    async fn whole_block(&self, number: usize) -> Result<Arc<Block>, StoreError> {
        let mut block = self.split.read_block(number).await?;
        block.decode_all().map_err(corrupt)?;
        Ok(Arc::new(block))
    }
}

/// Plain bodies as a block, so that compaction sees only blocks.
fn coded(bodies: &StringViewArray) -> Arc<Block> {
    let mut builder = BlockBuilder::new();
    (0..bodies.len()).for_each(|at| builder.push(bodies.value(at).as_bytes()));
    Arc::new(builder.build())
}
