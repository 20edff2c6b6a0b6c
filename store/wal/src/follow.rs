//! [`Follower`]: reads a segment record by record, one in memory at a time, also while it grows.

use crate::io_context;
use crate::reader::{judge_record, u32_at};
use crate::segment::{HEADER, RECORD_HEADER};
use gantry_store_api::StoreError;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A segment that is read from some record on. What was read before a start was judged by [`crate::reader`]; here
/// a bad record is told, and reading goes on behind it.
#[derive(Debug)]
pub struct Follower {
    file: File,
    path: PathBuf,
    at: u64,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub enum Followed {
    /// The record's payload.
    Record(Vec<u8>),
    /// Bytes that are not what was written, and why; reading goes on at [`Follower::at`].
    Damaged(String),
    /// There is nothing before the end that was asked for.
    End,
}

impl Follower {
    /// Opens a segment to read from a record's offset, or from its start.
    pub fn open(path: &Path, at: u64) -> Result<Self, StoreError> {
        let file = io_context(File::open(path), || format!("cannot open {}", path.display()))?;
        Ok(Follower { file, path: path.to_owned(), at: at.max(HEADER) })
    }

    /// Where the next record begins.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// The next record that lies before the offset `end`, up to which the segment is written.
    pub fn next(&mut self, end: u64) -> Result<Followed, StoreError> {
        if self.at >= end {
            return Ok(Followed::End);
        }
        let mut head = [0; RECORD_HEADER];
        if end - self.at < RECORD_HEADER as u64 {
            return Ok(self.skip_to(end, "the segment ends inside the header of a record".into()));
        }
        self.read(&mut head, self.at)?;
        let length = u64::from(u32_at(&head, 0));
        let next = self.at + RECORD_HEADER as u64 + length;
        if length == 0 || next > end {
            return Ok(self.skip_to(end, format!("a record says that it has {length} bytes, which cannot be")));
        }
        let mut record = vec![0; RECORD_HEADER + length as usize];
        self.read(&mut record, self.at)?;
        if let Err(what) = judge_record(&record, 0) {
            return Ok(self.skip_to(next, what));
        }
        self.at = next;
        record.drain(..RECORD_HEADER);
        Ok(Followed::Record(record))
    }

    fn skip_to(&mut self, at: u64, what: String) -> Followed {
        self.at = at;
        Followed::Damaged(what)
    }

    fn read(&self, into: &mut [u8], at: u64) -> Result<(), StoreError> {
        io_context(self.file.read_exact_at(into, at), || format!("cannot read {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::{Segment, file_name, seal};
    use std::io::IoSlice;

    fn append(segment: &mut Segment, payload: &[u8]) {
        let mut record = vec![0; RECORD_HEADER];
        record.extend_from_slice(payload);
        seal(&mut record).unwrap();
        segment.append(&mut [IoSlice::new(&record)], true).unwrap();
    }

    #[test]
    fn records_are_read_as_they_are_written() {
        let dir = tempfile::tempdir().unwrap();
        let mut segment = Segment::create(dir.path(), 1).unwrap();
        let mut follower = Follower::open(&dir.path().join(file_name(1)), 0).unwrap();
        assert_eq!(follower.next(segment.len()).unwrap(), Followed::End);
        append(&mut segment, b"one");
        let first = segment.len();
        append(&mut segment, b"two");
        assert_eq!(follower.next(first).unwrap(), Followed::Record(b"one".into()));
        assert_eq!(follower.next(first).unwrap(), Followed::End, "not beyond the end that is known");
        assert_eq!(follower.next(segment.len()).unwrap(), Followed::Record(b"two".into()));
        let mut again = Follower::open(&dir.path().join(file_name(1)), first).unwrap();
        assert_eq!(again.next(segment.len()).unwrap(), Followed::Record(b"two".into()));
    }

    #[test]
    fn a_damaged_record_is_told_and_the_next_one_read() {
        let dir = tempfile::tempdir().unwrap();
        let mut segment = Segment::create(dir.path(), 1).unwrap();
        append(&mut segment, b"one");
        append(&mut segment, b"two");
        let path = dir.path().join(file_name(1));
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[HEADER as usize + RECORD_HEADER] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let mut follower = Follower::open(&path, 0).unwrap();
        assert!(matches!(follower.next(segment.len()).unwrap(), Followed::Damaged(what) if what.contains("checksum")));
        assert_eq!(follower.next(segment.len()).unwrap(), Followed::Record(b"two".into()));
    }
}
