//! Writes a block: series come sorted by labels, each once.

use crate::metric::labels;
use arrow::array::{
    ArrayRef, BinaryBuilder, Int64Builder, MapBuilder, MapFieldNames, RecordBatch, StringBuilder,
    TimestampMillisecondBuilder, UInt32Builder,
};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use bytes::Bytes;
use gantry_store_api::StoreError;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;
use std::sync::Arc;

/// Rows of a page: a reader of one series reads the page.
const PAGE_ROWS: usize = 128;
/// Rows that are handed to Parquet at once.
const BATCH_ROWS: usize = 1024;
/// Bytes at which a row group is written.
const ROW_GROUP_BYTES: usize = 16 << 20;

/// One series of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewRow<'a> {
    pub labels: &'a [u8],
    /// Milliseconds of the first and the last sample.
    pub times: (i64, i64),
    /// Numbers and histograms.
    pub samples: u64,
    /// Frames.
    pub numbers: &'a [u8],
    pub histograms: &'a [u8],
}

/// The file and what it holds.
#[derive(Clone, Debug)]
pub(crate) struct EncodedBlock {
    pub parquet: Bytes,
    pub series: u64,
    pub samples: u64,
    pub times: (i64, i64),
}

#[derive(Debug)]
pub(crate) struct BlockWriter {
    parquet: ArrowWriter<Vec<u8>>,
    schema: SchemaRef,
    rows: Builders,
    waiting: usize,
    waiting_bytes: usize,
    series: u64,
    samples: u64,
    times: Option<(i64, i64)>,
}

#[derive(Debug)]
struct Builders {
    labels: LabelsBuilder,
    first: TimestampMillisecondBuilder,
    last: TimestampMillisecondBuilder,
    samples: Int64Builder,
    numbers: BinaryBuilder,
    histograms: BinaryBuilder,
    crc32: UInt32Builder,
}

impl Builders {
    fn new() -> Self {
        Builders {
            labels: labels_builder(),
            first: TimestampMillisecondBuilder::new().with_timezone("UTC"),
            last: TimestampMillisecondBuilder::new().with_timezone("UTC"),
            samples: Int64Builder::new(),
            numbers: BinaryBuilder::new(),
            histograms: BinaryBuilder::new(),
            crc32: UInt32Builder::new(),
        }
    }
}

/// Fills a column of label sets: first `keys` and `values`, then `append`.
pub(crate) type LabelsBuilder = MapBuilder<StringBuilder, StringBuilder>;

pub(crate) fn labels_builder() -> LabelsBuilder {
    let names = MapFieldNames { entry: "key_value".into(), key: "key".into(), value: "value".into() };
    let values = Field::new("value", DataType::Utf8, false);
    MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new()).with_values_field(values)
}

/// The type of a column of label sets.
pub(crate) fn labels_type() -> DataType {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let entry = DataType::Struct(Fields::from(vec![text("key"), text("value")]));
    DataType::Map(Arc::new(Field::new("key_value", entry, false)), false)
}

/// Columns of the Parquet file.
pub(super) fn file_schema() -> SchemaRef {
    let time = || DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new("labels", labels_type(), false),
        Field::new("first", time(), false),
        Field::new("last", time(), false),
        Field::new("samples", DataType::Int64, false),
        Field::new("numbers", DataType::Binary, true),
        Field::new("histograms", DataType::Binary, true),
        Field::new("crc32", DataType::UInt32, false),
    ]))
}

