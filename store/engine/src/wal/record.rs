//! [`Record`]: bytes that are ready for a segment, with the text of their batch left where it lies.

use super::segment::RECORD_HEADER;
use gantry_model::LogBatch;
use gantry_store_api::{ErrorKind, StoreError};
use std::io::IoSlice;
use std::sync::Arc;

/// One whole record: length, checksum, payload. The end of the payload may be the text of a batch that is shared with the
/// memtable, so that it is copied once, by the kernel.
#[derive(Debug)]
pub(crate) struct Record {
    head: Vec<u8>,
    text: Option<Arc<LogBatch>>,
}

impl Record {
    /// The place for length and checksum, with room for `capacity` bytes of payload.
    pub(super) fn head(capacity: usize) -> Vec<u8> {
        let mut head = Vec::with_capacity(RECORD_HEADER + capacity);
        head.resize(RECORD_HEADER, 0);
        head
    }

    /// Fills in length and checksum. The payload is what follows the header in `head`, then all text of `text`.
    ///
    /// # Errors
    /// `Invalid` when the payload has 4 GiB or more.
    pub(super) fn sealed(head: Vec<u8>, text: Option<Arc<LogBatch>>) -> Result<Record, StoreError> {
        let mut record = Record { head, text };
        let len = u32::try_from(record.len() - RECORD_HEADER)
            .map_err(|_| StoreError::new(ErrorKind::Invalid, "a batch does not fit one record"))?;
        let mut crc = crc32fast::Hasher::new();
        crc.update(&record.head[RECORD_HEADER..]);
        crc.update(record.text());
        record.head[..4].copy_from_slice(&len.to_le_bytes());
        record.head[4..8].copy_from_slice(&crc.finalize().to_le_bytes());
        Ok(record)
    }

    fn text(&self) -> &[u8] {
        self.text.as_ref().map_or(&[], |batch| batch.text().as_bytes())
    }

    /// Bytes in the segment.
    pub(crate) fn len(&self) -> usize {
        self.head.len() + self.text().len()
    }

    /// Bytes of memory that the record holds beside the batch.
    pub(crate) fn own_bytes(&self) -> usize {
        self.head.len()
    }

    /// What to write, in order.
    pub(crate) fn parts(&self) -> impl Iterator<Item = IoSlice<'_>> {
        [&*self.head, self.text()].into_iter().filter(|part| !part.is_empty()).map(IoSlice::new)
    }
}
