//! [`Finder`]: which files the patterns mean, now.

use super::names::is_compressed;
use super::options::{CollectError, FileOptions};
use glob::{MatchOptions, Pattern};
use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::path::PathBuf;

const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: false };

/// Walks the patterns. Symbolic links to files are followed; what can not be read is not there.
#[derive(Debug)]
pub(super) struct Finder {
    include: Vec<String>,
    exclude: Vec<Pattern>,
}

impl Finder {
    pub fn new(options: &FileOptions) -> Result<Self, CollectError> {
        for pattern in &options.include {
            parse(pattern)?;
        }
        let exclude = options.exclude.iter().map(|p| parse(p)).collect::<Result<_, _>>()?;
        Ok(Finder { include: options.include.clone(), exclude })
    }

    /// Regular, uncompressed files, each path once, sorted by path.
    pub fn find(&self) -> BTreeMap<PathBuf, Metadata> {
        let mut found = BTreeMap::new();
        for pattern in &self.include {
            let paths = glob::glob_with(pattern, OPTIONS).expect("patterns were parsed before");
            for path in paths.filter_map(Result::ok) {
                if !is_compressed(&path) && !self.is_excluded(&path) && !found.contains_key(&path) {
                    let regular = fs::metadata(&path).ok().filter(Metadata::is_file);
                    found.extend(regular.map(|metadata| (path, metadata)));
                }
            }
        }
        found
    }

    fn is_excluded(&self, path: &std::path::Path) -> bool {
        self.exclude.iter().any(|pattern| pattern.matches_path_with(path, OPTIONS))
    }
}

fn parse(pattern: &str) -> Result<Pattern, CollectError> {
    Pattern::new(pattern).map_err(|e| CollectError::Pattern { pattern: pattern.to_owned(), reason: e.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_choose_files_and_never_directories_or_compressed_ones() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("deep/er")).unwrap();
        fs::create_dir(at("directory.log")).unwrap();
        for name in ["a.log", "b.log", "b.log.gz", "deep/er/c.log", "skip.log"] {
            fs::write(at(name), "x").unwrap();
        }
        let pattern = |p: &str| format!("{}/{p}", dir.path().display());
        let options = FileOptions {
            include: vec![pattern("**/*.log*"), pattern("a.log")],
            exclude: vec![pattern("skip*")],
            ..FileOptions::default()
        };
        let found: Vec<PathBuf> = Finder::new(&options).unwrap().find().into_keys().collect();
        assert_eq!(found, [at("a.log"), at("b.log"), at("deep/er/c.log")]);
    }

    #[test]
    fn a_wrong_pattern_is_named() {
        let options = FileOptions { include: vec!["/var/log/[".into()], ..FileOptions::default() };
        assert!(Finder::new(&options).unwrap_err().to_string().contains("/var/log/["));
    }
}
