//! Reads splits: opens the index and the Parquet footer once, then rows by position, every page checked by its CRC.

use super::file::SplitFile;
use super::granule::GRANULE_ROWS;
use super::index::{PageSum, SplitIndex};
use super::meta::SplitMeta;
use crate::cache::{Cache, CacheKey};
use arrow::array::{Array, AsArray, StringViewArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, Field, Schema, TimestampNanosecondType};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryFutureExt};
use gantry_body::Block;
use gantry_store_api::{ScanColumns, StoreError};
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, RowSelection};
use parquet::arrow::async_reader::{AsyncFileReader, ParquetRecordBatchStreamBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use std::ops::Range;
use std::sync::{Arc, Weak};

/// A split of the catalog; opening it is put off until somebody reads.
#[derive(Debug)]
pub struct Split {
    store: Arc<dyn ObjectStore>,
    meta: SplitMeta,
    cache: Arc<Cache>,
}

impl Drop for Split {
    fn drop(&mut self) {
        self.cache.forget(&self.meta.id);
    }
}

impl Split {
    pub fn new(store: Arc<dyn ObjectStore>, meta: SplitMeta, cache: Arc<Cache>) -> Arc<Self> {
        Arc::new(Split { store, meta, cache })
    }

    pub fn meta(&self) -> &SplitMeta {
        &self.meta
    }

    /// The index and the footer, from the cache or from the store. Errors name the split.
    pub async fn open(&self) -> Result<Arc<OpenSplit>, StoreError> {
        let key = CacheKey { kind: "index", split: self.meta.id.clone(), part: 0 };
        let load = async {
            let open = self.load().await?;
            let weight = open.memory();
            Ok((open, weight))
        };
        self.cache.get_or_load(key, load).await.map_err(|e| e.context(format!("split {}", self.meta.id)))
    }

    async fn load(&self) -> Result<OpenSplit, StoreError> {
        let index_path = self.meta.index_path();
        let index = self.store.get(&index_path).and_then(|found| found.bytes());
        let file = SplitFile::open(self.store.clone(), self.meta.parquet_path());
        let (index, file) = futures::try_join!(index, file).map_err(missing)?;
        let index = SplitIndex::open(&index)?;
        let fetch = RangeFetch { file: &file };
        let footer = ParquetMetaDataReader::new()
            .with_page_index_policy(PageIndexPolicy::Required)
            .with_prefetch_hint(Some(64 << 10))
            .load_and_finish(fetch, self.meta.parquet.len)
            .await
            .map_err(corrupt)?;
        let coded = !index.blocks.is_empty();
        let options = ArrowReaderOptions::new().with_schema(Arc::new(read_schema(coded)));
        let parquet = ArrowReaderMetadata::try_new(Arc::new(footer), options).map_err(corrupt)?;
        if parquet.metadata().file_metadata().num_rows() != index.rows as i64 {
            return Err(StoreError::corrupt("the index and the Parquet file differ in their number of rows"));
        }
        let cache = Arc::downgrade(&self.cache);
        Ok(OpenSplit { meta: self.meta.clone(), index: Arc::new(index), file, parquet, cache })
    }
}

/// An error of the object store.
pub(super) fn missing(error: object_store::Error) -> StoreError {
    match error {
        object_store::Error::NotFound { path, .. } => StoreError::corrupt(format!("object {path} is missing")),
        other => StoreError::internal(other),
    }
}

fn external(error: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

fn corrupt(error: ParquetError) -> StoreError {
    StoreError::corrupt(format!("parquet file: {error}"))
}

/// As the file, but with views for the texts, so that reading a page copies no text.
fn read_schema(coded: bool) -> Schema {
    let file = if coded { super::writer::file_schema() } else { super::writer::first_schema() };
    let fields = file.fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 => Field::new(field.name(), DataType::Utf8View, false),
        _ => field.as_ref().clone(),
    });
    Schema::new(fields.collect::<Vec<_>>())
}

struct RangeFetch<'a> {
    file: &'a SplitFile,
}

impl parquet::arrow::async_reader::MetadataFetch for RangeFetch<'_> {
    fn fetch(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        self.file.range(range).map_err(external).boxed()
    }
}

/// A split whose index and footer are in memory.
#[derive(Debug)]
pub struct OpenSplit {
    pub meta: SplitMeta,
    pub index: Arc<SplitIndex>,
    file: SplitFile,
    parquet: ArrowReaderMetadata,
    /// Weak, because the cache holds this split.
    cache: Weak<Cache>,
}

/// Columns of some rows, in file order.
#[derive(Clone, Debug)]
pub struct RowColumns {
    pub timestamps: ScalarBuffer<i64>,
    pub bodies: Option<StringViewArray>,
    pub metadata: Option<StringViewArray>,
}

impl OpenSplit {
    fn memory(&self) -> usize {
        self.index.memory() + self.parquet.metadata().memory_size()
    }

    /// Granules of one row group.
    pub fn row_group_granules(&self) -> usize {
        let rows = self.parquet.metadata().row_groups().first().map_or(1, |group| group.num_rows() as usize);
        rows.div_ceil(GRANULE_ROWS).max(1)
    }

    /// The row group of a row.
    pub fn row_group(&self, row: usize) -> usize {
        row / (self.row_group_granules() * GRANULE_ROWS)
    }

    /// Whether bodies are coded blocks, and no column.
    pub fn is_coded(&self) -> bool {
        !self.index.blocks.is_empty()
    }

    /// A block of bodies, by number.
    pub async fn block(&self, number: usize) -> Result<Arc<Block>, StoreError> {
        let Some(cache) = self.cache.upgrade() else { return self.read_block(number).await.map(Arc::new) };
        let key = self.block_key(number);
        let load = async {
            let block = self.read_block(number).await?;
            let weight = block.memory();
            Ok((block, weight))
        };
        cache.get_or_load(key, load).await
    }

