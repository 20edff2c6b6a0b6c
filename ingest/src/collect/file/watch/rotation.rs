//! Generations of a file: found again after a restart, missed between two looks, or copied away before a truncation.

use super::Watch;
use crate::collect::file::checkpoint::Saved;
use crate::collect::file::identity::{Age, FileId};
use crate::collect::file::names::{Rotated, rotations_of};
use crate::collect::file::progress::Progress;
use crate::collect::file::tail::{Tail, holds_rest_of};
use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

impl Watch {
    /// Files that came and went at `path` after a file of the age `since`: later than it, and unknown.
    pub(super) fn adopt_missed(&mut self, path: &Path, since: Age) {
        for older in rotations_of(path) {
            if older.age.may_follow(since) && !self.tails.contains_key(&older.id) {
                let generation = self.next_generation();
                match Tail::new(older.file, path, generation, self.labels(path), self.clock.now()) {
                    Ok(tail) => {
                        self.metrics.rotated("missed");
                        self.follow(tail.detached());
                    }
                    Err(error) => self.tell(&older.path, "open", &error),
                }
            }
        }
    }

    /// Begins the file again at its first line. When a copy of its former content is beside it, what was not read yet is
    /// read from there, and then later copies.
    pub(super) fn truncated(&mut self, id: FileId) {
        self.metrics.rotated("truncate");
        let now = self.clock.now();
        let Some(tail) = self.tails.get_mut(&id) else { return };
        let path = tail.path.clone();
        let progress = tail.restart(now);
        if let Some(copy) = self.copy_of(&path, &progress) {
            let (age, rest) = (copy.age, self.next_generation());
            match Tail::new(copy.file, &path, rest, self.labels(&path), now) {
                Ok(tail) => self.follow(tail.continuing(progress).detached()),
                Err(error) => self.tell(&copy.path, "open", &error),
            }
            self.adopt_missed(&path, age);
        } else if let Some(tail) = self.tails.get_mut(&id) {
            tail.keep_open_of(progress);
        }
        let restarted = self.next_generation();
        if let Some(tail) = self.tails.get_mut(&id) {
            tail.generation = restarted;
        }
    }

    fn copy_of(&self, path: &Path, progress: &Progress) -> Option<Rotated> {
        let copies = rotations_of(path).into_iter().rev().filter(|copy| !self.tails.contains_key(&copy.id));
        copies.into_iter().find(|copy| holds_rest_of(&copy.file, progress).unwrap_or(false))
    }

    /// Files of the checkpoint are resumed where they were, under whatever name they are now. Those whose directory can
    /// not be read are kept for later; those that are gone are forgotten.
    pub(super) fn restore(&mut self, found: &BTreeMap<PathBuf, Metadata>) {
        if self.restored.is_empty() {
            return;
        }
        let by_id: BTreeMap<FileId, &PathBuf> = found.iter().map(|(path, m)| (FileId::of(m), path)).collect();
        let restored = std::mem::take(&mut self.restored);
        let mut moved = Vec::new();
        for saved in restored {
            let file = by_id.get(&saved.id).and_then(|path| File::open(path).ok());
            let resumed =
                file.is_some_and(|file| self.resume(&saved, file, found)) || self.resume_rotated(&saved, found);
            let at_home = resumed && found.get(&saved.path).is_some_and(|m| FileId::of(m) == saved.id);
            let readable = saved.path.parent().is_none_or(|parent| parent.read_dir().is_ok());
            match (at_home, resumed || readable) {
                (true, _) => {}
                (false, true) => moved.push((saved.path, saved.age)),
                (false, false) => self.restored.push(saved),
            }
        }
        self.adopt_after_restart(moved);
    }

    /// Rotations while nobody looked: of each path, those after the oldest generation that was known.
    fn adopt_after_restart(&mut self, moved: Vec<(PathBuf, Age)>) {
        let mut oldest: BTreeMap<PathBuf, Age> = BTreeMap::new();
        for (path, age) in moved {
            let known = oldest.entry(path).or_insert(age);
            *known = known.earliest(age);
        }
        for (path, since) in oldest {
            let at_home = self.tails.values().any(|tail| tail.path == path && !tail.detached);
            if !at_home {
                self.adopt_missed(&path, since);
            }
        }
    }

    /// Renamed, or copied before it was truncated.
    fn resume_rotated(&mut self, saved: &Saved, found: &BTreeMap<PathBuf, Metadata>) -> bool {
        let mut rotated = rotations_of(&saved.path);
        rotated.retain(|rotated| !self.tails.contains_key(&rotated.id));
        rotated.retain(|rotated| saved.fingerprint.matches(&rotated.file).unwrap_or(false));
        let renamed = rotated.iter().position(|rotated| rotated.id == saved.id);
        let copied = || rotated.len().checked_sub(1).filter(|_| saved.fingerprint.bytes > 0);
        let Some(at) = renamed.or_else(copied) else { return false };
        self.resume(saved, rotated.swap_remove(at).file, found)
    }

    /// Whether `file` is the saved one; then it is followed.
    fn resume(&mut self, saved: &Saved, file: File, found: &BTreeMap<PathBuf, Metadata>) -> bool {
        let extent = saved.pending.map_or(0, |pending| pending.until).max(saved.offset);
        let same = || Ok::<_, io::Error>(saved.fingerprint.matches(&file)? && file.metadata()?.len() >= extent);
        if !same().unwrap_or(false) {
            return false;
        }
        let Ok(tail) = Tail::new(file, &saved.path, saved.generation, self.labels(&saved.path), self.clock.now())
        else {
            return false;
        };
        let at_home = found.get(&saved.path).is_some_and(|metadata| FileId::of(metadata) == tail.id);
        let tail = tail.resuming(saved, &self.options);
        self.follow(if at_home { tail } else { tail.detached() });
        true
    }
}
