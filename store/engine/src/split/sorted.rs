//! Reads a whole split in its own order, a few granules at a time: what compaction merges.

use super::granule::GRANULE_ROWS;
use super::reader::{OpenSplit, RowColumns, Split};
use arrow::array::StringViewArray;
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
}

/// Consecutive rows of one stream.
#[derive(Clone, Debug)]
pub struct SortedChunk {
    pub labels: LabelSet,
    columns: RowColumns,
    bodies: StringViewArray,
    metadata: StringViewArray,
    rows: Range<usize>,
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortedRow<'a> {
    pub timestamp: Timestamp,
    pub body: &'a str,
    pub metadata: &'a str,
}

impl SortedChunk {
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Row `at` of `0..len()`.
    pub fn row(&self, at: usize) -> SortedRow<'_> {
        let at = self.rows.start + at;
        SortedRow {
            timestamp: Timestamp(self.columns.timestamps[at]),
            body: self.bodies.value(at),
            metadata: self.metadata.value(at),
        }
    }
}

impl Split {
    /// Starts reading at the first row.
    pub async fn read_sorted(self: Arc<Self>) -> Result<SortedRows, StoreError> {
        Ok(SortedRows { split: self.open().await?, next_granule: 0, next_stream: 0, ready: VecDeque::new() })
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
        let columns = self.split.read(std::slice::from_ref(&rows), ScanColumns { body: true, metadata: true }).await?;
        let (Some(bodies), Some(metadata)) = (columns.bodies.clone(), columns.metadata.clone()) else {
            return Err(StoreError::corrupt("a column is missing"));
        };
        let mut at = rows.start;
        while at < rows.end {
            let Some(stream) = self.split.index.streams.get(self.next_stream) else {
                return Err(StoreError::corrupt("rows that belong to no stream"));
            };
            let end = stream.row_range().end.min(rows.end);
            self.ready.push_back(SortedChunk {
                labels: stream.labels.clone(),
                columns: columns.clone(),
                bodies: bodies.clone(),
                metadata: metadata.clone(),
                rows: at - rows.start..end - rows.start,
            });
            if end == stream.row_range().end {
                self.next_stream += 1;
            }
            at = end;
        }
        Ok(())
    }
}
