//! [`SplitFile`]: the Parquet file of a split, read in pieces.
//!
//! A file on a local disk is opened once and read where it is needed, on the thread that needs it: what a query asks for
//! is mostly in the page cache of the kernel, and handing a read to another thread costs more than the read. Objects
//! elsewhere are asked for range by range.

use super::body::corrupt;
use super::reader::missing;
use bytes::Bytes;
use gantry_body::{Block, Source};
use gantry_store_api::StoreError;
use object_store::path::Path;
use object_store::{GetOptions, GetResultPayload, ObjectStore, ObjectStoreExt};
use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// An immutable object; a file that was opened stays readable after its name is gone.
#[derive(Clone, Debug)]
pub(super) struct SplitFile {
    store: Arc<dyn ObjectStore>,
    path: Path,
    local: Option<Arc<File>>,
}

impl SplitFile {
    /// # Errors
    /// There is no such object, or the store does not answer.
    pub async fn open(store: Arc<dyn ObjectStore>, path: Path) -> object_store::Result<Self> {
        let found = store.get_opts(&path, GetOptions { head: true, ..GetOptions::default() }).await?;
        let local = match found.payload {
            GetResultPayload::File(file, _) => Some(Arc::new(file)),
            GetResultPayload::Stream(_) => None,
        };
        Ok(SplitFile { store, path, local })
    }

    /// Bytes of a range.
    ///
    /// # Errors
    /// They cannot be read, or the file is shorter.
    pub async fn range(&self, range: Range<u64>) -> object_store::Result<Bytes> {
        match &self.local {
            Some(file) => read(file, &range).map(Bytes::from).map_err(|e| self.failed(&e)),
            None => self.store.get_range(&self.path, range).await,
        }
    }

    /// Bytes of some ranges, in the same order.
    ///
    /// # Errors
    /// They cannot be read, or the file is shorter.
    pub async fn ranges(&self, ranges: &[Range<u64>]) -> object_store::Result<Vec<Bytes>> {
        let Some(file) = &self.local else { return self.store.get_ranges(&self.path, ranges).await };
        ranges.iter().map(|range| read(file, range).map(Bytes::from).map_err(|e| self.failed(&e))).collect()
    }

    /// Opens a block of bodies. Of a local file only the head is read now, and what else is needed later; of another, all.
    ///
    /// # Errors
    /// The object cannot be read; the block is damaged.
    pub async fn block(&self, range: Range<u64>) -> Result<Block, StoreError> {
        let len = (range.end - range.start) as usize;
        let source: Box<dyn Source> = match &self.local {
            Some(file) => Box::new(BlockSource { file: file.clone(), start: range.start }),
            None => Box::new(Vec::from(self.store.get_range(&self.path, range).await.map_err(missing)?)),
        };
        Block::open_from(source, len).map_err(corrupt)
    }

    fn failed(&self, error: &io::Error) -> object_store::Error {
        object_store::Error::Generic { store: "local file", source: format!("{}: {error}", self.path).into() }
    }
}

fn read(file: &File, range: &Range<u64>) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; (range.end - range.start) as usize];
    file.read_exact_at(&mut bytes, range.start)?;
    Ok(bytes)
}

/// A block in a local file.
#[derive(Debug)]
struct BlockSource {
    file: Arc<File>,
    start: u64,
}

impl Source for BlockSource {
    fn read(&self, range: Range<usize>) -> io::Result<Cow<'_, [u8]>> {
        read(&self.file, &(self.start + range.start as u64..self.start + range.end as u64)).map(Cow::Owned)
    }

    fn memory(&self) -> usize {
        0
    }
}
