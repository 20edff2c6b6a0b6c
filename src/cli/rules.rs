//! `gantry rules`: are files of rules right, and do they do what their unit tests say. No server is needed.
//!
//! Commands, outputs and exit codes are those of promtool.

mod check;
mod unit;

use super::Failure;
use clap::{Args, Subcommand};
use gantry_alerting::RuleFile;
use gantry_query_lang::promql::Options;
use std::path::Path;
use std::process::ExitCode;

const CHECK_EXAMPLES: &str = "\
Examples:
  gantry rules check rules/*.yml
  gantry rules check --lint-fatal < rules.yml

Exits with 1 when a file is wrong, and with --lint-fatal with 3 when rules are repeated.";

const TEST_EXAMPLES: &str = "\
Examples:
  gantry rules test tests/*.yml
  gantry rules test --run 'disk|memory' --junit report.xml tests.yml

The format is that of promtool: prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules.
Exits with 1 when a test fails.";

#[derive(Clone, Debug, Subcommand)]
pub enum RulesCommand {
    /// Says everything that is wrong with files of rules
    #[command(after_help = CHECK_EXAMPLES)]
    Check(check::CheckArgs),
    /// Runs unit tests of rules
    #[command(after_help = TEST_EXAMPLES)]
    Test(unit::TestArgs),
}

/// How rules are read.
#[derive(Args, Clone, Debug)]
struct ReadArgs {
    /// Leave out fields of rule files that Prometheus does not know
    #[arg(long)]
    ignore_unknown_fields: bool,
    /// Experimental parts of PromQL to allow: promql-experimental-functions, promql-duration-expr,
    /// promql-extended-range-selectors, promql-binop-fill-modifiers
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    enable_feature: Vec<String>,
}

impl ReadArgs {
    fn options(&self) -> Options {
        let mut options = Options::default();
        for feature in &self.enable_feature {
            match feature.as_str() {
                "promql-experimental-functions" => options.experimental_functions = true,
                "promql-duration-expr" => options.duration_expressions = true,
                "promql-extended-range-selectors" => options.extended_range_selectors = true,
                "promql-binop-fill-modifiers" => options.fill_modifiers = true,
                other => println!("  WARNING: Unknown feature passed to --enable-feature: {other}"),
            }
        }
        options
    }

    /// The rules of a file, or everything that is wrong with it. `name` is put before what is wrong.
    fn rules(&self, name: &str, text: &str) -> Result<RuleFile, Vec<String>> {
        let parsed = if self.ignore_unknown_fields { RuleFile::parse_known(text) } else { RuleFile::parse(text) };
        let file = parsed.map_err(|error| vec![format!("{name}: {error}")])?;
        let problems = file.problems(self.options());
        if problems.is_empty() {
            return Ok(file);
        }
        Err(problems.iter().map(|problem| format!("{name}: {problem}")).collect())
    }

    fn rules_of(&self, path: &Path) -> Result<RuleFile, Vec<String>> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| vec![format!("{name}: {error}")])?;
        self.rules(&name, &text)
    }
}

pub fn rules(command: RulesCommand) -> Result<ExitCode, Failure> {
    match command {
        RulesCommand::Check(args) => check::check(&args),
        RulesCommand::Test(args) => unit::test(&args),
    }
}
