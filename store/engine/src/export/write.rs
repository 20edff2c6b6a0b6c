//! From scanned rows to Parquet, one row group in memory.

use super::{FORMAT, WARNINGS, schema};
use arrow::array::{
    ArrayRef, AsArray, DictionaryArray, Int32Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use arrow::datatypes::{Int32Type, Int64Type, UInt32Type};
use bytes::Bytes;
use gantry_model::LabelSet;
use gantry_store_api::StoreError;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use std::collections::HashMap;
use std::sync::Arc;

/// Encoded bytes at which a row group is written out.
const GROUP_BYTES: usize = 16 << 20;
/// Rows at which it is.
const GROUP_ROWS: usize = 1 << 20;
/// Fast, and small enough: the file is moved once.
const ZSTD_LEVEL: i32 = 3;

pub(super) struct Writer {
    parquet: ArrowWriter<Vec<u8>>,
    streams: Arc<[LabelSet]>,
    lines: u64,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("lines", &self.lines).finish_non_exhaustive()
    }
}

impl Writer {
    pub(super) fn new(streams: Arc<[LabelSet]>) -> Result<Self, StoreError> {
        let zstd = ZstdLevel::try_new(ZSTD_LEVEL).map_err(StoreError::internal)?;
        let column = |name: &str| ColumnPath::from(name);
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(zstd))
            .set_column_dictionary_enabled(column("timestamp"), false)
            .set_column_encoding(column("timestamp"), Encoding::DELTA_BINARY_PACKED)
            .set_column_dictionary_enabled(column("body"), false)
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_key_value_metadata(Some(vec![KeyValue::new(FORMAT.0.to_owned(), FORMAT.1.to_owned())]))
            .build();
        // Without hints for Arrow, whose newer types not every reader knows.
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let parquet = ArrowWriter::try_new_with_options(Vec::new(), schema(), options).map_err(StoreError::internal)?;
        Ok(Writer { parquet, streams, lines: 0 })
    }

    /// Adds rows; gives the bytes that are ready.
    pub(super) fn push(&mut self, rows: &RecordBatch) -> Result<Bytes, StoreError> {
        let batch = RecordBatch::try_new(schema(), self.columns(rows)?).map_err(StoreError::internal)?;
        self.parquet.write(&batch).map_err(StoreError::internal)?;
        self.lines += rows.num_rows() as u64;
        if self.parquet.in_progress_size() >= GROUP_BYTES {
            self.parquet.flush().map_err(StoreError::internal)?;
        }
        self.parquet.sync().map_err(StoreError::internal)?;
        Ok(std::mem::take(self.parquet.inner_mut()).into())
    }

    fn columns(&self, rows: &RecordBatch) -> Result<Vec<ArrayRef>, StoreError> {
        let text = |name: &str| {
            let column = rows.column_by_name(name).and_then(|column| column.as_string_view_opt()).cloned();
            column.ok_or_else(|| StoreError::internal(format!("the scan has no column {name}")))
        };
        let timestamps = rows.column(1).as_primitive::<Int64Type>().values().clone();
        Ok(vec![
            Arc::new(TimestampNanosecondArray::new(timestamps, None).with_timezone("UTC")),
            Arc::new(text("body")?),
            Arc::new(text("metadata")?),
            Arc::new(self.labels(rows.column(0).as_primitive::<UInt32Type>().values())?),
        ])
    }

    /// A dictionary with the streams of these rows alone.
    fn labels(&self, numbers: &[u32]) -> Result<DictionaryArray<Int32Type>, StoreError> {
        let mut keys: HashMap<u32, i32> = HashMap::new();
        let mut texts = Vec::new();
        let mut column = Vec::with_capacity(numbers.len());
        for number in numbers {
            let key = match keys.get(number) {
                Some(key) => *key,
                None => {
                    let labels = self.streams.get(*number as usize);
                    let labels = labels.ok_or_else(|| StoreError::internal("a row of an unknown stream"))?;
                    texts.push(serde_json::to_string(labels).map_err(StoreError::internal)?);
                    let key = texts.len() as i32 - 1;
                    keys.insert(*number, key);
                    key
                }
            };
            column.push(key);
        }
        let texts = StringArray::from_iter_values(texts);
        DictionaryArray::try_new(Int32Array::from(column), Arc::new(texts)).map_err(StoreError::internal)
    }

    /// The rest of the file.
    pub(super) fn finish(mut self, warnings: &[String]) -> Result<Bytes, StoreError> {
        if !warnings.is_empty() {
            let text = serde_json::to_string(warnings).map_err(StoreError::internal)?;
            self.parquet.append_key_value_metadata(KeyValue::new(WARNINGS.to_owned(), text));
        }
        Ok(self.parquet.into_inner().map_err(StoreError::internal)?.into())
    }
}
