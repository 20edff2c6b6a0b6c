//! A segment file: a header, then records one after the other.

use crate::{io_context, io_error};
use gantry_store_api::{ErrorKind, StoreError};
use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::path::{Path, PathBuf};

/// `GNTRYWAL`, version as u32, zero as u32; little endian.
pub const MAGIC: &[u8; 8] = b"GNTRYWAL";
pub const VERSION: u32 = 1;
pub const HEADER: u64 = 16;
/// Length and CRC-32 before a payload, both u32 little endian.
pub const RECORD_HEADER: usize = 8;

/// File name of a segment in its partition's directory.
pub fn file_name(number: u64) -> String {
    format!("{number:020}.wal")
}

/// Numbers of the segments in `dir`, sorted. A directory that is not there has none.
pub fn list(dir: &Path) -> Result<Vec<u64>, StoreError> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io_error(&error, format!("cannot list {}", dir.display()))),
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let name = io_context(entry, || format!("cannot list {}", dir.display()))?.file_name();
        let number: Option<u64> =
            name.to_str().and_then(|name| name.strip_suffix(".wal")).and_then(|stem| stem.parse().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// A segment that is being written. Everything up to `good` is whole records.
#[derive(Debug)]
pub struct Segment {
    pub number: u64,
    path: PathBuf,
    file: File,
    good: u64,
}

impl Segment {
    /// Creates the file with its header; file and directory are synced.
    pub fn create(dir: &Path, number: u64) -> Result<Self, StoreError> {
        let path = dir.join(file_name(number));
        let doing = || format!("cannot create {}", path.display());
        let mut file = io_context(OpenOptions::new().write(true).create_new(true).open(&path), doing)?;
        let mut header = [0; HEADER as usize];
        header[..8].copy_from_slice(MAGIC);
        header[8..12].copy_from_slice(&VERSION.to_le_bytes());
        let written = file.write_all(&header).and_then(|()| file.sync_data()).and_then(|()| sync_dir(dir));
        if let Err(error) = written {
            // Without its header the file is of no use; a retry needs the name.
            let _ = std::fs::remove_file(&path);
            return Err(io_error(&error, doing()));
        }
        Ok(Segment { number, path, file, good: HEADER })
    }

    /// A segment on a disk that is full.
    #[cfg(feature = "test-util")]
    pub fn without_room(number: u64) -> Self {
        let path = PathBuf::from("/dev/full");
        let file = OpenOptions::new().write(true).open(&path).expect("every Linux has it");
        Segment { number, path, file, good: HEADER }
    }

    /// Bytes of whole records, header included.
    #[expect(clippy::len_without_is_empty, reason = "there is always a header")]
    pub fn len(&self) -> u64 {
        self.good
    }

    /// Writes whole records and, when asked, waits until the disk has them. After an error none of them is in the file.
    ///
    /// A failed roll-back is reported as [`AppendError::Broken`]: the segment must not be used any more.
    pub fn append(&mut self, records: &mut [IoSlice<'_>], sync: bool) -> Result<(), AppendError> {
        let bytes: usize = records.iter().map(|part| part.len()).sum();
        let written =
            write_all(&mut self.file, records).and_then(|()| if sync { self.file.sync_data() } else { Ok(()) });
        match written {
            Ok(()) => {
                self.good += bytes as u64;
                Ok(())
            }
            Err(error) => {
                let cause = io_error(&error, format!("cannot write {}", self.path.display()));
                match self.roll_back() {
                    Ok(()) => Err(AppendError::RolledBack(cause)),
                    Err(_) => Err(AppendError::Broken(cause)),
                }
            }
        }
    }

    /// Waits until the disk has what was written.
    pub fn sync(&self) -> Result<(), StoreError> {
        io_context(self.file.sync_data(), || format!("cannot sync {}", self.path.display()))
    }

    fn roll_back(&mut self) -> io::Result<()> {
        use std::io::Seek;
        self.file.set_len(self.good)?;
        self.file.seek(io::SeekFrom::Start(self.good))?;
        self.file.sync_data()
    }
}

/// Fills in length and checksum of a record whose first [`RECORD_HEADER`] bytes are left for them.
///
/// # Errors
/// `Invalid` when the payload is empty or has 4 GiB or more.
pub fn seal(record: &mut [u8]) -> Result<(), StoreError> {
    let wrong = || StoreError::new(ErrorKind::Invalid, "a batch does not fit one record");
    let (head, payload) = record.split_at_mut_checked(RECORD_HEADER).ok_or_else(wrong)?;
    let length = u32::try_from(payload.len()).ok().filter(|length| *length > 0).ok_or_else(wrong)?;
    head[..4].copy_from_slice(&length.to_le_bytes());
    head[4..8].copy_from_slice(&crc32fast::hash(payload).to_le_bytes());
    Ok(())
}

/// Writes all `parts`, however many bytes the system takes at a time.
fn write_all(file: &mut File, mut parts: &mut [IoSlice<'_>]) -> io::Result<()> {
    while !parts.is_empty() {
        match file.write_vectored(parts) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut parts, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Why records were not written.
#[derive(Debug)]
pub enum AppendError {
    /// The file is as before.
    RolledBack(StoreError),
    /// The end of the file is unknown.
    Broken(StoreError),
}

/// Makes creations, renames and removals in `dir` durable.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
