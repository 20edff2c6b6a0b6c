//! `gantry rules test`

use super::ReadArgs;
use crate::cli::Failure;
use anyhow::{Context, anyhow};
use clap::Args;
use gantry_rule_test::{RuleFiles, Suite, TestFile, junit};
use regex::Regex;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Args, Clone, Debug)]
pub struct TestArgs {
    #[command(flatten)]
    read: ReadArgs,
    /// Only groups of tests whose name matches; may be repeated
    #[arg(long, value_name = "REGEX")]
    run: Vec<String>,
    /// Write what became of the tests as JUnit's XML, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// The files of tests
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub fn test(args: &TestArgs) -> Result<ExitCode, Failure> {
    let run = match args.run.as_slice() {
        [] => None,
        patterns => Some(Regex::new(&patterns.join("|")).context("--run is no regular expression")?),
    };
    let mut suites = Vec::with_capacity(args.files.len());
    for path in &args.files {
        say!("Unit Testing:  {}", path.display());
        let outcomes = one(path, &args.read, run.as_ref());
        let failures: Vec<&String> = match &outcomes {
            Ok(outcomes) => outcomes.iter().flat_map(|outcome| &outcome.failures).collect(),
            Err(error) => vec![error],
        };
        if failures.is_empty() {
            say!("  SUCCESS");
        } else {
            eprintln!("  FAILED:");
            failures.iter().for_each(|failure| eprintln!("{failure}\n"));
        }
        say!("");
        suites.push(Suite { name: path.display().to_string(), outcomes });
    }
    if let Some(path) = &args.junit {
        std::fs::write(path, junit(&suites)).map_err(|error| anyhow!("{}: {error}", path.display()))?;
    }
    let failed = |suite: &Suite| match &suite.outcomes {
        Ok(outcomes) => outcomes.iter().any(|outcome| !outcome.failures.is_empty()),
        Err(_) => true,
    };
    Ok(if suites.iter().any(failed) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn one(path: &Path, read: &ReadArgs, run: Option<&Regex>) -> Result<Vec<gantry_rule_test::Outcome>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let file = TestFile::parse(&text)?;
    let rules = rules(path, &file, read)?;
    Ok(file.run(&rules, read.options(), &|name| run.is_none_or(|run| run.is_match(name))))
}

/// The rule files that a file of tests names, relative to its folder.
fn rules(path: &Path, file: &TestFile, read: &ReadArgs) -> Result<RuleFiles, String> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for pattern in &file.rule_files {
        let pattern = folder.join(pattern);
        let pattern = pattern.to_string_lossy();
        let paths = glob::glob(&pattern).map_err(|error| format!("{pattern}: {error}"))?;
        let before = found.len() + wrong.len();
        for path in paths {
            match path
                .map_err(|error| vec![error.to_string()])
                .and_then(|path| read.rules_of(&path, &|expr| read.check(expr)))
            {
                Ok(rules) => found.push(rules),
                Err(problems) => wrong.extend(problems),
            }
        }
        if found.len() + wrong.len() == before {
            eprintln!("  WARNING: no file match pattern {pattern}");
        }
    }
    Ok(if wrong.is_empty() { Ok(found) } else { Err(wrong) })
}
