//! Which file is it: [`FileId`] while it is open, [`Fingerprint`] across restarts and truncations.

use serde::{Deserialize, Serialize};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::{SystemTime, UNIX_EPOCH};
use xxhash_rust::xxh3::xxh3_64;

/// Device and inode. An inode is used again after a file is gone, hence the [`Fingerprint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct FileId {
    pub device: u64,
    pub inode: u64,
}

impl FileId {
    pub fn of(metadata: &Metadata) -> Self {
        FileId { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// When a file was made, and changed last: nanoseconds since 1970, 0 when the file system does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Age {
    pub modified: i64,
    pub born: i64,
}

impl Age {
    pub fn of(metadata: &Metadata) -> Self {
        let nanos = |at: io::Result<SystemTime>| {
            let since = at.ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            since.map_or(0, |d| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX))
        };
        Age { modified: nanos(metadata.modified()), born: nanos(metadata.created()) }
    }

    /// Not later than either.
    pub fn earliest(self, other: Age) -> Age {
        Age { modified: self.modified.min(other.modified), born: self.born.min(other.born) }
    }

    /// Whether the file may be a later generation of the same log: made later, and not abandoned before. File systems
    /// count in milliseconds, so equal times say nothing.
    pub fn may_follow(self, earlier: Age) -> bool {
        let born = self.born == 0 || earlier.born == 0 || self.born >= earlier.born;
        born && self.modified >= earlier.modified
    }
}

/// Hash of the first bytes of a file: of as many as there were when it was last read, at most [`Fingerprint::MOST`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fingerprint {
    pub bytes: u64,
    pub hash: u64,
}

impl Fingerprint {
    pub const MOST: u64 = 1024;

    /// Of up to `bytes` bytes.
    pub fn take(file: &File, bytes: u64) -> io::Result<Self> {
        let mut buffer = [0; Self::MOST as usize];
        let want = bytes.min(Self::MOST) as usize;
        let mut got = 0;
        while got < want {
            match file.read_at(&mut buffer[got..want], got as u64)? {
                0 => break,
                n => got += n,
            }
        }
        Ok(Fingerprint { bytes: got as u64, hash: xxh3_64(&buffer[..got]) })
    }

    /// Whether the file still begins as it did. Without any bytes every file does.
    pub fn matches(&self, file: &File) -> io::Result<bool> {
        Ok(self.bytes == 0 || Self::take(file, self.bytes)? == *self)
    }

    /// As [`Fingerprint::matches`], but an empty one proves nothing.
    pub fn is_of(&self, file: &File) -> io::Result<bool> {
        Ok(self.bytes > 0 && self.matches(file)?)
    }

    /// Takes more bytes in when the file has them.
    pub fn grow(&mut self, file: &File) -> io::Result<()> {
        if self.bytes < Self::MOST {
            *self = Self::take(file, Self::MOST)?;
        }
        Ok(())
    }
}
