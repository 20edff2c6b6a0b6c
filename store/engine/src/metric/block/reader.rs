//! Reads blocks: labels and times of all series once, then frames of the series that are wanted.

use super::file::File;
use super::meta::BlockMeta;
use super::rows::{self, Rows};
use super::writer::file_schema;
use crate::cache::{Cache, CacheKey};
use crate::graveyard::Buried;
use crate::metric::index::LabelIndex;
use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema};
use futures::{Stream, StreamExt, TryStreamExt};
use gantry_store_api::{MillisRange, StoreError};
use object_store::ObjectStore;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, RowSelection};
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use std::sync::Arc;

/// Series of a block that are read one by one and kept, at most.
const KEPT_SERIES: usize = 4;
/// Rows that are read at once where all of them are.
const BATCH_ROWS: usize = 1024;

/// A block of the catalog; opening it is put off until somebody reads.
#[derive(Debug)]
pub(crate) struct Block {
    store: Arc<dyn ObjectStore>,
    meta: BlockMeta,
    cache: Arc<Cache>,
}

impl Buried for Block {}

impl Drop for Block {
    fn drop(&mut self) {
        self.cache.forget(&self.meta.id);
    }
}

/// A block whose labels are in memory.
#[derive(Debug)]
pub(crate) struct OpenBlock {
    pub index: LabelIndex,
    pub labels: Vec<Arc<[u8]>>,
    /// Milliseconds of the first and the last sample of each series.
    times: Vec<(i64, i64)>,
    footer: ArrowReaderMetadata,
}

