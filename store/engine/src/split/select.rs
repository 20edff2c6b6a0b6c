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

/// Bodies and metadata of some rows, as far as they were asked for and there are any.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    bodies: Option<StringViewArray>,
    metadata: Option<StringViewArray>,
    rows: usize,
}

impl Texts {
    /// Body and metadata of each row.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        (0..self.rows).map(|place| self.at(place))
    }

    /// Body and metadata of a row by its place among the rows asked for; "" for what was not asked for.
    pub fn at(&self, place: usize) -> (&str, &str) {
        fn text(column: Option<&StringViewArray>, place: usize) -> &str {
            column.map_or("", |texts| texts.value(place))
        }
        (text(self.bodies.as_ref(), place), text(self.metadata.as_ref(), place))
    }
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
        let looked_at = columns.body || !filters.is_empty();
        Ok(Selected { rows, keep, bytes: if looked_at { self.body_bytes(ranges) } else { 0 } })
    }

    /// Reads texts of single rows; `rows` ascend and lie in one row group.
    ///
    /// # Errors
    /// A page or a block is damaged or missing.
    pub async fn texts(&self, rows: &[usize], columns: ScanColumns) -> Result<Texts, StoreError> {
        let one = |row: usize| row..row + 1;
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for row in rows {
            match ranges.last_mut() {
                Some(last) if last.end == *row => last.end += 1,
                _ => ranges.push(one(*row)),
            }
        }
        let in_file = ScanColumns {
            body: columns.body && !self.is_coded(),
            metadata: columns.metadata && self.index.has_metadata,
        };
        let mut texts = Texts { rows: rows.len(), ..Texts::default() };
        if in_file.body || in_file.metadata {
            let read = self.read_file(&ranges, in_file).await?;
            (texts.bodies, texts.metadata) = (read.bodies, read.metadata);
        }
        if columns.body && self.is_coded() {
            texts.bodies = Some(self.bodies(&ranges, &vec![true; rows.len()]).await?);
        }
        Ok(texts)
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
            let mut within = RowSet::none(block.len());
            let mut first = at;
            for Piece { rows, .. } in of_block {
                let wanted = &keep[first..first + rows.len()];
                first += rows.len();
                if wanted.iter().all(|keep| *keep) {
                    within.insert_range(rows.clone());
                } else {
                    rows.clone().zip(wanted).filter(|(_, keep)| **keep).for_each(|(row, _)| within.insert(row));
                }
            }
            let passed = passing(&block, within, filters).map_err(corrupt)?;
            self.weigh(of_block[0].block, &block);
            keep[at..first].fill(false);
            for Piece { rows, .. } in of_block {
                passed.iter_in(rows.clone()).for_each(|row| keep[at + row - rows.start] = true);
                at += rows.len();
            }
        }
        Ok(())
    }

    /// Bodies of the rows in `keep`, empty ones for the others.
    pub(super) async fn bodies(&self, ranges: &[Range<usize>], keep: &[bool]) -> Result<StringViewArray, StoreError> {
        let mut column = BodyColumn::default();
        let mut at = 0;
        for Piece { block: number, rows } in pieces(&self.index.blocks, ranges) {
            let wanted = &keep[at..at + rows.len()];
            at += rows.len();
            if !wanted.contains(&true) {
                continue;
            }
            let block = self.block(number).await?;
            let kept = rows.zip(wanted).filter(|(_, keep)| **keep).map(|(row, _)| row);
            column.extend(&block, kept).map_err(corrupt)?;
            self.weigh(number, &block);
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
