//! Reading segments: every whole record, and in words whatever is not one.

use crate::io_context;
use crate::segment::{HEADER, MAGIC, RECORD_HEADER, VERSION};
use gantry_store_api::StoreError;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Largest first byte of a payload: which kinds there are, `docs/format/wal.md` says.
const MOST_KIND: u8 = 3;

/// What lies at some place of a segment.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A whole record; `end` is the offset behind it.
    Record { payload: &'a [u8], offset: u64, end: u64 },
    /// The segment ends inside a record, as after a crash during a write: never acknowledged.
    Torn { from: u64, what: String },
    /// Bytes that are not what was written, in the middle; reading goes on at `to`.
    Damaged { from: u64, to: u64, what: String },
}

/// A segment in memory. A segment is about as large as a memtable is allowed to be, or smaller.
#[derive(Debug)]
pub struct SegmentBytes(Vec<u8>);

impl SegmentBytes {
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        let bytes = io_context(std::fs::read(path), || format!("cannot read {}", path.display()))?;
        Ok(SegmentBytes(bytes))
    }

    pub fn from_vec(bytes: Vec<u8>) -> Self {
        SegmentBytes(bytes)
    }

    #[expect(clippy::len_without_is_empty, reason = "a file of no bytes is judged as one that is torn")]
    pub fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// Items from `offset` on; the header is judged first whatever the offset is.
    pub fn items(&self, offset: u64) -> Items<'_> {
        let end = self.0.len();
        let (at, problem) = match judge_header(&self.0) {
            Ok(()) => (usize::try_from(offset.max(HEADER)).unwrap_or(end), None),
            Err(problem) => (end, Some(problem)),
        };
        Items { bytes: &self.0, at, problem }
    }
}

/// Whether a file begins like a segment that this program reads.
///
/// # Errors
/// When it cannot be read.
pub fn begins_well(path: &Path) -> Result<bool, StoreError> {
    let mut header = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEADER).read_to_end(&mut header));
    io_context(read, || format!("cannot read {}", path.display()))?;
    Ok(judge_header(&header).is_ok())
}

fn judge_header(bytes: &[u8]) -> Result<(), Item<'static>> {
    let to = bytes.len() as u64;
    if bytes.len() < HEADER as usize {
        return Err(Item::Torn { from: 0, what: "the file ends inside its header".into() });
    }
    if &bytes[..8] != MAGIC {
        return Err(Item::Damaged { from: 0, to, what: "the file does not start like a WAL segment".into() });
    }
    let version = u32_at(bytes, 8);
    if version != VERSION {
        let what = format!("the segment has format version {version}, this program reads {VERSION}");
        return Err(Item::Damaged { from: 0, to, what });
    }
    Ok(())
}

/// Iterator of [`SegmentBytes::items`].
#[derive(Debug)]
pub struct Items<'a> {
    bytes: &'a [u8],
    at: usize,
    problem: Option<Item<'static>>,
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        if let Some(problem) = self.problem.take() {
            return Some(problem);
        }
        if self.at >= self.bytes.len() {
            return None;
        }
        let from = self.at;
        if let Ok(end) = judge_record(self.bytes, from) {
            self.at = end;
            let payload = &self.bytes[from + RECORD_HEADER..end];
            return Some(Item::Record { payload, offset: from as u64, end: end as u64 });
        }
        let item = self.judge_damage(from);
        self.at = match &item {
            Item::Damaged { to, .. } => *to as usize,
            _ => self.bytes.len(),
        };
        Some(item)
    }
}

impl Items<'_> {
    /// The record at `from` is bad. Its length may still lead to the next one; if not, the rest of the segment is lost,
    /// which is the normal end after a crash unless a whole record follows somewhere.
    fn judge_damage(&self, from: usize) -> Item<'static> {
        let what = judge_record(self.bytes, from).err().unwrap_or_default();
        if let Some(next) = declared_end(self.bytes, from)
            && judge_record(self.bytes, next).is_ok()
        {
            return Item::Damaged { from: from as u64, to: next as u64, what };
        }
        if self.record_follows(from) {
            return Item::Damaged { from: from as u64, to: self.bytes.len() as u64, what };
        }
        Item::Torn { from: from as u64, what }
    }

    /// Whether a whole record starts anywhere behind `from`. Only used to judge: such a record is not replayed, since its
    /// place is not vouched for by the chain of lengths.
    fn record_follows(&self, from: usize) -> bool {
        let plausible = |at: &usize| self.bytes.get(at + RECORD_HEADER).is_some_and(|first| *first <= MOST_KIND);
        (from + 1..self.bytes.len()).filter(plausible).any(|at| judge_record(self.bytes, at).is_ok())
    }
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Where the record at `at` says that it ends, when that is inside the segment.
fn declared_end(bytes: &[u8], at: usize) -> Option<usize> {
    let start = at.checked_add(RECORD_HEADER).filter(|start| *start <= bytes.len())?;
    let len = u32_at(bytes, at) as usize;
    (len > 0 && len <= bytes.len() - start).then(|| start + len)
}

/// The end of the whole record at `at`, or what is wrong with it.
pub(crate) fn judge_record(bytes: &[u8], at: usize) -> Result<usize, String> {
    if bytes.len() - at.min(bytes.len()) < RECORD_HEADER {
        return Err("the segment ends inside the header of a record".into());
    }
    let Some(end) = declared_end(bytes, at) else {
        return Err(format!("a record says that it has {} bytes, which cannot be", u32_at(bytes, at)));
    };
    let crc = crc32fast::hash(&bytes[at + RECORD_HEADER..end]);
    if crc == u32_at(bytes, at + 4) { Ok(end) } else { Err("the checksum of a record does not match".into()) }
}