fn properties(zstd_level: i32, resolution_ms: i64) -> Result<WriterProperties, StoreError> {
    let zstd = ZstdLevel::try_new(zstd_level).map(Compression::ZSTD).map_err(StoreError::internal)?;
    let column = |name: &str| ColumnPath::from(name);
    let about = |key: &str, value: String| KeyValue::new(key.to_owned(), value);
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(zstd)
        .set_dictionary_enabled(true)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_write_batch_size(PAGE_ROWS)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_data_page_size_limit(1 << 30)
        .set_key_value_metadata(Some(vec![
            about("gantry.format", "metrics/1".into()),
            about("gantry.resolution_ms", resolution_ms.to_string()),
        ]));
    for name in ["first", "last", "samples"] {
        properties = properties
            .set_column_dictionary_enabled(column(name), false)
            .set_column_encoding(column(name), Encoding::DELTA_BINARY_PACKED);
    }
    for name in ["numbers", "histograms", "crc32"] {
        properties = properties.set_column_dictionary_enabled(column(name), false);
    }
    Ok(properties.build())
}

impl BlockWriter {
    pub(crate) fn new(zstd_level: i32, resolution_ms: i64) -> Result<Self, StoreError> {
        let schema = file_schema();
        let properties = properties(zstd_level, resolution_ms)?;
        let parquet =
            ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties)).map_err(StoreError::internal)?;
        Ok(BlockWriter {
            parquet,
            schema,
            rows: Builders::new(),
            waiting: 0,
            waiting_bytes: 0,
            series: 0,
            samples: 0,
            times: None,
        })
    }

    pub(crate) fn push(&mut self, row: NewRow<'_>) -> Result<(), StoreError> {
        let rows = &mut self.rows;
        for (name, value) in labels::pairs(row.labels) {
            rows.labels.keys().append_value(name);
            rows.labels.values().append_value(value);
        }
        rows.labels.append(true).map_err(StoreError::internal)?;
        rows.first.append_value(row.times.0);
        rows.last.append_value(row.times.1);
        rows.samples.append_value(row.samples as i64);
        rows.numbers.append_option(Some(row.numbers).filter(|frames| !frames.is_empty()));
        rows.histograms.append_option(Some(row.histograms).filter(|frames| !frames.is_empty()));
        rows.crc32.append_value(checksum(row.numbers, row.histograms));
        self.waiting += 1;
        self.waiting_bytes += row.labels.len() + row.numbers.len() + row.histograms.len();
        self.series += 1;
        self.samples += row.samples;
        let (first, last) = row.times;
        self.times = Some(self.times.map_or(row.times, |times| (times.0.min(first), times.1.max(last))));
        if self.waiting >= BATCH_ROWS || self.waiting_bytes >= ROW_GROUP_BYTES {
            self.write_waiting()?;
        }
        Ok(())
    }

    fn write_waiting(&mut self) -> Result<(), StoreError> {
        if self.waiting == 0 {
            return Ok(());
        }
        (self.waiting, self.waiting_bytes) = (0, 0);
        let rows = &mut self.rows;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(rows.labels.finish()),
            Arc::new(rows.first.finish()),
            Arc::new(rows.last.finish()),
            Arc::new(rows.samples.finish()),
            Arc::new(rows.numbers.finish()),
            Arc::new(rows.histograms.finish()),
            Arc::new(rows.crc32.finish()),
        ];
        let batch = RecordBatch::try_new(self.schema.clone(), columns).map_err(StoreError::internal)?;
        self.parquet.write(&batch).map_err(StoreError::internal)?;
        if self.parquet.in_progress_size() >= ROW_GROUP_BYTES {
            self.parquet.flush().map_err(StoreError::internal)?;
        }
        Ok(())
    }

    /// The finished file; `None` when nothing was pushed.
    pub(crate) fn finish(mut self) -> Result<Option<EncodedBlock>, StoreError> {
        self.write_waiting()?;
        let Some(times) = self.times else { return Ok(None) };
        let file = self.parquet.into_inner().map_err(StoreError::internal)?;
        Ok(Some(EncodedBlock { parquet: file.into(), series: self.series, samples: self.samples, times }))
    }
}

/// CRC-32 over the frames of a row.
pub(super) fn checksum(numbers: &[u8], histograms: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(numbers);
    crc.update(histograms);
    crc.finalize()
}
