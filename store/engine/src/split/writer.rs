//! Writes a split: rows come sorted by (labels, timestamp) and leave as a Parquet file and an index file.

use super::bodies::{Bodies, Body, LastBody};
use super::body::corrupt;
use super::draft::{Draft, SplitBytes};
use super::granule::{GRANULE_ROWS, GranuleTerms};
use super::index::{BodyBlock, IndexBuilder, PageSum, SplitStream};
use crate::error::{io_context, io_error};
use arrow::array::{
    ArrayRef, DictionaryArray, Int32Array, RecordBatch, StringArray, StringBuilder, TimestampNanosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef, TimeUnit};
use bytes::Bytes;
use gantry_body::Block;
use gantry_model::{LabelSet, Timestamp};
use gantry_store_api::StoreError;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::reader::ChunkReader;
use parquet::schema::types::ColumnPath;
use std::sync::Arc;

/// Rows of a Parquet row group: a multiple of a granule.
const ROW_GROUP_ROWS: usize = 32 * GRANULE_ROWS;

/// Choices that trade size for time.
#[derive(Clone, Copy, Debug)]
pub struct SplitOptions {
    /// zstd level of bodies and metadata, 1 to 19.
    pub zstd_level: i32,
    /// Rows of a block of bodies: a reader of one row reads the block. At most [`gantry_body::MAX_BLOCK_ROWS`].
    pub block_rows: usize,
    /// Make an index of words and ids. Without it every granule of the time and the streams is searched.
    pub indexed: bool,
}

/// What a written split holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitSummary {
    pub rows: u64,
    pub streams: u32,
    pub min_ts: Timestamp,
    pub max_ts: Timestamp,
    /// Bytes of bodies and metadata.
    pub text_bytes: u64,
}

/// The two files of a split.
#[derive(Debug)]
pub struct EncodedSplit {
    pub parquet: SplitBytes,
    pub index: Bytes,
    pub summary: SplitSummary,
}

/// Takes sorted rows; drops a row that repeats another of the same stream and timestamp.
#[derive(Debug)]
pub struct SplitWriter {
    parquet: ArrowWriter<Draft>,
    schema: SchemaRef,
    index: IndexBuilder,
    rows: u64,
    text_bytes: u64,
    stream: Option<SplitStream>,
    granule: GranuleBuffer,
    last_timestamp: Option<Timestamp>,
    last: LastBody,
    options: SplitOptions,
    bodies: Bodies,
    /// Time bounds, bytes and rows of the granules of the block that is being filled.
    open_granules: Vec<((Timestamp, Timestamp), u64, usize)>,
    blocks: Vec<BodyBlock>,
    terms: GranuleTerms,
}

/// The rows of the granule that is being filled.
#[derive(Debug, Default)]
struct GranuleBuffer {
    timestamps: TimestampNanosecondBuilder,
    metadata: StringBuilder,
    label_keys: Vec<i32>,
    labels: Vec<String>,
    bounds: Option<(Timestamp, Timestamp)>,
    text_bytes: u64,
}

/// Columns of the Parquet file.
pub fn file_schema() -> SchemaRef {
    schema(false)
}

/// Columns of files of format `logs/1`.
pub fn first_schema() -> SchemaRef {
    schema(true)
}

fn schema(with_body: bool) -> SchemaRef {
    let labels = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let mut fields =
        vec![Field::new("timestamp", DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())), false)];
    if with_body {
        fields.push(Field::new("body", DataType::Utf8, false));
    }
    fields.push(Field::new("metadata", DataType::Utf8, false));
    fields.push(Field::new("labels", labels, false));
    Arc::new(Schema::new(fields))
}

fn properties(options: SplitOptions) -> Result<WriterProperties, StoreError> {
    let zstd = |level| ZstdLevel::try_new(level).map(Compression::ZSTD).map_err(StoreError::internal);
    let column = |name: &str| ColumnPath::from(name);
    let format = KeyValue::new("gantry.format".to_string(), "logs/2".to_string());
    Ok(WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(zstd(options.zstd_level)?)
        .set_column_compression(column("timestamp"), zstd(1)?)
        .set_dictionary_enabled(false)
        .set_column_dictionary_enabled(column("labels"), true)
        .set_column_dictionary_enabled(column("metadata"), true)
        .set_column_encoding(column("timestamp"), Encoding::DELTA_BINARY_PACKED)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_column_statistics_enabled(column("timestamp"), EnabledStatistics::Chunk)
        .set_write_batch_size(GRANULE_ROWS)
        .set_data_page_row_count_limit(GRANULE_ROWS)
        .set_data_page_size_limit(1 << 30)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_key_value_metadata(Some(vec![format]))
        .build())
}

impl SplitWriter {
    /// For lines: [`SplitWriter::push`].
    pub fn new(options: SplitOptions) -> Result<Self, StoreError> {
        Self::with_bodies(options, Bodies::of_lines(), Draft::Memory(Vec::new()))
    }