impl Block {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, meta: BlockMeta, cache: Arc<Cache>) -> Arc<Self> {
        Arc::new(Block { store, meta, cache })
    }

    pub(crate) fn meta(&self) -> &BlockMeta {
        &self.meta
    }

    fn file(&self, footer: Option<Arc<ParquetMetaData>>) -> File {
        File { store: self.store.clone(), path: self.meta.path(), len: self.meta.parquet.len, footer }
    }

    /// Labels and times, from the cache or from the store. Errors name the block.
    pub(crate) async fn open(&self) -> Result<Arc<OpenBlock>, StoreError> {
        let key = CacheKey { kind: "metric-index", split: self.meta.id.clone(), part: 0 };
        let load = async {
            let open = self.load().await?;
            let weight = open.memory();
            Ok((open, weight))
        };
        self.cache.get_or_load(key, load).await.map_err(|error| self.named(error))
    }

    fn named(&self, error: StoreError) -> StoreError {
        error.context(format!("block {}", self.meta.id))
    }

    async fn load(&self) -> Result<OpenBlock, StoreError> {
        let footer = self.footer().await?;
        let mut open =
            OpenBlock { index: LabelIndex::default(), labels: Vec::new(), times: Vec::new(), footer: footer.clone() };
        let mut batches = self.stream(footer, &["labels", "first", "last"], None, BATCH_ROWS)?;
        while let Some(batch) = batches.next().await {
            for (labels, times) in rows::heads(&batch?)? {
                open.index.push(&labels);
                open.labels.push(labels.into());
                open.times.push(times);
            }
        }
        if open.labels.len() as u64 != self.meta.series {
            return Err(StoreError::corrupt("the file has another number of series than the catalog says"));
        }
        Ok(open)
    }

    async fn footer(&self) -> Result<ArrowReaderMetadata, StoreError> {
        let options = ArrowReaderOptions::new().with_schema(Arc::new(read_schema()));
        ArrowReaderMetadata::load_async(&mut self.file(None), options).await.map_err(corrupt)
    }

    fn stream(
        &self,
        footer: ArrowReaderMetadata,
        columns: &[&str],
        selection: Option<RowSelection>,
        rows: usize,
    ) -> Result<impl Stream<Item = Result<RecordBatch, StoreError>> + Send + Unpin + use<>, StoreError> {
        let mask = ProjectionMask::columns(footer.parquet_schema(), columns.iter().copied());
        let file = self.file(Some(footer.metadata().clone()));
        let mut builder = ParquetRecordBatchStreamBuilder::new_with_metadata(file, footer)
            .with_projection(mask)
            .with_batch_size(rows.max(1));
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        Ok(builder.build().map_err(corrupt)?.map_err(corrupt))
    }

    /// The frames of series by number, rising, in this order: each as a row of what was read. Where few are wanted they are
    /// kept: dashboards and rules ask for the same ones again.
    pub(crate) async fn rows(&self, open: &OpenBlock, series: &[u32]) -> Result<Vec<(Arc<Rows>, usize)>, StoreError> {
        if series.len() > KEPT_SERIES {
            let rows = Arc::new(self.read(open, series).await?);
            return Ok((0..series.len()).map(|row| (rows.clone(), row)).collect());
        }
        let mut found = Vec::with_capacity(series.len());
        for number in series {
            let key = CacheKey { kind: "metric-rows", split: self.meta.id.clone(), part: u64::from(*number) };
            let load = async {
                let rows = self.read(open, &[*number]).await?.alone();
                let weight = rows.memory();
                Ok((rows, weight))
            };
            found.push((self.cache.get_or_load(key, load).await?, 0));
        }
        Ok(found)
    }

    async fn read(&self, open: &OpenBlock, series: &[u32]) -> Result<Rows, StoreError> {
        let read = async {
            let ranges = series.iter().map(|row| *row as usize..*row as usize + 1);
            let selection = RowSelection::from_consecutive_ranges(ranges, open.labels.len());
            let columns = ["numbers", "histograms", "crc32"];
            let stream = self.stream(open.footer.clone(), &columns, Some(selection), series.len())?;
            let batches: Vec<RecordBatch> = stream.try_collect().await?;
            let rows = match &*batches {
                [one] => Rows::new(one)?,
                [] => return Err(StoreError::corrupt("series are missing")),
                [first, ..] => Rows::new(&concat_batches(&first.schema(), &batches).map_err(StoreError::internal)?)?,
            };
            if rows.len() == series.len() { Ok(rows) } else { Err(StoreError::corrupt("series are missing")) }
        };
        read.await.map_err(|error| self.named(error))
    }

    /// Everything, from the first series to the last, a share at a time.
    pub(crate) async fn scan(
        &self,
    ) -> Result<impl Stream<Item = Result<Vec<ScannedRow>, StoreError>> + Send + Unpin + use<>, StoreError> {
        let footer = self.footer().await?;
        let columns = ["labels", "first", "last", "samples", "numbers", "histograms", "crc32"];
        let batches = self.stream(footer, &columns, None, BATCH_ROWS / 4)?;
        Ok(batches.map(|batch| {
            let batch = batch?;
            let frames = Arc::new(Rows::new(&batch)?);
            let rows = rows::heads(&batch)?.into_iter().zip(rows::counts(&batch)?).enumerate();
            let row =
                |(row, ((labels, times), samples))| ScannedRow { labels, times, samples, frames: frames.clone(), row };
            Ok(rows.map(row).collect())
        }))
    }
}

/// A series of a block that is read from end to end.
#[derive(Clone, Debug)]
pub(crate) struct ScannedRow {
    pub labels: Vec<u8>,
    pub times: (i64, i64),
    pub samples: u64,
    pub frames: Arc<Rows>,
    /// Its place in `frames`.
    pub row: usize,
}

impl OpenBlock {
    fn memory(&self) -> usize {
        let labels: usize = self.labels.iter().map(|labels| labels.len() + 48).sum();
        self.index.memory() + labels + self.times.len() * 16 + self.footer.metadata().memory_size()
    }

    /// Whether the series may have samples of the range.
    pub(crate) fn has(&self, series: u32, range: MillisRange) -> bool {
        self.times.get(series as usize).is_some_and(|(first, last)| range.overlaps(*first, *last))
    }
}

/// As the file, but with views for the frames, so that reading a page copies none of them.
fn read_schema() -> Schema {
    let fields = file_schema()
        .fields()
        .iter()
        .map(|field| match field.data_type() {
            DataType::Binary => Field::new(field.name(), DataType::BinaryView, true),
            _ => field.as_ref().clone(),
        })
        .collect::<Vec<_>>();
    Schema::new(fields)
}

fn corrupt(error: ParquetError) -> StoreError {
    StoreError::corrupt(format!("parquet file: {error}"))
}
