//! Generations of a file: found again after a restart, missed between two looks, or copied away before a truncation.

use super::Watch;
use crate::collect::file::checkpoint::Saved;
use crate::collect::file::identity::{Age, FileId};
use crate::collect::file::names::rotations_of;
use crate::collect::file::tail::{Tail, holds_rest_of};
use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

impl Watch {
    /// Files that came and went at `path` after a file of the age `since`: later than it, and unknown.
    pub(super) fn adopt_missed(&mut self, path: &Path, since: Age) {
        for (older, metadata) in rotations_of(path) {
            if Age::of(&metadata).may_follow(since) && !self.tails.contains_key(&FileId::of(&metadata)) {
                match self.open_as(&older, path) {
                    Ok(tail) if !self.tails.contains_key(&tail.id) => {
                        self.metrics.rotated("missed");
                        self.follow(tail.detached());
                    }
                    Ok(_) => {}
                    Err(error) => self.tell(&older, "open", &error),
                }
            }
        }
    }

    fn open_as(&mut self, file: &Path, path: &Path) -> io::Result<Tail> {
        let file = File::open(file)?;
        Tail::new(file, path, self.next_generation(), &self.options, self.clock.now())
    }

    /// Begins the file again at its first line. When a copy of its former content is beside it, what was not read yet is
    /// read from there.
    pub(super) fn truncated(&mut self, id: FileId) {
        self.metrics.rotated("truncate");
        let (rest, restarted) = (self.next_generation(), self.next_generation());
        let now = self.clock.now();
        let Some(tail) = self.tails.get_mut(&id) else { return };
        let path = tail.path.clone();
        let progress = tail.restart(restarted, now);
        let unknown = |id: &FileId| !self.tails.contains_key(id);
        let copy = rotations_of(&path).into_iter().rev().filter(|(_, metadata)| unknown(&FileId::of(metadata)));
        let copy = copy.filter_map(|(path, _)| File::open(path).ok());
        let Some(file) = copy.into_iter().find(|file| holds_rest_of(file, &progress).unwrap_or(false)) else { return };
        match Tail::new(file, &path, rest, &self.options, now) {
            Ok(copy) => self.follow(copy.continuing(progress).detached()),
            Err(error) => self.tell(&path, "open", &error),
        }
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
            let place = by_id.get(&saved.id).map(|path| (*path).clone());
            let resumed =
                place.is_some_and(|place| self.resume(&saved, &place, found)) || self.resume_rotated(&saved, found);
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

    /// Rotations while nobody looked: of each path, those after the newest generation that was known.
    fn adopt_after_restart(&mut self, moved: Vec<(PathBuf, Age)>) {
        let newest: BTreeMap<PathBuf, Age> = moved.into_iter().collect();
        for (path, since) in newest {
            let at_home = self.tails.values().any(|tail| tail.path == path && !tail.detached);
            if !at_home {
                self.adopt_missed(&path, since);
            }
        }
    }

    fn resume_rotated(&mut self, saved: &Saved, found: &BTreeMap<PathBuf, Metadata>) -> bool {
        let same = |metadata: &Metadata| FileId::of(metadata) == saved.id;
        let rotated = rotations_of(&saved.path).into_iter().find(|(_, metadata)| same(metadata));
        rotated.is_some_and(|(place, _)| self.resume(saved, &place, found))
    }

    /// Whether the file at `place` is the saved one; then it is followed.
    fn resume(&mut self, saved: &Saved, place: &Path, found: &BTreeMap<PathBuf, Metadata>) -> bool {
        let open = || {
            let file = File::open(place)?;
            let same = saved.fingerprint.matches(&file)? && file.metadata()?.len() >= saved.offset;
            Ok::<_, io::Error>(same.then_some(file))
        };
        let Ok(Some(file)) = open() else { return false };
        let Ok(tail) = Tail::new(file, &saved.path, saved.generation, &self.options, self.clock.now()) else {
            return false;
        };
        let at_home = found.get(&saved.path).is_some_and(|metadata| FileId::of(metadata) == tail.id);
        let tail = tail.resuming(saved, &self.options);
        self.follow(if at_home { tail } else { tail.detached() });
        true
    }
}
