//! Counts the lines of a stream that are still shown, by reading them: what the index of a split knows includes hidden ones.

use crate::mask::StreamMask;
use crate::split::{GRANULE_ROWS, OpenSplit, SplitStream};
use gantry_model::{TimeRange, Timestamp};
use gantry_store_api::{ScanColumns, StoreError};
use std::ops::Range;

/// Granules that are read at once.
const STEP: usize = 8;

/// Exact sums over shown lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Left {
    pub entries: u64,
    pub bytes: u64,
    pub chunks: u64,
}

/// Sums over the lines of `stream` in `range` that `hidden` leaves.
pub(crate) async fn count(
    split: &OpenSplit,
    stream: &SplitStream,
    range: &TimeRange,
    hidden: &StreamMask,
) -> Result<Left, StoreError> {
    let mut left = Left::default();
    if hidden.hides_all(stream.min_ts.max(range.start), stream.max_ts.min(range.end.saturating_sub(1))) {
        return Ok(left);
    }
    for rows in pieces(split, stream.row_range()) {
        let columns = split.read(std::slice::from_ref(&rows), ScanColumns { body: true, metadata: true }).await?;
        let (Some(bodies), Some(metadata)) = (&columns.bodies, &columns.metadata) else {
            return Err(StoreError::corrupt("a column is missing"));
        };
        let before = left.entries;
        for (at, timestamp) in columns.timestamps.iter().enumerate() {
            let (timestamp, body) = (Timestamp(*timestamp), bodies.value(at));
            if range.contains(timestamp) && !hidden.hides(timestamp, body) {
                left.entries += 1;
                left.bytes += (body.len() + metadata.value(at).len()) as u64;
            }
        }
        left.chunks += u64::from(left.entries > before);
    }
    Ok(left)
}

/// The rows in pieces that lie in one row group each.
fn pieces(split: &OpenSplit, rows: Range<usize>) -> Vec<Range<usize>> {
    let group = split.row_group_granules() * GRANULE_ROWS;
    let mut pieces = Vec::new();
    let mut start = rows.start;
    while start < rows.end {
        let end = rows.end.min((start / group + 1) * group).min(start + STEP * GRANULE_ROWS);
        pieces.push(start..end);
        start = end;
    }
    pieces
}
