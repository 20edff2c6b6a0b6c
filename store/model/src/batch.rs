//! [`LogBatch`]: many log lines in three allocations.

use crate::{LabelSet, Timestamp, metadata};
use std::ops::Range;

/// Lines of several streams, as one receiver read them. Text of all lines lies in one string; a row points into it.
///
/// Rows of one stream are contiguous and keep the order in which they came. A stream may occur more than once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogBatch {
    text: String,
    rows: Vec<LogRow>,
    streams: Vec<BatchStream>,
}

/// One stream's run of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchStream {
    pub labels: LabelSet,
    /// Positions in [`LogBatch::rows`].
    pub rows: Range<u32>,
}

/// A line: body, then structured metadata (see [`metadata`]; empty when there is none), back to back from `start`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRow {
    pub timestamp: Timestamp,
    pub start: u32,
    pub body_len: u32,
    pub metadata_len: u32,
}

/// The text of a batch is addressed with 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a batch holds at most 4 GiB of text and 4 billion lines")]
pub struct BatchTooLarge;

impl LogBatch {
    pub fn builder() -> LogBatchBuilder {
        LogBatchBuilder::default()
    }

    /// Puts a batch together again from its parts, as the WAL does. `None` when a row or a stream points outside, or
    /// not at a character boundary.
    pub fn from_parts(text: String, rows: Vec<LogRow>, streams: Vec<BatchStream>) -> Option<Self> {
        let legal_row = |row: &LogRow| {
            let body_end = row.start as usize + row.body_len as usize;
            let end = body_end + row.metadata_len as usize;
            text.is_char_boundary(row.start as usize)
                && text.is_char_boundary(body_end)
                && end <= text.len()
                && text.is_char_boundary(end)
        };
        let legal_stream = |s: &BatchStream| s.rows.start <= s.rows.end && s.rows.end as usize <= rows.len();
        if rows.iter().all(legal_row) && streams.iter().all(legal_stream) {
            Some(LogBatch { text, rows, streams })
        } else {
            None
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn rows(&self) -> &[LogRow] {
        &self.rows
    }

    pub fn streams(&self) -> &[BatchStream] {
        &self.streams
    }

    pub fn rows_of(&self, stream: &BatchStream) -> &[LogRow] {
        &self.rows[stream.rows.start as usize..stream.rows.end as usize]
    }

    pub fn body(&self, row: &LogRow) -> &str {
        let start = row.start as usize;
        &self.text[start..start + row.body_len as usize]
    }

    /// Encoded structured metadata of the row, empty when it has none.
    pub fn metadata(&self, row: &LogRow) -> &str {
        let start = row.start as usize + row.body_len as usize;
        &self.text[start..start + row.metadata_len as usize]
    }

    pub fn line_count(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Bytes of all bodies and metadata.
    pub fn text_bytes(&self) -> usize {
        self.text.len()
    }
}

/// Fills a [`LogBatch`]: open a stream, then push its lines.
#[derive(Debug, Default)]
pub struct LogBatchBuilder {
    batch: LogBatch,
}

impl LogBatchBuilder {
    pub fn with_capacity(text_bytes: usize, rows: usize) -> Self {
        let batch =
            LogBatch { text: String::with_capacity(text_bytes), rows: Vec::with_capacity(rows), streams: Vec::new() };
        LogBatchBuilder { batch }
    }

    /// Lines pushed from now on belong to `labels`.
    pub fn stream(&mut self, labels: LabelSet) -> &mut Self {
        let at = self.batch.rows.len() as u32;
        self.batch.streams.push(BatchStream { labels, rows: at..at });
        self
    }

    /// Adds a line to the open stream. `metadata` is sorted by name and encoded by [`metadata::encode`].
    ///
    /// # Panics
    /// When no stream was opened: a bug of the caller, not a matter of input.
    pub fn push<'a>(
        &mut self,
        timestamp: Timestamp,
        body: &str,
        metadata: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), BatchTooLarge> {
        let start = self.batch.text.len();
        self.batch.text.push_str(body);
        let body_end = self.batch.text.len();
        metadata::encode(metadata, &mut self.batch.text);
        let end = self.batch.text.len();
        if end > u32::MAX as usize || self.batch.rows.len() >= u32::MAX as usize {
            self.batch.text.truncate(start);
            return Err(BatchTooLarge);
        }
        self.batch.rows.push(LogRow {
            timestamp,
            start: start as u32,
            body_len: (body_end - start) as u32,
            metadata_len: (end - body_end) as u32,
        });
        let rows = self.batch.rows.len() as u32;
        self.batch.streams.last_mut().expect("a stream is opened before its lines").rows.end = rows;
        Ok(())
    }

    pub fn line_count(&self) -> usize {
        self.batch.rows.len()
    }

    pub fn text_bytes(&self) -> usize {
        self.batch.text.len()
    }

    pub fn is_empty(&self) -> bool {
        self.batch.rows.is_empty()
    }

    /// The batch; streams that got no line are left out.
    pub fn finish(mut self) -> LogBatch {
        self.batch.streams.retain(|stream| !stream.rows.is_empty());
        self.batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_give_back_what_was_pushed() {
        let mut builder = LogBatch::builder();
        builder.stream(LabelSet::from_pairs([("app", "a")]));
        builder.push(Timestamp(1), "first", []).unwrap();
        builder.push(Timestamp(2), "zweite ä", [("user", "u\"1"), ("id", "7")]).unwrap();
        builder.stream(LabelSet::from_pairs([("app", "empty")]));
        let batch = builder.finish();
        assert_eq!(batch.streams().len(), 1);
        let rows = batch.rows_of(&batch.streams()[0]);
        assert_eq!(batch.body(&rows[0]), "first");
        assert_eq!(batch.metadata(&rows[0]), "");
        assert_eq!(batch.body(&rows[1]), "zweite ä");
        assert_eq!(batch.metadata(&rows[1]), r#"{"id":"7","user":"u\"1"}"#);
    }

    #[test]
    fn parts_that_point_outside_are_refused() {
        let row = LogRow { timestamp: Timestamp(0), start: 0, body_len: 9, metadata_len: 0 };
        assert!(LogBatch::from_parts("short".into(), vec![row], vec![]).is_none());
    }
}
