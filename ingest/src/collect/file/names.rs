//! What a file's name says: compressed, or an older generation of another file.

use super::identity::{Age, FileId};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

const COMPRESSED: [&str; 6] = [".gz", ".zst", ".bz2", ".xz", ".lz4", ".zip"];

/// Whether the name is that of a compressed file.
pub(super) fn is_compressed(path: &Path) -> bool {
    let name = file_name(path);
    COMPRESSED.iter().any(|suffix| name.ends_with(suffix)) || name.ends_with(".tmp")
}

fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|n| n.to_str()).unwrap_or("")
}

/// Whether `candidate` is what a rotation calls an older `live`: `app.log.1`, `app.log-20260102`, `app.log.old`,
/// `app-2026-01-02T03-04-05.log`, `0.log.20260102-030405`.
pub(super) fn is_rotation_of(live: &str, candidate: &str) -> bool {
    if candidate.strip_prefix(live).is_some_and(is_rotation_suffix) {
        return true;
    }
    live.rsplit_once('.').is_some_and(|(stem, extension)| {
        let rest = candidate.strip_prefix(stem);
        let middle = rest.and_then(|r| r.strip_suffix(extension)).and_then(|r| r.strip_suffix('.'));
        middle.is_some_and(is_rotation_suffix)
    })
}

/// A separator, then a number, a date, or one of the usual words.
fn is_rotation_suffix(suffix: &str) -> bool {
    let Some(rest) = suffix.strip_prefix(['.', '-', '_']) else { return false };
    let dated = rest.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.' | b':' | b'T' | b'Z' | b'+'));
    matches!(rest, "old" | "bak" | "prev") || (dated && rest.bytes().any(|b| b.is_ascii_digit()))
}

/// An older generation, open: its name may be another one by now.
#[derive(Debug)]
pub(super) struct Rotated {
    pub file: File,
    pub path: PathBuf,
    pub id: FileId,
    pub age: Age,
}

/// More looks than this are not taken at a directory that never stands still.
const MOST_LOOKS: usize = 10;

/// Uncompressed older generations of `live` in its directory, the oldest content first. Names move on while a rotation
/// is under way, and a file may slip through one look; so it looks until it finds nothing new.
pub(super) fn rotations_of(live: &Path) -> Vec<Rotated> {
    let live = &target(live);
    let mut found: BTreeMap<FileId, Rotated> = BTreeMap::new();
    for _ in 0..MOST_LOOKS {
        let before = found.len();
        for rotated in look(live) {
            found.entry(rotated.id).or_insert(rotated);
        }
        if found.len() == before {
            break;
        }
    }
    let mut found: Vec<Rotated> = found.into_values().collect();
    found.sort_by_key(|rotated| rotated.age);
    found
}

/// Follows symbolic links, also one that leads nowhere at the moment: rotation happens where the file is.
fn target(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MOST_LOOKS {
        match std::fs::read_link(&path) {
            Ok(next) => path = path.parent().unwrap_or(Path::new("/")).join(next),
            Err(_) => break,
        }
    }
    path
}

fn look(live: &Path) -> Vec<Rotated> {
    let (Some(directory), name) = (live.parent(), file_name(live)) else { return Vec::new() };
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let paths = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_str().is_some_and(|candidate| is_rotation_of(name, candidate)))
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .map(|entry| entry.path());
    paths.filter(|path| !is_compressed(path)).filter_map(|path| Rotated::open(path).ok()).collect()
}

impl Rotated {
    fn open(path: PathBuf) -> io::Result<Self> {
        let file = File::open(&path)?;
        let metadata = file.metadata()?;
        Ok(Rotated { file, path, id: FileId::of(&metadata), age: Age::of(&metadata) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_older_generations_are_known() {
        for (live, older) in [
            ("app.log", "app.log.1"),
            ("app.log", "app.log-20260102"),
            ("app.log", "app.log.old"),
            ("app.log", "app.1.log"),
            ("app.log", "app-2026-01-02T03-04-05.678.log"),
            ("0.log", "0.log.20260102-030405"),
        ] {
            assert!(is_rotation_of(live, older), "{older} is an older {live}");
        }
    }

    #[test]
    fn other_files_are_not_older_generations() {
        for other in ["app.log", "app.log.txt", "app.log-debug", "app2.log", "application.log", "app.log1", "app-.log"]
        {
            assert!(!is_rotation_of("app.log", other), "{other} is another file");
        }
        assert!(is_compressed(Path::new("/a/app.log.1.gz")));
    }
}
