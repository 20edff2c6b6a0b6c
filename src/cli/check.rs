//! `gantry check`: is a data directory whole.

use super::{ConfigArgs, Failure};
use crate::config::{Config, Layers, file_to_read};
use anyhow::anyhow;
use clap::Args;
use gantry_store::{CheckReport, Problem, Severity};
use std::path::PathBuf;
use toml::Value;

const EXAMPLES: &str = "\
Example:
  gantry check /var/lib/gantry

Reads every file of the directory and compares it with its checksums and with the catalog. The server that owns the
directory must be stopped. Exits with 1 when something is wrong, after naming each finding.";

#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct CheckArgs {
    /// The data directory
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

pub fn check(args: &CheckArgs) -> Result<(), Failure> {
    if !args.dir.is_dir() {
        return Err(anyhow!("{} is no directory", args.dir.display()).into());
    }
    let data = Value::String(args.dir.display().to_string());
    let (file, environment) = (file_to_read(args.config.config.clone()), std::env::vars().collect());
    let config = Config::load(&Layers { file, environment, flags: vec![("store", "data", data)] })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(gantry_store::check(&config.store)).map_err(|error| anyhow!("{error}"))?;
    if args.json {
        say!("{}", serde_json::to_string_pretty(&report).map_err(anyhow::Error::from)?);
    } else {
        print(&report);
    }
    if report.is_sound() { Ok(()) } else { Err(anyhow!("{} is damaged, see above", args.dir.display()).into()) }
}

fn print(report: &CheckReport) {
    for Problem { severity, place, what } in &report.problems {
        let severity = match severity {
            Severity::Notice => "notice",
            Severity::Damage => "damage",
        };
        say!("{severity}: {place}: {what}");
    }
    say!(
        "{} splits with {} rows, {} blocks with {} samples, {} bytes; {} WAL segments with {} records, {} lines, {} samples",
        report.splits,
        report.split_rows,
        report.blocks,
        report.block_samples,
        report.objects_bytes,
        report.wal_segments,
        report.wal_records,
        report.wal_lines,
        report.wal_samples
    );
    let damages = report.problems.iter().filter(|problem| problem.severity == Severity::Damage).count();
    let notices = report.problems.len() - damages;
    match (damages, notices) {
        (0, 0) => say!("sound"),
        (0, _) => say!("sound; what the notices name is cleaned up by the server"),
        _ => say!("{damages} damaged, {notices} notices"),
    }
}
