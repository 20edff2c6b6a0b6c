//! [`Tree`]: a `/proc` and a `/sys` of a test's own.

use crate::roots::Roots;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Tree(TempDir);

impl Tree {
    pub fn new() -> Self {
        Tree(tempfile::tempdir().unwrap())
    }

    pub fn roots(&self) -> Roots {
        let below = |name: &str| self.0.path().join(name);
        Roots { proc: below("proc"), sys: below("sys"), rootfs: below("root") }
    }

    pub fn proc(&self, path: &str, text: &str) {
        write(&self.roots().proc.join(path), text);
    }

    pub fn sys(&self, path: &str, text: &str) {
        write(&self.roots().sys.join(path), text);
    }

    pub fn root(&self, path: &str, text: &str) {
        write(&self.roots().rootfs.join(path), text);
    }

    pub fn remove_proc(&self, path: &str) {
        fs::remove_dir_all(self.roots().proc.join(path)).unwrap();
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
