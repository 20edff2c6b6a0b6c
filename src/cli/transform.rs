//! `gantry transform`: are the transforms right, and what do they do to a line. Nothing is stored, no server is needed.

mod expect;
mod input;
mod report;

use super::{ConfigArgs, Failure};
use crate::config::{Config, Layers, file_to_read};
use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use expect::Expectations;
use gantry_model::{Clock, SystemClock, TenantId};
use gantry_transform::Pipeline;
use input::Lines;
use report::Outcome;
use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::PathBuf;

const CHECK_EXAMPLES: &str = "\
Example:
  gantry transform check --config /etc/gantry.toml";

const TEST_EXAMPLES: &str = r#"Examples:
  echo '{"level":"warn","msg":"hi"}' | gantry transform test --config gantry.toml
  gantry transform test --source syslog --tenant edge --label app=sshd sample.log
  gantry transform test --json sample.ndjson > expected.ndjson
  gantry transform test --expect expected.ndjson sample.ndjson

A line of the input is the text of a log line. One that is a JSON object with a "message", and besides that only
"timestamp" (RFC 3339), "labels" and "metadata" (objects of strings), is a whole event; --raw takes it as text, too.

Each line of an expectation is a JSON object that is compared with the outcome for the same line of the input, as --json
prints it; keys that it does not have are not compared. Exits with 1 when one differs."#;

#[derive(Clone, Debug, Subcommand)]
pub enum TransformCommand {
    /// Compiles every transform and says all that is wrong with them
    #[command(after_help = CHECK_EXAMPLES)]
    Check {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Passes lines through the transforms and shows what each of them did
    #[command(after_help = TEST_EXAMPLES)]
    Test(TestArgs),
}

#[derive(Args, Clone, Debug)]
pub struct TestArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The receiver or collector that the lines are said to come from
    #[arg(long, default_value = "loki", value_name = "NAME")]
    source: String,
    /// Whose lines they are
    #[arg(long, default_value = TenantId::DEFAULT, value_name = "NAME")]
    tenant: String,
    /// A label of every line that is not a whole event; may be repeated
    #[arg(short, long = "label", value_name = "NAME=VALUE", value_parser = super::run::label)]
    labels: Vec<(String, String)>,
    /// Every line is text, whatever it looks like
    #[arg(long)]
    raw: bool,
    /// Print one JSON object for each line
    #[arg(long)]
    json: bool,
    /// Compare with what is expected
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    /// The lines; standard input without it
    #[arg(value_name = "FILE")]
    input: Option<PathBuf>,
}

pub fn transform(command: TransformCommand) -> Result<(), Failure> {
    match command {
        TransformCommand::Check { config } => check(config),
        TransformCommand::Test(args) => test(&args),
    }
}

fn load(config: ConfigArgs) -> Result<Pipeline, Failure> {
    let (file, environment) = (file_to_read(config.config), std::env::vars().collect());
    Ok(Config::load(&Layers { file, environment, flags: Vec::new() })?.pipeline()?)
}

fn check(config: ConfigArgs) -> Result<(), Failure> {
    let pipeline = load(config)?;
    let names: Vec<&str> = pipeline.names().collect();
    match names.len() {
        0 => say!("there are no transforms"),
        count => say!("{count} transforms are right: {}", names.join(", ")),
    }
    Ok(())
}

fn test(args: &TestArgs) -> Result<(), Failure> {
    let pipeline = load(args.config.clone())?;
    let tenant = TenantId::new(&args.tenant).map_err(anyhow::Error::from)?;
    let mut expectations = args.expect.as_deref().map(Expectations::open).transpose()?;
    let now = SystemClock.now();
    let lines = Lines { tenant, labels: args.labels.clone(), raw: args.raw, now };
    let (mut count, mut different) = (0, 0);
    for line in open(args)?.lines() {
        let line = line.context("the input cannot be read")?;
        count += 1;
        let (after, steps) = pipeline.explain(lines.event(&line), &args.source, now);
        let outcome = Outcome { number: count, before: &line, after, steps };
        if let Some(expectations) = &mut expectations {
            if let Some(difference) = expectations.next(&outcome)? {
                different += 1;
                say!("line {count}: {difference}");
            }
        } else if args.json {
            say!("{}", outcome.json());
        } else {
            put!("{outcome}");
        }
    }
    let Some(mut expectations) = expectations else { return Ok(()) };
    let missing = expectations.count_rest()?;
    match different + missing {
        0 => say!("{count} lines as expected"),
        _ if missing > 0 => {
            return Err(anyhow!("{missing} more lines are expected than came, {different} differ").into());
        }
        _ => return Err(anyhow!("{different} of {count} lines are not as expected").into()),
    }
    Ok(())
}

fn open(args: &TestArgs) -> anyhow::Result<Box<dyn BufRead>> {
    let Some(path) = &args.input else { return Ok(Box::new(stdin().lock())) };
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(Box::new(BufReader::new(file)))
}
