//! The file that says how far a remote has everything.

use gantry_store_api::StoreError;
use gantry_wal::segment::sync_dir;
use gantry_wal::{WalPosition, io_context};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// What is on disk: `<name>.cursor`, JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// Everything before was delivered or given up.
    pub done: WalPosition,
    /// With as many shards the same samples go out in the same pieces, so that a remote that has a piece already refuses
    /// nothing else with it.
    pub shards: usize,
}

const SUFFIX: &str = "cursor";

impl Cursor {
    fn path(dir: &Path, name: &str) -> PathBuf {
        dir.join(format!("{name}.{SUFFIX}"))
    }

    /// `None` without a file. One that cannot be read counts as none, and is said.
    pub fn load(dir: &Path, name: &str) -> Result<Option<Cursor>, StoreError> {
        let path = Self::path(dir, name);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            read => io_context(read, || format!("cannot read {}", path.display()))?,
        };
        let cursor = serde_json::from_slice(&bytes);
        if let Err(error) = &cursor {
            tracing::error!(path = %path.display(), %error, "the cursor of a remote cannot be read: all that waits is sent again");
            return Ok(Some(Cursor { done: WalPosition::default(), shards: 1 }));
        }
        Ok(cursor.ok())
    }

    /// Replaces the file in one step: after a crash there is either the old or the new one.
    pub fn save(&self, dir: &Path, name: &str) -> Result<(), StoreError> {
        let path = Self::path(dir, name);
        let beside = path.with_extension("new");
        let save = || {
            let mut file = File::create(&beside)?;
            file.write_all(&serde_json::to_vec(self)?)?;
            file.sync_data()?;
            fs::rename(&beside, &path)?;
            sync_dir(dir)
        };
        io_context(save(), || format!("cannot write {}", path.display()))
    }

    /// Removes the cursors of remotes that are no longer configured.
    pub fn forget_others(dir: &Path, names: &[String]) -> Result<(), StoreError> {
        let entries = io_context(fs::read_dir(dir), || format!("cannot list {}", dir.display()))?;
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            let is_cursor = path.extension().is_some_and(|extension| extension == SUFFIX);
            let known = names.iter().any(|name| path == Self::path(dir, name));
            if is_cursor && !known {
                tracing::info!(path = %path.display(), "a remote is no longer configured: what waits for it is forgotten");
                io_context(fs::remove_file(&path), || format!("cannot remove {}", path.display()))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_those_of_others_go() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Cursor::load(dir.path(), "a").unwrap(), None);
        let cursor = Cursor { done: WalPosition { segment: 3, offset: 99 }, shards: 4 };
        for name in ["a", "b.c"] {
            cursor.save(dir.path(), name).unwrap();
            assert_eq!(Cursor::load(dir.path(), name).unwrap(), Some(cursor));
        }
        Cursor::forget_others(dir.path(), &["b.c".to_owned()]).unwrap();
        assert_eq!(Cursor::load(dir.path(), "a").unwrap(), None);
        assert_eq!(Cursor::load(dir.path(), "b.c").unwrap(), Some(cursor));
    }

    #[test]
    fn a_damaged_cursor_sends_all_again() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.cursor"), "{").unwrap();
        assert_eq!(Cursor::load(dir.path(), "a").unwrap().unwrap().done, WalPosition::default());
    }
}
