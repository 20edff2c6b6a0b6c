//! Coded bodies of a split: reading blocks, picking rows whose bodies pass line filters, decoding what is wanted.

use super::index::BodyBlock;
use super::literal;
use arrow::array::{StringViewArray, StringViewBuilder};
use arrow::buffer::Buffer;
use gantry_body::{Block, BodyError, RowSet, Text};
use gantry_model::{LineFilter, LineOp};
use gantry_store_api::StoreError;
use std::ops::Range;

/// An error of the coding as one of the store.
pub fn corrupt(error: BodyError) -> StoreError {
    StoreError::corrupt(error.to_string())
}

/// A run of rows within one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Number of the block.
    pub block: usize,
    /// Rows, counted from the start of the block.
    pub rows: Range<usize>,
}

/// Cuts ranges of rows at the edges of blocks.
pub fn pieces(blocks: &[BodyBlock], ranges: &[Range<usize>]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut first = 0;
    for (number, block) in blocks.iter().enumerate() {
        let end = first + block.rows as usize;
        for range in ranges.iter().filter(|range| range.start < end && range.end > first) {
            let rows = range.start.max(first) - first..range.end.min(end) - first;
            pieces.push(Piece { block: number, rows });
        }
        first = end;
    }
    pieces
}

/// The rows of `within` whose bodies pass all filters.
pub fn passing(block: &Block, mut within: RowSet, filters: &[LineFilter]) -> Result<RowSet, BodyError> {
    for filter in filters {
        if within.is_empty() {
            break;
        }
        within = match filter.op {
            LineOp::Contains => any_of(block, &within, filter.texts.iter().map(|text| text.as_bytes()))?,
            LineOp::NotContains => {
                let held = any_of(block, &within, filter.texts.iter().map(|text| text.as_bytes()))?;
                within.subtract(&held);
                within
            }
            LineOp::Matches | LineOp::NotMatches => matching(block, within, filter)?,
        };
    }
    Ok(within)
}

fn any_of<'a>(block: &Block, within: &RowSet, texts: impl Iterator<Item = &'a [u8]>) -> Result<RowSet, BodyError> {
    let mut found = RowSet::none(block.len());
    for text in texts {
        found.add(&block.find(text, within)?);
    }
    Ok(found)
}

/// Decodes the rows that can match and asks the filter.
fn matching(block: &Block, within: RowSet, filter: &LineFilter) -> Result<RowSet, BodyError> {
    let candidates = match literal::required(filter) {
        Some(texts) => any_of(block, &within, texts.iter().map(Vec::as_slice))?,
        None => within,
    };
    let mut kept = RowSet::none(block.len());
    block.for_each_line(candidates.iter(), |row, line| {
        if std::str::from_utf8(line).is_ok_and(|line| filter.matches(line)) {
            kept.insert(row);
        }
    })?;
    Ok(kept)
}

/// Collects bodies of several blocks into one array.
#[derive(Debug, Default)]
pub struct BodyColumn(Text);

impl BodyColumn {
    /// Adds rows of a block, which ascend.
    pub fn extend(&mut self, block: &Block, rows: impl Iterator<Item = usize>) -> Result<(), BodyError> {
        block.decode_into(rows, &mut self.0)
    }

    /// The bodies; a row that is not in `keep` has an empty one.
    pub fn finish(self, keep: &[bool]) -> Result<StringViewArray, StoreError> {
        let not_text = |_| StoreError::corrupt("a body is no UTF-8");
        let Text { bytes, ends } = self.0;
        std::str::from_utf8(&bytes).map_err(not_text)?;
        let mut builder = StringViewBuilder::with_capacity(keep.len());
        let buffer = builder.append_block(Buffer::from_vec(bytes));
        let (mut start, mut ends) = (0, ends.into_iter());
        for keep in keep {
            if !keep {
                builder.append_value("");
                continue;
            }
            let end = ends.next().ok_or_else(|| StoreError::corrupt("a body is missing"))?;
            let view = builder.try_append_view(buffer, start as u32, (end - start) as u32);
            view.map_err(|error| StoreError::corrupt(error.to_string()))?;
            start = end;
        }
        Ok(builder.finish())
    }
}
