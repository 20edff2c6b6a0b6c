//! Lines as one plain Parquet file: written while they are scanned, and read back into batches.
//!
//! Columns: `timestamp` (nanoseconds, UTC), `body`, `metadata` and `labels` (JSON objects of strings; metadata is empty for
//! none). Any Parquet reader can read the file; `docs/format/export.md` says it in detail. Memory is bounded by a row group
//! when writing and by some rows and a page when reading. Start with [`export`] and [`Import`].

mod read;
mod write;

#[cfg(test)]
mod tests;

pub use read::{ExportInfo, Import, info};

use crate::error::join_error;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use gantry_store_api::{LogRows, Scan, StoreError};
use std::collections::VecDeque;
use std::sync::Arc;
use write::Writer;

/// Where the file says which parts of the data could not be read, in the key-value metadata of its footer.
const WARNINGS: &str = "gantry.warnings";
const FORMAT: (&str, &str) = ("gantry.format", "export/1");

/// Pieces of a file, in order.
pub type ExportStream = BoxStream<'static, Result<Bytes, StoreError>>;

fn schema() -> SchemaRef {
    let labels = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    Arc::new(Schema::new(vec![
        Field::new("timestamp", DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())), false),
        Field::new("body", DataType::Utf8View, false),
        Field::new("metadata", DataType::Utf8View, false),
        Field::new("labels", labels, false),
    ]))
}

/// The rows of a scan that asked for bodies and metadata, as the bytes of a Parquet file. Nothing is read before the
/// stream is polled, and dropping it ends the scan. Parts that cannot be read are named in the file, see [`info`].
///
/// # Errors
/// When the writer cannot be set up; later ones are in the stream.
pub fn export(scan: Scan) -> Result<ExportStream, StoreError> {
    let writer = Writer::new(scan.streams.clone())?;
    let state = Exporting { writer: Some(writer), parts: scan.parts.into(), report: scan.report };
    Ok(stream::try_unfold(state, |mut state| async move { Ok(state.next().await?.map(|bytes| (bytes, state))) })
        .boxed())
}

struct Exporting {
    /// `None` when the file is complete.
    writer: Option<Writer>,
    parts: VecDeque<gantry_store_api::ScanStream>,
    report: Arc<gantry_store_api::ScanReport>,
}

impl Exporting {
    /// The next bytes; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        let Some(mut writer) = self.writer.take() else { return Ok(None) };
        loop {
            let rows = self.rows().await.transpose()?;
            let last = rows.is_none();
            let warnings = if last { self.report.warnings() } else { Vec::new() };
            let work = move || match rows {
                Some(LogRows { batch, .. }) => writer.push(&batch).map(|bytes| (bytes, Some(writer))),
                None => writer.finish(&warnings).map(|bytes| (bytes, None)),
            };
            let (bytes, left) = tokio::task::spawn_blocking(work).await.map_err(join_error)??;
            match left {
                Some(left) if bytes.is_empty() => writer = left,
                left => {
                    self.writer = left;
                    return Ok(Some(bytes));
                }
            }
        }
    }

    async fn rows(&mut self) -> Option<Result<LogRows, StoreError>> {
        while let Some(part) = self.parts.front_mut() {
            if let Some(rows) = part.next().await {
                return Some(rows);
            }
            self.parts.pop_front();
        }
        None
    }
}