    /// For rows of other splits: [`SplitWriter::push_row`]. The Parquet file is written to `draft`.
    pub fn for_rows(options: SplitOptions, draft: Draft) -> Result<Self, StoreError> {
        Self::with_bodies(options, Bodies::of_rows(), draft)
    }

    fn with_bodies(options: SplitOptions, bodies: Bodies, draft: Draft) -> Result<Self, StoreError> {
        let schema = file_schema();
        let parquet =
            ArrowWriter::try_new(draft, schema.clone(), Some(properties(options)?)).map_err(StoreError::internal)?;
        Ok(SplitWriter {
            parquet,
            schema,
            index: IndexBuilder::new(options.indexed)?,
            rows: 0,
            text_bytes: 0,
            stream: None,
            granule: GranuleBuffer::default(),
            last_timestamp: None,
            last: LastBody::default(),
            options,
            bodies,
            open_granules: Vec::new(),
            blocks: Vec::new(),
            terms: GranuleTerms::default(),
        })
    }

    /// Rows pushed from now on are of `labels`, which must come after those of the stream before.
    pub fn begin_stream(&mut self, labels: &LabelSet) -> Result<(), StoreError> {
        self.end_stream();
        if self.index.streams().last().is_some_and(|before| before.labels >= *labels) {
            return Err(StoreError::internal(format!("streams out of order at {labels}")));
        }
        self.last_timestamp = None;
        let (min_ts, max_ts) = (Timestamp::MAX, Timestamp::MIN);
        let first_row = self.rows as u32;
        self.stream = Some(SplitStream { labels: labels.clone(), first_row, rows: 0, min_ts, max_ts, text_bytes: 0 });
        self.granule.open_stream(labels)
    }

    /// Adds a row of the open stream; timestamps must not fall.
    pub fn push(&mut self, timestamp: Timestamp, body: &str, metadata: &str) -> Result<(), StoreError> {
        self.add(timestamp, Body::Text(body), metadata)
    }

    /// Adds a row whose body is a row of a block; timestamps must not fall.
    pub fn push_row(
        &mut self,
        timestamp: Timestamp,
        (block, row): (&Arc<Block>, usize),
        metadata: &str,
    ) -> Result<(), StoreError> {
        self.add(timestamp, Body::Row(block, row), metadata)
    }

    fn add(&mut self, timestamp: Timestamp, body: Body<'_>, metadata: &str) -> Result<(), StoreError> {
        match self.last_timestamp {
            Some(before) if timestamp < before => return Err(StoreError::internal("rows out of order")),
            Some(before) if timestamp == before => {
                if !self.last.is_new(body, metadata)? {
                    return Ok(());
                }
            }
            _ => self.last.set(body, metadata),
        }
        self.last_timestamp = Some(timestamp);
        let Some(stream) = &mut self.stream else { return Err(StoreError::internal("a row before its stream")) };
        let len = body.text_bytes()?;
        let text = (len + metadata.len()) as u64;
        stream.rows += 1;
        stream.text_bytes += text;
        stream.min_ts = stream.min_ts.min(timestamp);
        stream.max_ts = stream.max_ts.max(timestamp);
        self.rows += 1;
        self.text_bytes += text;
        self.bodies.push(body, len)?;
        if !metadata.is_empty() {
            self.index.has_metadata();
        }
        self.granule.push(timestamp, metadata, text);
        if self.granule.label_keys.len() == GRANULE_ROWS {
            self.end_granule()?;
            if let Some(stream) = &self.stream {
                self.granule.open_stream(&stream.labels)?;
            }
        }
        Ok(())
    }

    fn end_stream(&mut self) {
        if let Some(stream) = self.stream.take().filter(|s| s.rows > 0) {
            self.index.add_stream(stream);
        }
    }

    fn end_granule(&mut self) -> Result<(), StoreError> {
        let Some(bounds) = self.granule.bounds else {
            self.granule.clear();
            return Ok(());
        };
        self.open_granules.push((bounds, self.granule.text_bytes, self.granule.label_keys.len()));
        let columns = self.granule.take_columns()?;
        let batch = RecordBatch::try_new(self.schema.clone(), columns).map_err(StoreError::internal)?;
        self.parquet.write(&batch).map_err(unwritten)?;
        let rows = self.open_granules.iter().map(|(_, _, rows)| rows).sum();
        if rows >= self.options.block_rows || self.bodies.is_full(rows) { self.end_block(rows) } else { Ok(()) }
    }

    /// Writes the block, and its granules to the index.
    fn end_block(&mut self, rows: usize) -> Result<(), StoreError> {
        let (bytes, block) = self.bodies.finish(self.options.zstd_level)?;
        let offset = self.parquet.bytes_written() as u64;
        io_context(self.parquet.write_all(&bytes), || "cannot write a split")?;
        self.blocks.push(BodyBlock { rows: rows as u32, offset, len: bytes.len() as u64 });
        let mut start = 0;
        for (bounds, text_bytes, rows) in std::mem::take(&mut self.open_granules) {
            self.terms.clear();
            if self.index.wants_terms() {
                block.for_each_term(start..start + rows, &mut self.terms).map_err(corrupt)?;
            }
            self.index.add_granule(bounds, text_bytes, &self.terms)?;
            start += rows;
        }
        Ok(())
    }

