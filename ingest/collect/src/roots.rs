//! [`Roots`]: where `/proc`, `/sys` and the root of the machine are, and how files there are read.

use crate::error::CollectError;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Largest file that is read, in bytes: `/proc/net/udp` of a busy resolver is a few MB.
const MAX_BYTES: u64 = 16 << 20;

/// Where the trees of the kernel are found: elsewhere than usual in a container, and in tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roots {
    pub proc: PathBuf,
    pub sys: PathBuf,
    /// The machine's root directory: mount points are found below it.
    pub rootfs: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Roots { proc: "/proc".into(), sys: "/sys".into(), rootfs: "/".into() }
    }
}

impl Roots {
    pub(crate) fn proc(&self, path: &str) -> PathBuf {
        self.proc.join(path)
    }

    pub(crate) fn sys(&self, path: &str) -> PathBuf {
        self.sys.join(path)
    }

    /// A path of the machine as this process sees it.
    pub(crate) fn rootfs(&self, path: &str) -> PathBuf {
        self.rootfs.join(path.trim_start_matches('/'))
    }

    /// Bytes in a page, as the kernel told this process (`getauxval(3)`, `AT_PAGESZ`).
    pub(crate) fn page_size(&self) -> f64 {
        self.auxiliary(6).unwrap_or(4096.0)
    }

    /// Ticks per second in which `/proc` counts CPU time (`AT_CLKTCK`).
    pub(crate) fn ticks_per_second(&self) -> f64 {
        self.auxiliary(17).unwrap_or(100.0)
    }

    fn auxiliary(&self, wanted: u64) -> Option<f64> {
        let vector = fs::read(self.proc("self/auxv")).ok()?;
        let number = |bytes: &[u8]| Some(u64::from_ne_bytes(bytes.try_into().ok()?));
        let mut pairs = vector.chunks_exact(16).map(|pair| (number(&pair[..8]), number(&pair[8..])));
        let value = pairs.find(|(key, _)| *key == Some(wanted))?.1?;
        (value > 0).then_some(value as f64)
    }
}

/// A file as text; what is no UTF-8 is replaced.
pub(crate) fn text(path: &Path) -> Result<String, CollectError> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| CollectError::of(path, error))?;
    file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(|error| CollectError::of(path, error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// As [`text`], but `None` for a file that is not there.
pub(crate) fn optional(path: &Path) -> Result<Option<String>, CollectError> {
    match text(path) {
        Ok(text) => Ok(Some(text)),
        Err(CollectError::Absent(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// An attribute in `/sys`, trimmed. Many can be read in some states of a device only: `None` then.
pub(crate) fn attribute(path: &Path) -> Option<String> {
    text(path).ok().map(|text| text.trim().to_owned())
}

/// An attribute that is a number, decimal or hexadecimal with `0x`.
pub(crate) fn attribute_number(path: &Path) -> Option<f64> {
    let text = attribute(path)?;
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok().map(|value| value as f64),
        None => text.parse().ok(),
    }
}

/// A file that holds one number.
pub(crate) fn number(path: &Path) -> Result<f64, CollectError> {
    let text = text(path)?;
    parsed(path, text.trim())
}

/// A field of a file.
pub(crate) fn parsed(path: &Path, field: &str) -> Result<f64, CollectError> {
    field.parse().map_err(|_| CollectError::malformed(path, format!("{field:?} is no number")))
}

/// Names in a directory, sorted, those that are numbers by value.
pub(crate) fn entries(path: &Path) -> Result<Vec<String>, CollectError> {
    let found = fs::read_dir(path).map_err(|error| CollectError::of(path, error))?;
    let mut names: Vec<String> = found.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    Ok(names)
}

/// Entries of the form PREFIX NUMBER, with the number; none when there is no such directory.
pub(crate) fn numbered(path: &Path, prefix: &str) -> Result<Vec<(String, PathBuf)>, CollectError> {
    let names = match entries(path) {
        Ok(names) => names,
        Err(CollectError::Absent(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let digits = |name: &str| name.strip_prefix(prefix).filter(|rest| is_number(rest)).map(str::to_owned);
    Ok(names.iter().filter_map(|name| Some((digits(name)?, path.join(name)))).collect())
}

pub(crate) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_knows_its_pages_and_ticks() {
        let roots = Roots::default();
        assert!(roots.page_size() >= 4096.0 && (roots.page_size() as u64).is_power_of_two());
        assert_eq!(roots.ticks_per_second(), 100.0);
    }

    #[test]
    fn what_is_missing_is_told_from_what_is_broken() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("n");
        assert!(number(&path).unwrap_err().is_absent());
        assert_eq!(optional(&path).unwrap(), None);
        fs::write(&path, "12x\n").unwrap();
        assert!(number(&path).unwrap_err().to_string().ends_with("/n is not understood: \"12x\" is no number"));
        fs::write(&path, "0x1003\n").unwrap();
        assert_eq!(attribute_number(&path), Some(4099.0));
    }
}