    fn block_key(&self, number: usize) -> CacheKey {
        CacheKey { kind: "bodies", split: self.meta.id.clone(), part: number as u64 }
    }

    /// Tells the cache what a block weighs, now that more of it was read.
    pub(super) fn weigh(&self, number: usize, block: &Block) {
        if let Some(cache) = self.cache.upgrade() {
            cache.reweigh(&self.block_key(number), block.memory());
        }
    }

    /// Reads a block and leaves the cache alone: compaction needs each but once.
    pub(super) async fn read_block(&self, number: usize) -> Result<Block, StoreError> {
        let place = self.index.blocks[number];
        let block = self.file.block(place.offset..place.offset + place.len).await?;
        if block.len() != place.rows as usize {
            return Err(StoreError::corrupt("a block of bodies has another number of rows"));
        }
        Ok(block)
    }

    /// Reads rows by position; `ranges` ascend, do not touch each other, and lie in one row group.
    pub async fn read(&self, ranges: &[Range<usize>], columns: ScanColumns) -> Result<RowColumns, StoreError> {
        if !self.is_coded() || !columns.body {
            return self.read_file(ranges, columns).await;
        }
        let mut rows = self.read_file(ranges, ScanColumns { body: false, ..columns }).await?;
        rows.bodies = Some(self.bodies(ranges, &vec![true; rows.timestamps.len()]).await?);
        Ok(rows)
    }

    /// Reads columns of the Parquet file.
    pub(super) async fn read_file(
        &self,
        ranges: &[Range<usize>],
        columns: ScanColumns,
    ) -> Result<RowColumns, StoreError> {
        let rows: usize = ranges.iter().map(Range::len).sum();
        let group_rows = self.row_group_granules() * GRANULE_ROWS;
        let group = ranges.first().map_or(0, |first| first.start / group_rows);
        let base = group * group_rows;
        let in_group = self.parquet.metadata().row_groups().get(group).map_or(0, |g| g.num_rows() as usize);
        let local = ranges.iter().map(|range| range.start - base..range.end - base);
        let selection = RowSelection::from_consecutive_ranges(local, in_group);
        let wants_metadata = columns.metadata && self.index.has_metadata;
        let wanted = if self.is_coded() {
            [(0, true), (1, wants_metadata), (2, false)]
        } else {
            [(0, true), (1, columns.body), (2, wants_metadata)]
        };
        let wanted = wanted.iter().filter(|(_, wanted)| *wanted).map(|(column, _)| *column);
        let mask = ProjectionMask::leaves(self.parquet.parquet_schema(), wanted);
        let reader = VerifiedReader {
            file: self.file.clone(),
            index: self.index.clone(),
            footer: self.parquet.metadata().clone(),
        };
        let mut stream = ParquetRecordBatchStreamBuilder::new_with_metadata(reader, self.parquet.clone())
            .with_row_groups(vec![group])
            .with_row_selection(selection)
            .with_projection(mask)
            .with_batch_size(rows.max(1))
            .build()
            .map_err(corrupt)?;
        let batch = stream.next().await.ok_or_else(|| StoreError::corrupt("rows are missing"))?.map_err(corrupt)?;
        if batch.num_rows() != rows {
            return Err(StoreError::corrupt(format!("{rows} rows wanted, {} found", batch.num_rows())));
        }
        let column = |name: &str| batch.column_by_name(name).and_then(|c| c.as_string_view_opt()).cloned();
        let timestamps = batch.column(0).as_primitive_opt::<TimestampNanosecondType>();
        let timestamps = timestamps.ok_or_else(|| StoreError::corrupt("no column of timestamps"))?.values().clone();
        let metadata = if wants_metadata {
            column("metadata")
        } else if columns.metadata {
            Some(StringViewArray::from_iter_values(std::iter::repeat_n("", rows)))
        } else {
            None
        };
        let bodies = if columns.body { column("body") } else { None };
        debug_assert!(bodies.as_ref().is_none_or(|b| b.len() == rows));
        Ok(RowColumns { timestamps, bodies, metadata })
    }
}

/// Fetches byte ranges and checks every whole page in them.
struct VerifiedReader {
    file: SplitFile,
    index: Arc<SplitIndex>,
    footer: Arc<ParquetMetaData>,
}

impl VerifiedReader {
    fn verify(pages: &[PageSum], range: &Range<u64>, bytes: &Bytes) -> parquet::errors::Result<()> {
        let first = pages.partition_point(|page| page.offset < range.start);
        for page in pages[first..].iter().take_while(|page| page.offset + page.len as u64 <= range.end) {
            let start = (page.offset - range.start) as usize;
            let content = bytes.get(start..start + page.len as usize).unwrap_or_default();
            if crc32fast::hash(content) != page.crc32 {
                return Err(ParquetError::General(format!(
                    "checksum of the page at byte {} does not match",
                    page.offset
                )));
            }
        }
        Ok(())
    }
}

impl AsyncFileReader for VerifiedReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        async move {
            let bytes = self.file.range(range.clone()).await.map_err(external)?;
            Self::verify(&self.index.pages, &range, &bytes)?;
            Ok(bytes)
        }
        .boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, parquet::errors::Result<Vec<Bytes>>> {
        async move {
            let all = self.file.ranges(&ranges).await.map_err(external)?;
            for (range, bytes) in ranges.iter().zip(&all) {
                Self::verify(&self.index.pages, range, bytes)?;
            }
            Ok(all)
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        let footer = self.footer.clone();
        async move { Ok(footer) }.boxed()
    }
}
