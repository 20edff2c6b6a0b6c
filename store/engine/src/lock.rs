//! One process per data directory.

use crate::error::io_context;
use gantry_store_api::{ErrorKind, StoreError};
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Holds the data directory until it is dropped; the kernel lets go of it when the process dies, however it dies.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock, or says which process has it.
    pub(crate) fn acquire(data: &Path) -> Result<Self, StoreError> {
        let path = data.join("gantry.lock");
        let doing = || format!("cannot lock {}", path.display());
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = io_context(opened, doing)?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            let holder = match holder.trim() {
                "" => "another process".to_owned(),
                pid => format!("process {pid}"),
            };
            let message = format!("{} is in use by {holder}; stop it or choose another directory", data.display());
            return Err(StoreError::new(ErrorKind::Unavailable, message));
        }
        let write_pid = |file: &mut File| {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            writeln!(file, "{}", std::process::id())
        };
        // The number only serves the message above; a full disk must not keep the store from starting.
        let _ = write_pid(&mut file);
        Ok(DirectoryLock { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_one_is_told_who_holds_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let first = DirectoryLock::acquire(dir.path()).unwrap();
        let error = DirectoryLock::acquire(dir.path()).unwrap_err();
        assert!(error.message().contains(&format!("process {}", std::process::id())), "{error}");
        drop(first);
        DirectoryLock::acquire(dir.path()).unwrap();
    }
}
