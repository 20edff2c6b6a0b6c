//! [`Draft`]: the Parquet file of a split while it is written; [`SplitBytes`]: the same when it is finished.
//!
//! That of a memtable lies in memory. That of a merge can be twenty times as long and lies in a file, so that memory does not
//! grow with splits. Never here: where splits are stored.

use super::meta::ObjectInfo;
use bytes::Bytes;
use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::{NamedTempFile, TempPath};

/// Bytes that are collected before they go to the file: pages of times and metadata are small, blocks of bodies are not.
const BUFFER: usize = 64 << 10;

/// Takes the bytes of one file, front to back. A file on disk goes when the draft does.
#[derive(Debug)]
pub enum Draft {
    Memory(Vec<u8>),
    File(BufWriter<Summed>),
}

/// A file, and the checksum of what was written to it.
#[derive(Debug)]
pub struct Summed {
    file: NamedTempFile,
    len: u64,
    crc32: crc32fast::Hasher,
}

/// The bytes of a finished file.
#[derive(Debug)]
pub enum SplitBytes {
    Memory(Bytes),
    File(DraftFile),
}

/// Removed when this is dropped and nobody moved it.
#[derive(Debug)]
pub struct DraftFile {
    pub file: File,
    pub path: TempPath,
    pub info: ObjectInfo,
}

impl Draft {
    /// In a new file of this directory.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn in_dir(dir: &Path) -> io::Result<Self> {
        // Readable to whom the umask allows it, as everything else in the data directory.
        let file = tempfile::Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(dir)?;
        let summed = Summed { file, len: 0, crc32: crc32fast::Hasher::new() };
        Ok(Draft::File(BufWriter::with_capacity(BUFFER, summed)))
    }

    /// Everything that was written.
    ///
    /// # Errors
    /// The rest cannot be written.
    pub fn finish(self) -> io::Result<SplitBytes> {
        match self {
            Draft::Memory(bytes) => Ok(SplitBytes::Memory(bytes.into())),
            Draft::File(writer) => {
                let Summed { file, len, crc32 } = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
                let (file, path) = file.into_parts();
                let info = ObjectInfo { len, crc32: crc32.finalize() };
                Ok(SplitBytes::File(DraftFile { file, path, info }))
            }
        }
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Draft::Memory(held) => held.write(bytes),
            Draft::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Draft::Memory(_) => Ok(()),
            Draft::File(file) => file.flush(),
        }
    }
}

impl Write for Summed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.crc32.update(&bytes[..written]);
        self.len += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
