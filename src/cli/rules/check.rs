//! `gantry rules check`

use super::{ReadArgs, SpokenArgs};
use crate::cli::Failure;
use clap::{Args, ValueEnum};
use gantry_alerting::RuleFile;
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit code when only lints have something to say.
const LINT: u8 = 3;

#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    spoken: SpokenArgs,
    /// What is looked for beside errors
    #[arg(long, value_enum, default_value = "duplicate-rules", value_delimiter = ',')]
    lint: Vec<Lint>,
    /// Exit with 3 when a lint finds something
    #[arg(long)]
    lint_fatal: bool,
    /// The files; standard input without any
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Lint {
    All,
    /// Rules of one name with the same labels
    DuplicateRules,
    None,
}

/// What became of a file.
enum Judgement {
    Sound,
    Lint,
    Wrong,
}

pub fn check(args: &CheckArgs) -> Result<ExitCode, Failure> {
    let mut judgements = Vec::new();
    let check = |expr: &str| if args.spoken.logql { args.spoken.check(expr) } else { args.read.check(expr) };
    if args.files.is_empty() {
        say!("Checking standard input");
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        judgements.push(args.judge(args.read.rules("-", &text, &check)));
    }
    for path in &args.files {
        say!("Checking {}", path.display());
        judgements.push(args.judge(args.read.rules_of(path, &check)));
    }
    let lint_fails = args.lint_fatal && judgements.iter().any(|one| matches!(one, Judgement::Lint));
    Ok(if judgements.iter().any(|one| matches!(one, Judgement::Wrong)) {
        ExitCode::FAILURE
    } else if lint_fails {
        ExitCode::from(LINT)
    } else {
        ExitCode::SUCCESS
    })
}

impl CheckArgs {
    /// Prints what there is to say.
    fn judge(&self, file: Result<RuleFile, Vec<String>>) -> Judgement {
        let judgement = match file {
            Err(problems) => {
                eprintln!("  FAILED:");
                problems.iter().for_each(|problem| eprintln!("{problem}"));
                Judgement::Wrong
            }
            Ok(file) => match self.lint(&file) {
                Some(found) => {
                    eprintln!("  FAILED:\n{found}");
                    Judgement::Lint
                }
                None => {
                    say!("  SUCCESS: {} rules found", file.rules().count());
                    Judgement::Sound
                }
            },
        };
        say!("");
        judgement
    }

    fn lint(&self, file: &RuleFile) -> Option<String> {
        let duplicates = if self.lint.contains(&Lint::None) { Vec::new() } else { file.duplicates() };
        if duplicates.is_empty() {
            return None;
        }
        let mut text = format!("lint error {} duplicate rule(s) found.\n", duplicates.len());
        for rule in &duplicates {
            text += &format!("Metric: {}\nLabel(s):\n", rule.name);
            rule.labels.iter().for_each(|(name, value)| text += &format!("\t{name}: {value}\n"));
        }
        Some(text + "Might cause inconsistency while recording expressions")
    }
}