    /// Rows taken so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes of bodies and metadata taken so far.
    pub fn text_bytes(&self) -> u64 {
        self.text_bytes
    }

    /// The finished files, or `None` when no row came.
    pub fn finish(mut self) -> Result<Option<EncodedSplit>, StoreError> {
        self.end_stream();
        self.end_granule()?;
        if self.rows == 0 {
            return Ok(None);
        }
        let open = self.open_granules.iter().map(|(_, _, rows)| rows).sum();
        if open > 0 {
            self.end_block(open)?;
        }
        let draft = self.parquet.into_inner().map_err(unwritten)?;
        let parquet = io_context(draft.finish(), || "cannot write a split")?;
        let pages = match &parquet {
            SplitBytes::Memory(bytes) => page_sums(bytes)?,
            SplitBytes::File(draft) => page_sums(&draft.file)?,
        };
        let streams = self.index.streams();
        let summary = SplitSummary {
            rows: self.rows,
            streams: streams.len() as u32,
            min_ts: streams.iter().map(|s| s.min_ts).min().unwrap_or_default(),
            max_ts: streams.iter().map(|s| s.max_ts).max().unwrap_or_default(),
            text_bytes: self.text_bytes,
        };
        let index = Bytes::from(self.index.finish(self.rows, pages, self.blocks)?);
        Ok(Some(EncodedSplit { parquet, index, summary }))
    }
}

impl GranuleBuffer {
    fn open_stream(&mut self, labels: &LabelSet) -> Result<(), StoreError> {
        // A granule without rows yet may carry the labels of a stream that got none.
        if self.label_keys.is_empty() {
            self.labels.clear();
        }
        self.labels.push(serde_json::to_string(labels).map_err(StoreError::internal)?);
        Ok(())
    }

    fn push(&mut self, timestamp: Timestamp, metadata: &str, text_bytes: u64) {
        self.timestamps.append_value(timestamp.0);
        self.metadata.append_value(metadata);
        self.label_keys.push(self.labels.len() as i32 - 1);
        self.text_bytes += text_bytes;
        self.bounds =
            Some(self.bounds.map_or((timestamp, timestamp), |(lo, hi)| (lo.min(timestamp), hi.max(timestamp))));
    }

    fn take_columns(&mut self) -> Result<Vec<ArrayRef>, StoreError> {
        let labels = StringArray::from_iter_values(std::mem::take(&mut self.labels));
        let keys = Int32Array::from(std::mem::take(&mut self.label_keys));
        let labels: DictionaryArray<Int32Type> =
            DictionaryArray::try_new(keys, Arc::new(labels)).map_err(StoreError::internal)?;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.timestamps.finish().with_timezone("UTC")),
            Arc::new(self.metadata.finish()),
            Arc::new(labels),
        ];
        self.clear();
        Ok(columns)
    }

    fn clear(&mut self) {
        self.label_keys.clear();
        self.labels.clear();
        self.bounds = None;
        self.text_bytes = 0;
    }
}

/// The kind of an error of the file, which can be that the disk is full.
fn unwritten(error: ParquetError) -> StoreError {
    match &error {
        ParquetError::External(cause) => match cause.downcast_ref() {
            Some(cause) => io_error(cause, "cannot write a split"),
            None => StoreError::internal(error),
        },
        _ => StoreError::internal(error),
    }
}

/// Checksums of all pages of a Parquet file, in order of offset.
fn page_sums(file: &impl ChunkReader) -> Result<Vec<PageSum>, StoreError> {
    let metadata: ParquetMetaData = ParquetMetaDataReader::new()
        .with_page_index_policy(PageIndexPolicy::Required)
        .parse_and_finish(file)
        .map_err(StoreError::internal)?;
    let offsets =
        metadata.offset_index().ok_or_else(|| StoreError::internal("the writer left out the offset index"))?;
    let mut pages = Vec::new();
    let mut add = |start: u64, len: u64| {
        let bytes = file.get_bytes(start, len as usize).map_err(StoreError::internal)?;
        pages.push(PageSum { offset: start, len: len as u32, crc32: crc32fast::hash(&bytes) });
        Ok::<_, StoreError>(())
    };
    for (group, columns) in metadata.row_groups().iter().zip(offsets) {
        for (chunk, index) in group.columns().iter().zip(columns) {
            let locations = index.page_locations();
            let (start, _) = chunk.byte_range();
            if let Some(first) = locations.first().filter(|first| first.offset as u64 > start) {
                add(start, first.offset as u64 - start)?;
            }
            for page in locations {
                add(page.offset as u64, page.compressed_page_size as u64)?;
            }
        }
    }
    pages.sort_by_key(|page| page.offset);
    Ok(pages)
}
