//! Picks rows that pass line filters, and reads of them what is wanted. Bodies of other rows are not decoded.

use super::body::{BodyColumn, Piece, corrupt, passing, pieces};
use super::granule::GRANULE_ROWS;
use super::reader::{OpenSplit, RowColumns};
use arrow::array::StringViewArray;
use gantry_body::RowSet;
use gantry_model::{LineFilter, TimeRange, Timestamp};
use gantry_store_api::{ScanColumns, StoreError};
use std::ops::Range;

/// Rows of some ranges. Bodies are there, when asked for, for the rows that are kept.
#[derive(Clone, Debug)]
pub struct Selected {
    /// All rows of the ranges.
    pub rows: RowColumns,
    /// Which of them are in time and pass the filters.
    pub keep: Vec<bool>,
    /// Bytes of the bodies that were looked through.
    pub bytes: u64,
}

impl OpenSplit {
    /// Reads `ranges` (ascending, not touching, in one row group) and says which rows are in `time` and pass `filters`.
    ///
    /// # Errors
    /// A page or a block is damaged or missing.
    pub async fn select(
        &self,
        ranges: &[Range<usize>],
        time: &TimeRange,
        filters: &[LineFilter],
        columns: ScanColumns,
    ) -> Result<Selected, StoreError> {
        if !self.is_coded() {
            return self.select_plain(ranges, time, filters, columns).await;
        }
        let mut rows = self.read_file(ranges, ScanColumns { body: false, ..columns }).await?;
        let mut keep: Vec<bool> = rows.timestamps.iter().map(|at| time.contains(Timestamp(*at))).collect();
        if !filters.is_empty() && keep.contains(&true) {
            self.filter(ranges, filters, &mut keep).await?;
        }
        if columns.body {
            rows.bodies = Some(self.bodies(ranges, &keep).await?);
        }
        Ok(Selected { rows, keep, bytes: self.body_bytes(ranges) })
    }

    /// As [`OpenSplit::select`], for a split with a column of bodies.
    async fn select_plain(
        &self,
        ranges: &[Range<usize>],
        time: &TimeRange,
        filters: &[LineFilter],
        columns: ScanColumns,
    ) -> Result<Selected, StoreError> {
        let body = columns.body || !filters.is_empty();
        let rows = self.read_file(ranges, ScanColumns { body, ..columns }).await?;
        let body = |at: usize| rows.bodies.as_ref().map_or("", |bodies| bodies.value(at));
        let passes = |(at, timestamp): (usize, &i64)| {
            time.contains(Timestamp(*timestamp)) && filters.iter().all(|filter| filter.matches(body(at)))
        };
        let keep = rows.timestamps.iter().enumerate().map(passes).collect();
        let bytes = (0..rows.timestamps.len()).map(|at| body(at).len() as u64).sum();
        Ok(Selected { keep, bytes, rows })
    }

    /// Takes away from `keep` what does not pass.
    async fn filter(
        &self,
        ranges: &[Range<usize>],
        filters: &[LineFilter],
        keep: &mut [bool],
    ) -> Result<(), StoreError> {
        let pieces = pieces(&self.index.blocks, ranges);
        let mut at = 0;
        for of_block in pieces.chunk_by(|a, b| a.block == b.block) {
            let block = self.block(of_block[0].block).await?;
            let rows = || of_block.iter().flat_map(|piece| piece.rows.clone());
            let mut within = RowSet::none(block.len());
            rows().zip(&keep[at..]).filter(|(_, keep)| **keep).for_each(|(row, _)| within.insert(row));
            let passed = passing(&block, within, filters).map_err(corrupt)?;
            for row in rows() {
                keep[at] = passed.contains(row);
                at += 1;
            }
        }
        Ok(())
    }

    /// Bodies of the rows in `keep`, empty ones for the others.
    pub(super) async fn bodies(&self, ranges: &[Range<usize>], keep: &[bool]) -> Result<StringViewArray, StoreError> {
        let mut column = BodyColumn::default();
        let mut at = 0;
        for Piece { block, rows } in pieces(&self.index.blocks, ranges) {
            let wanted = &keep[at..at + rows.len()];
            at += rows.len();
            if !wanted.contains(&true) {
                continue;
            }
            let block = self.block(block).await?;
            for (row, _) in rows.zip(wanted).filter(|(_, keep)| **keep) {
                column.push(&block, row).map_err(corrupt)?;
            }
        }
        column.finish(keep)
    }

    /// Bytes of the bodies of `ranges`, as the index knows them for granules.
    fn body_bytes(&self, ranges: &[Range<usize>]) -> u64 {
        let mut bytes = 0;
        for range in ranges {
            for granule in range.start / GRANULE_ROWS..range.end.div_ceil(GRANULE_ROWS) {
                let rows = self.index.granule_rows(granule);
                let read = range.end.min(rows.end) - range.start.max(rows.start);
                bytes += self.index.granules[granule].text_bytes * read as u64 / rows.len() as u64;
            }
        }
        bytes
    }
}
