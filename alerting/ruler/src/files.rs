//! Rule files: found by globs, read and checked whole. A file that cannot be taken takes no other with it.

use crate::{Engines, Language};
use gantry_alerting::{RuleFile, RuleGroup};
use std::path::{Path, PathBuf};

/// Largest rule file, in bytes.
const MOST_BYTES: u64 = 16 << 20;

/// A group of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub file: String,
    pub group: RuleGroup,
}

/// A file that cannot be taken. `Display` names it, with a line for each problem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {}", problems.join("\n  "))]
pub struct InvalidFile {
    pub file: String,
    pub problems: Vec<String>,
}

/// Reads all files that the globs name, in order of their paths. Blocks.
pub fn read_files(patterns: &[String], language: Language, engines: &dyn Engines) -> (Vec<Found>, Vec<InvalidFile>) {
    let (mut found, mut invalid) = (Vec::new(), Vec::new());
    for path in paths(patterns) {
        match read_file(&path, language, engines) {
            Ok(groups) => {
                let file = path.display().to_string();
                found.extend(groups.into_iter().map(|group| Found { file: file.clone(), group }));
            }
            Err(problems) => invalid.push(InvalidFile { file: path.display().to_string(), problems }),
        }
    }
    (found, invalid)
}

fn paths(patterns: &[String]) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = patterns
        .iter()
        .filter_map(|pattern| glob::glob(pattern).ok())
        .flat_map(|found| found.filter_map(Result::ok))
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

fn read_file(path: &Path, language: Language, engines: &dyn Engines) -> Result<Vec<RuleGroup>, Vec<String>> {
    let say = |error: &dyn std::fmt::Display| vec![error.to_string()];
    let bytes = std::fs::metadata(path).map_err(|error| say(&error))?.len();
    if bytes > MOST_BYTES {
        return Err(vec![format!("{bytes} bytes are more than the {MOST_BYTES} that a rule file may have")]);
    }
    let text = std::fs::read_to_string(path).map_err(|error| say(&error))?;
    let file = RuleFile::parse(&text).map_err(|error| say(&error))?;
    let problems = file.problems_by(&|expr| engines.check(language, expr));
    if problems.is_empty() { Ok(file.groups) } else { Err(problems.iter().map(ToString::to_string).collect()) }
}
