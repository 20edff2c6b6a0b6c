//! The checkpoint file: how far each file was stored, so that a restart resumes exactly there.

use super::Format;
use super::identity::{Age, FileId, Fingerprint};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const VERSION: u32 = 1;

/// What is on disk. Written before a batch is sent, with `pending` saying what is about to be sent: if the process dies
/// between the store's commit and the next checkpoint, the same lines go out again with the same timestamps, and the
/// store counts them once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    version: u32,
    /// The newest timestamp given to a line that brought none.
    pub stamp: i64,
    pub files: Vec<Saved>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Saved {
    /// The name it was first found under, which its lines carry as label.
    pub path: PathBuf,
    pub id: FileId,
    pub fingerprint: Fingerprint,
    /// Everything before is stored.
    pub offset: u64,
    /// The offset is inside a line that was cut: leave the rest of it out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skipping: bool,
    pub age: Age,
    /// How its lines are written, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// Order among files of one path, the oldest first.
    pub generation: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
}

/// Lines up to `until` may have been sent already, the first with timestamp `stamp`, each next one nanosecond later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pending {
    pub until: u64,
    pub stamp: i64,
}

impl Checkpoint {
    pub fn new(stamp: i64, files: Vec<Saved>) -> Self {
        Checkpoint { version: VERSION, stamp, files }
    }

    /// Reads the file; without one, nothing was read yet. A damaged one is kept aside under another name, and then
    /// files are read from their first line again: lines may be stored twice, but none is missed.
    pub fn load(path: &Path) -> io::Result<Self> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::new(i64::MIN, Vec::new())),
            Err(error) => return Err(error),
        };
        match serde_json::from_slice::<Checkpoint>(&bytes) {
            Ok(checkpoint) if checkpoint.version == VERSION => Ok(checkpoint),
            other => {
                let reason =
                    other.map_or_else(|e| e.to_string(), |c| format!("version {} is not {VERSION}", c.version));
                let aside = path.with_extension("damaged");
                fs::rename(path, &aside)?;
                tracing::warn!(path = %path.display(), kept = %aside.display(), reason, "unreadable checkpoint: files are read again");
                Ok(Self::new(i64::MIN, Vec::new()))
            }
        }
    }

    /// Replaces the file in one step: after a crash there is either the old or the new one.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let beside = path.with_extension("new");
        let mut file = File::create(&beside)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_data()?;
        fs::rename(&beside, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_reads_back_and_a_damaged_one_is_put_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("collect-files.json");
        assert_eq!(Checkpoint::load(&path).unwrap().files, []);
        let saved = Saved {
            path: "/var/log/a.log".into(),
            id: FileId { device: 1, inode: 2 },
            fingerprint: Fingerprint { bytes: 3, hash: u64::MAX },
            offset: 4,
            skipping: true,
            age: Age { modified: 5, born: 4 },
            format: Some(Format::Cri),
            generation: 6,
            pending: Some(Pending { until: 7, stamp: 8 }),
        };
        let checkpoint = Checkpoint::new(9, vec![saved]);
        checkpoint.save(&path).unwrap();
        assert_eq!(Checkpoint::load(&path).unwrap(), checkpoint);
        fs::write(&path, "{\"version\":1,").unwrap();
        assert_eq!(Checkpoint::load(&path).unwrap().files, []);
        assert!(path.with_extension("damaged").exists());
    }
}
