//! `gantry backtest rules`: what rules would have done with what is stored.

mod shown;

use crate::cli::client::Client;
use crate::cli::pager::Printer;
use crate::cli::{Failure, ServerArgs, when};
use anyhow::{Context, anyhow};
use clap::Args;
use gantry_backtest::{Report, chart};
use gantry_model::{Clock, SystemClock};
use std::path::PathBuf;
use std::time::Duration;

pub const EXAMPLES: &str = "\
Examples:
  gantry backtest rules rules.yml --since 30d
  gantry backtest rules rules.yml --since 7d --step 15s --chart alerts.svg
  gantry backtest rules --logql log-rules.yml --since 7d
  gantry backtest rules rules.yml --since 30d --json

The file is sent to the server, which evaluates its rules at each instant of the time as if they had run then, and routes
alerts along the routes of its Alertmanager. Nothing is stored and nobody is notified. Rules see what rules before them
record. A rule that reads what it records itself, or what a later one does, makes all rules go on instant by instant, which
takes far longer.";

#[derive(Args, Clone, Debug)]
pub struct RulesArgs {
    /// A rule file of Prometheus or Loki
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The rules of the file are in LogQL
    #[arg(long)]
    logql: bool,
    /// How far back to begin
    #[arg(long, value_parser = when::duration, default_value = "7d", value_name = "DURATION")]
    since: Duration,
    /// Where to end
    #[arg(long, default_value = "now", value_name = "TIME")]
    end: String,
    /// Time between evaluations [default: the interval of each group, or 1m]
    #[arg(long, value_parser = when::duration, value_name = "DURATION")]
    step: Option<Duration>,
    /// Most alerts and notifications that are listed
    #[arg(short = 'n', long, default_value_t = 50, value_name = "COUNT")]
    limit: usize,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Draw when alerts were pending and fired (SVG)
    #[arg(long, value_name = "FILE")]
    chart: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

pub async fn rules(args: RulesArgs) -> Result<(), Failure> {
    let text = std::fs::read_to_string(&args.file).map_err(|error| anyhow!("{}: {error}", args.file.display()))?;
    let end = when::instant(&args.end, SystemClock.now())?;
    let start = end.saturating_sub(when::nanos(args.since));
    let mut parameters = vec![("start", when::show(start)), ("end", when::show(end))];
    parameters.extend(args.step.map(|step| ("step", step.as_secs_f64().to_string())));
    if args.logql {
        parameters.push(("language", "logql".to_owned()));
    }
    let mut answer = Client::new(&args.server)?.post_text("/api/v1/backtest/rules", &parameters, text).await?;
    let report = answer["data"].take();
    if let Some(path) = &args.chart {
        let report: Report = serde_json::from_value(report.clone()).context("the report cannot be read")?;
        std::fs::write(path, chart(&report)).map_err(|error| anyhow!("{}: {error}", path.display()))?;
    }
    let lines = if args.json {
        vec![serde_json::to_string_pretty(&report).map_err(anyhow::Error::from)?]
    } else {
        shown::lines(&serde_json::from_value(report).context("the report cannot be read")?, args.limit)
    };
    let mut printer = Printer::new(!args.json);
    for line in &lines {
        if printer.line(line).is_err() {
            break;
        }
    }
    Ok(printer.finish()?)
}
