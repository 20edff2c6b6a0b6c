//! From a Parquet file, ours or another's, to batches of lines.

use super::WARNINGS;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use gantry_model::{LabelSet, LogBatch, Timestamp};
use gantry_store_api::{ErrorKind, StoreError};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::Path;

/// Rows of a batch.
const ROWS: usize = 2048;
/// Largest row group that is read, in bytes before compression: what others write is smaller.
const MAX_GROUP_BYTES: i64 = 2 << 30;
/// Label sets that are remembered, so that each is parsed once.
const REMEMBERED: usize = 10_000;

/// What a file says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportInfo {
    pub lines: u64,
    /// Parts of the data that could not be read when the file was written.
    pub warnings: Vec<String>,
}

/// Reads the footer of an exported file.
///
/// # Errors
/// `Invalid` for what is no Parquet file.
pub fn info(path: &Path) -> Result<ExportInfo, StoreError> {
    let builder = open(path)?;
    let footer = builder.metadata().file_metadata();
    let entries = footer.key_value_metadata().map(Vec::as_slice).unwrap_or_default();
    let warnings = entries.iter().find(|entry| entry.key == WARNINGS).and_then(|entry| entry.value.as_deref());
    let warnings = warnings.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    Ok(ExportInfo { lines: u64::try_from(footer.num_rows()).unwrap_or(0), warnings })
}

/// The lines of a file, a few at a time. Blocks: use it away from async threads.
#[derive(Debug)]
pub struct Import {
    rows: ParquetRecordBatchReader,
    labels: HashMap<String, LabelSet>,
    /// Rows given so far.
    at: u64,
}

impl Import {
    /// # Errors
    /// `Invalid` for what is no Parquet file, or one without the columns.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let builder = open(path)?;
        for name in ["timestamp", "body", "labels"] {
            if builder.schema().column_with_name(name).is_none() {
                return Err(invalid(format!("the file has no column {name}: timestamp, body and labels are needed")));
            }
        }
        let largest = builder.metadata().row_groups().iter().map(|group| group.total_byte_size()).max().unwrap_or(0);
        if largest > MAX_GROUP_BYTES {
            return Err(invalid(format!("a row group has {largest} bytes, at most {MAX_GROUP_BYTES} are read")));
        }
        let rows = builder.with_batch_size(ROWS).build().map_err(damaged)?;
        Ok(Import { rows, labels: HashMap::new(), at: 0 })
    }

    fn batch(&mut self, rows: &RecordBatch) -> Result<LogBatch, StoreError> {
        let timestamps = nanos(rows, self.at)?;
        let (bodies, labels) = (texts(rows, "body", self.at)?, texts(rows, "labels", self.at)?);
        let metadata = rows.column_by_name("metadata").map(|_| texts(rows, "metadata", self.at)).transpose()?;
        let mut builder = LogBatch::builder();
        let mut open: Option<&str> = None;
        for row in 0..rows.num_rows() {
            if open != Some(labels.value(row)) {
                open = Some(labels.value(row));
                let labels = self.labels(labels.value(row), row)?;
                builder.stream(labels);
            }
            let pairs = metadata.as_ref().map_or("", |column| column.value(row));
            let pairs = self.pairs(pairs, "metadata", row)?;
            let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let pushed = builder.push(Timestamp(timestamps.value(row)), bodies.value(row), pairs);
            pushed.map_err(|e| invalid(e.to_string()))?;
        }
        self.at += rows.num_rows() as u64;
        Ok(builder.finish())
    }

    fn labels(&mut self, text: &str, row: usize) -> Result<LabelSet, StoreError> {
        if let Some(labels) = self.labels.get(text) {
            return Ok(labels.clone());
        }
        let labels = LabelSet::from_pairs(self.pairs(text, "labels", row)?);
        if self.labels.len() >= REMEMBERED {
            self.labels.clear();
        }
        self.labels.insert(text.to_owned(), labels.clone());
        Ok(labels)
    }

    /// A JSON object of strings; empty for none.
    fn pairs(&self, text: &str, column: &str, row: usize) -> Result<BTreeMap<String, String>, StoreError> {
        if text.is_empty() {
            return Ok(BTreeMap::new());
        }
        let at = self.at + row as u64;
        serde_json::from_str(text)
            .map_err(|e| invalid(format!("{column} of row {at} is no JSON object of strings: {e}")))
    }
}

impl Iterator for Import {
    type Item = Result<LogBatch, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rows = self.rows.next()?;
        Some(
            rows.map_err(|e| invalid(format!("rows from {} on cannot be read: {e}", self.at)))
                .and_then(|r| self.batch(&r)),
        )
    }
}

fn open(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, StoreError> {
    let file = File::open(path).map_err(|e| StoreError::internal(format!("cannot open {}: {e}", path.display())))?;
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(damaged)
}

fn damaged(error: impl std::fmt::Display) -> StoreError {
    invalid(format!("this is no whole Parquet file: {error}"))
}

fn invalid(text: String) -> StoreError {
    StoreError::new(ErrorKind::Invalid, text)
}

fn cast(rows: &RecordBatch, name: &str, to: &DataType, at: u64) -> Result<ArrayRef, StoreError> {
    let column = rows.column_by_name(name).ok_or_else(|| invalid(format!("the file has no column {name}")))?;
    let refuse = |why: String| invalid(format!("column {name}: {why}"));
    let column = arrow::compute::cast(column, to).map_err(|e| refuse(e.to_string()))?;
    if let Some(row) = (0..column.len()).find(|row| column.is_null(*row)) {
        return Err(refuse(format!("row {} has no value", at + row as u64)));
    }
    Ok(column)
}

/// Timestamps in whatever unit, as nanoseconds.
fn nanos(rows: &RecordBatch, at: u64) -> Result<arrow::array::Int64Array, StoreError> {
    let unit = DataType::Timestamp(TimeUnit::Nanosecond, None);
    let column = cast(rows, "timestamp", &unit, at)?;
    let column = arrow::compute::cast(&column, &DataType::Int64).map_err(StoreError::internal)?;
    Ok(column.as_primitive::<Int64Type>().clone())
}

fn texts(rows: &RecordBatch, name: &str, at: u64) -> Result<StringArray, StoreError> {
    Ok(cast(rows, name, &DataType::Utf8, at)?.as_string::<i32>().clone())
}
