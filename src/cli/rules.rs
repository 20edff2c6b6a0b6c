//! `gantry rules`: are files of rules right, do they do what their unit tests say, and which rules run on a server.
//!
//! What needs no server has the commands, outputs and exit codes of promtool.

mod check;
mod list;
mod stored;
mod unit;

use super::Failure;
use clap::{Args, Subcommand};
use gantry_alerting::RuleFile;
use gantry_query_lang::ast::Expr as LogExpr;
use gantry_query_lang::promql::{self, Options};
use std::path::Path;
use std::process::ExitCode;

const CHECK_EXAMPLES: &str = "\
Examples:
  gantry rules check rules/*.yml
  gantry rules check --logql log-rules/*.yml
  gantry rules check --lint-fatal < rules.yml

Exits with 1 when a file is wrong, and with --lint-fatal with 3 when rules are repeated.";

const TEST_EXAMPLES: &str = "\
Examples:
  gantry rules test tests/*.yml
  gantry rules test --run 'disk|memory' --junit report.xml tests.yml

The format is that of promtool: prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules.
Exits with 1 when a test fails.";

const LIST_EXAMPLES: &str = "\
Examples:
  gantry rules list                   all that are evaluated, from files and stored
  gantry rules list --failing
  gantry rules list --type alert --group machine";

const APPLY_EXAMPLES: &str = "\
Examples:
  gantry rules apply team-a rules.yml
  gantry rules apply team-a --logql log-rules.yml --tenant shop

A group takes the place of one of its name in the namespace. Rules are evaluated at once and survive restarts.";

#[derive(Clone, Debug, Subcommand)]
pub enum RulesCommand {
    /// Says everything that is wrong with files of rules
    #[command(after_help = CHECK_EXAMPLES)]
    Check(check::CheckArgs),
    /// Runs unit tests of rules
    #[command(after_help = TEST_EXAMPLES)]
    Test(unit::TestArgs),
    /// Lists the rules that a server evaluates, and how they fare
    #[command(after_help = LIST_EXAMPLES)]
    List(list::ListArgs),
    /// Prints rule groups that are stored on a server, as YAML
    Show(stored::ShowArgs),
    /// Stores the rule groups of files on a server
    #[command(after_help = APPLY_EXAMPLES)]
    Apply(stored::ApplyArgs),
    /// Removes rule groups that are stored on a server
    Delete(stored::DeleteArgs),
}

/// The language of rules.
#[derive(Args, Clone, Debug)]
struct SpokenArgs {
    /// The rules are in LogQL
    #[arg(long)]
    logql: bool,
}

impl SpokenArgs {
    /// What is wrong with an expression, as far as it can be known without a server.
    fn check(&self, expr: &str) -> Result<(), String> {
        if !self.logql {
            return ReadArgs::default().check(expr);
        }
        match gantry_query_lang::parse(expr).map_err(|error| error.to_string())? {
            LogExpr::Metric(_) => Ok(()),
            LogExpr::Log(_) => Err("a query for lines yields no numbers; count them".to_owned()),
        }
    }
}

/// How rules are read.
#[derive(Args, Clone, Debug, Default)]
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
                other => say!("  WARNING: Unknown feature passed to --enable-feature: {other}"),
            }
        }
        options
    }

    /// What is wrong with an expression.
    fn check(&self, expr: &str) -> Result<(), String> {
        promql::parse(expr, self.options()).map(drop).map_err(|error| error.to_string())
    }

    /// The rules of a text, or everything that is wrong with it. `name` is put before what is wrong; `check` says what is wrong
    /// with an expression.
    fn rules(
        &self,
        name: &str,
        text: &str,
        check: &dyn Fn(&str) -> Result<(), String>,
    ) -> Result<RuleFile, Vec<String>> {
        let parsed = if self.ignore_unknown_fields { RuleFile::parse_known(text) } else { RuleFile::parse(text) };
        let file = parsed.map_err(|error| vec![format!("{name}: {error}")])?;
        let problems = file.problems_by(check);
        if problems.is_empty() {
            return Ok(file);
        }
        Err(problems.iter().map(|problem| format!("{name}: {problem}")).collect())
    }

    fn rules_of(&self, path: &Path, check: &dyn Fn(&str) -> Result<(), String>) -> Result<RuleFile, Vec<String>> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| vec![format!("{name}: {error}")])?;
        self.rules(&name, &text, check)
    }
}

pub fn rules(command: RulesCommand) -> Result<ExitCode, Failure> {
    let done = |()| ExitCode::SUCCESS;
    match command {
        RulesCommand::List(args) => super::block_on(list::list(args)).map(done),
        RulesCommand::Show(args) => super::block_on(stored::show(args)).map(done),
        RulesCommand::Apply(args) => super::block_on(stored::apply(args)).map(done),
        RulesCommand::Delete(args) => super::block_on(stored::delete(args)).map(done),
        RulesCommand::Check(args) => check::check(&args),
        RulesCommand::Test(args) => unit::test(&args),
    }
}
