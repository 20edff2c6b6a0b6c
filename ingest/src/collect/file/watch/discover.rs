//! Which files there are now: new ones are opened, renamed and deleted ones are read to their end and let go.

use super::Watch;
use crate::collect::file::identity::{Age, FileId};
use crate::collect::file::names::is_rotation_of;
use crate::collect::file::tail::Tail;
use std::collections::{BTreeMap, HashMap};
use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};

type Found = BTreeMap<PathBuf, Metadata>;

impl Watch {
    /// Compares the patterns with what is being followed. Safe at any time, also while a batch is being sent.
    pub fn discover(&mut self) {
        let found = self.finder.find();
        self.restore(&found);
        self.find_truncated(&found);
        self.look_at_followed(&found);
        self.open_new(&found);
        self.let_go(&found);
        self.told.retain(|path| found.contains_key(path) || *path == self.checkpoint);
        self.measure();
    }

    /// Also those whose turn has not come, or that were renamed after: their copies are not new files.
    fn find_truncated(&mut self, found: &Found) {
        let changed = |tail: &&Tail| found.get(&tail.path).is_none_or(|metadata| tail.has_changed(metadata));
        let suspects = self.tails.values().filter(|tail| !tail.detached).filter(changed);
        let truncated: Vec<FileId> = suspects.filter(|tail| tail.is_truncated()).map(|tail| tail.id).collect();
        for id in truncated {
            self.truncated(id);
        }
    }

    /// Files that are no longer at their path become detached, and generations between them and the file that is
    /// there now are searched.
    fn look_at_followed(&mut self, found: &Found) {
        let now = self.clock.now();
        let mut gone = Vec::new();
        let mut failed = Vec::new();
        for tail in self.tails.values_mut() {
            let here = found.get(&tail.path).filter(|metadata| FileId::of(metadata) == tail.id);
            if let Some(metadata) = here {
                tail.detached = false;
                failed.extend(tail.seen(&tail.path.clone(), metadata, now).err().map(|e| (tail.path.clone(), e)));
            } else if !tail.detached {
                tail.detached = true;
                tail.at_end = false;
                self.metrics.rotated(if tail.is_deleted() { "delete" } else { "rename" });
                gone.push(tail.path.clone());
            }
        }
        let oldest = self.oldest_detached();
        for path in gone {
            if let Some(since) = oldest.get(&path) {
                self.adopt_missed(&path, *since);
            }
        }
        for (path, error) in failed {
            self.tell(&path, "open", &error);
        }
    }

    fn open_new(&mut self, found: &Found) {
        let oldest = self.oldest_detached();
        for (path, metadata) in found {
            if self.tails.contains_key(&FileId::of(metadata)) {
                continue;
            }
            if let Some(since) = oldest.get(path) {
                self.adopt_missed(path, *since);
            }
            if self.tails.len() >= self.options.max_files {
                let full = format!("already following {} files; raise max_files", self.options.max_files);
                self.tell(path, "follow", &std::io::Error::other(full));
                break;
            }
            match self.open(path, metadata) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => self.tell(path, "open", &error),
                _ => {}
            }
        }
    }

    /// For each path, the oldest generation that is still followed: all later ones are followed, or were missed.
    fn oldest_detached(&self) -> HashMap<PathBuf, Age> {
        let mut oldest: HashMap<PathBuf, Age> = HashMap::new();
        for tail in self.tails.values().filter(|tail| tail.detached) {
            let known = oldest.entry(tail.path.clone()).or_insert(tail.age());
            *known = known.earliest(tail.age());
        }
        oldest
    }

    fn open(&mut self, path: &Path, found: &Metadata) -> std::io::Result<()> {
        let file = File::open(path)?;
        let id = FileId::of(&file.metadata()?);
        if id != FileId::of(found) {
            self.adopt_missed(path, Age::of(found));
        }
        if self.tails.contains_key(&id) || self.is_copy(path, &file)? || self.tails.contains_key(&id) {
            return Ok(());
        }
        let tail = Tail::new(file, path, self.next_generation(), self.labels(path), self.clock.now())?;
        tracing::debug!(file = %path.display(), "following");
        self.follow(tail);
        Ok(())
    }

    /// Whether the file is a copy of one being followed, about to be truncated: its lines are read there. When that one
    /// is truncated already, this may give its rest to the copy and follow it.
    fn is_copy(&mut self, path: &Path, file: &File) -> std::io::Result<bool> {
        let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let candidate = name(path);
        let of = |tail: &&Tail| {
            !tail.detached && tail.path.parent() == path.parent() && is_rotation_of(&name(&tail.path), &candidate)
        };
        let Some(tail) = self.tails.values().find(of) else { return Ok(false) };
        if tail.is_truncated() {
            let id = tail.id;
            self.truncated(id);
            return Ok(false);
        }
        tail.is_copied_to(file)
    }

    pub(super) fn next_generation(&mut self) -> u64 {
        self.generation += 1;
        self.generation
    }

    pub(super) fn follow(&mut self, tail: Tail) {
        self.turns.push_back(tail.id);
        self.tails.insert(tail.id, tail);
    }

    /// Closes what is done with: deleted files soon, for they take space until they are closed; others when they were
    /// silent for long. A file that is still found under another name stays known, so that it is not read again.
    fn let_go(&mut self, found: &Found) {
        let now = self.clock.now();
        let present: std::collections::HashSet<FileId> = found.values().map(FileId::of).collect();
        let (rotate_wait, close_idle) = (self.options.rotate_wait, self.options.close_idle);
        self.tails.retain(|id, tail| {
            let done = tail.is_done(rotate_wait, now);
            let deleted = done && tail.detached && tail.is_deleted();
            if !deleted && !tail.is_done(close_idle, now) {
                return true;
            }
            tail.close();
            present.contains(id)
        });
        let tails = &self.tails;
        self.turns.retain(|id| tails.contains_key(id));
    }
}
