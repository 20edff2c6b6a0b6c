//! The bytes of a block's file, a range at a time, for the Parquet reader.

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, TryFutureExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use std::ops::Range;
use std::sync::Arc;

/// Bytes at the end of a file that are read at once: the footer and the page index of most.
const PREFETCH: usize = 64 << 10;

pub(super) struct File {
    pub store: Arc<dyn ObjectStore>,
    pub path: Path,
    pub len: u64,
    /// When it was read before.
    pub footer: Option<Arc<ParquetMetaData>>,
}

impl File {
    async fn read_footer(&mut self) -> Result<Arc<ParquetMetaData>> {
        let len = self.len;
        let reader = ParquetMetaDataReader::new()
            .with_page_index_policy(PageIndexPolicy::Required)
            .with_prefetch_hint(Some(PREFETCH));
        Ok(Arc::new(reader.load_and_finish(self, len).await?))
    }
}

fn external(error: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

impl AsyncFileReader for File {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
        self.store.get_range(&self.path, range).map_err(external).boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>>> {
        async move { self.store.get_ranges(&self.path, &ranges).await.map_err(external) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
        async move {
            match &self.footer {
                Some(footer) => Ok(footer.clone()),
                None => self.read_footer().await,
            }
        }
        .boxed()
    }
}
