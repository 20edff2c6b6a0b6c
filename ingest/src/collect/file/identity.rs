//! Which file is it: [`FileId`] while it is open, [`Fingerprint`] across restarts and truncations.

use serde::{Deserialize, Serialize};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::UNIX_EPOCH;
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

/// When the content changed last, in nanoseconds since 1970; 0 when the file system does not know.
pub(super) fn modified(metadata: &Metadata) -> i64 {
    let since = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |d| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX))
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

    /// Takes more bytes in when the file has them.
    pub fn grow(&mut self, file: &File) -> io::Result<()> {
        if self.bytes < Self::MOST {
            *self = Self::take(file, Self::MOST)?;
        }
        Ok(())
    }
}
