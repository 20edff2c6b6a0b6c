//! `gantry backtest policy`: replicas over time, replica-hours and time above target, beside what they are compared with.

use super::super::chart::{Chart, Line, svg};
use super::super::client::Client;
use super::super::{Failure, ServerArgs, policy, table, when};
use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};
use gantry_model::{Clock, SystemClock, Timestamp};
use gantry_platform_model::{Policy, Query};
use gantry_scaler::{Against, BacktestReport, BacktestRequest, Course};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub const EXAMPLES: &str = "\
Examples:
  gantry backtest policy web.yml --since 30d                     against the policy of this name that runs
  gantry backtest policy web.yml --since 7d --current 12         against 12 replicas
  gantry backtest policy web.yml --current-query 'count(up{job=\"web\"} == 1)'
                                                                 against the replicas that there were
  gantry backtest policy web.yml --since 30d --chart web.svg

Replicas are a model: what is decided is there at once, and ready some time later (--ready-after). Signals are as they were stored:
more replicas would not have changed them.";

/// Rows of the table of replicas over time.
const ROWS: usize = 24;

#[derive(Args, Clone, Debug)]
pub struct PolicyArgs {
    /// A file of policies
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Which policy, when the file has several
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// How far back to begin
    #[arg(long, value_parser = when::duration, default_value = "30d", value_name = "DURATION")]
    since: Duration,
    /// Start of the range, in place of --since
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// End of the range
    #[arg(long, default_value = "now", value_name = "TIME")]
    end: String,
    /// Compare with so many replicas
    #[arg(long, value_name = "COUNT", conflicts_with_all = ["current_query", "current_policy"])]
    current: Option<u32>,
    /// Compare with the replicas that there were, by PromQL
    #[arg(long, value_name = "QUERY", conflicts_with = "current_policy")]
    current_query: Option<String>,
    /// Compare with a policy of a file
    #[arg(long, value_name = "FILE")]
    current_policy: Option<PathBuf>,
    /// How long a replica needs until it is ready
    #[arg(long, value_parser = when::duration, default_value = "30s", value_name = "DURATION")]
    ready_after: Duration,
    /// Replicas at the start [default: the least]
    #[arg(long, value_name = "COUNT")]
    initial: Option<u32>,
    /// Draw replicas over time into this file (SVG)
    #[arg(long, value_name = "FILE")]
    chart: Option<PathBuf>,
    /// How the answer is printed
    #[arg(short, long, value_enum, default_value = "table")]
    output: Format,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
}

fn one(file: &Path, name: Option<&str>) -> Result<Policy, Failure> {
    let mut policies = policy::read(file)?;
    if let Some(name) = name {
        policies.retain(|policy| policy.name == name);
    }
    let count = policies.len();
    match (policies.pop(), count) {
        (Some(policy), 1) => Ok(policy),
        (None, _) => Err(anyhow!("{} has no policy of this name", file.display()).into()),
        _ => Err(anyhow!("{} has {count} policies: choose one with --policy", file.display()).into()),
    }
}

pub async fn policy(args: PolicyArgs) -> Result<(), Failure> {
    let client = Client::new(&args.server)?;
    let candidate = one(&args.file, args.policy.as_deref())?;
    let now = SystemClock.now();
    let end = when::instant(&args.end, now)?;
    let start = match &args.start {
        Some(start) => when::instant(start, now)?,
        None => end.saturating_sub(when::nanos(args.since)),
    };
    let against = match (args.current, &args.current_query, &args.current_policy) {
        (Some(count), ..) => Some(Against::Replicas(count)),
        (_, Some(query), _) => Some(Against::Query(Query::Promql(query.clone()))),
        (_, _, Some(file)) => Some(Against::Policy(Box::new(one(file, args.policy.as_deref())?))),
        _ => None,
    };
    let request = BacktestRequest {
        policy: candidate,
        start_ms: start.nanos() / 1_000_000,
        end_ms: end.nanos() / 1_000_000,
        against,
        ready_after_seconds: u32::try_from(args.ready_after.as_secs()).unwrap_or(u32::MAX),
        initial: args.initial,
    };
    let request = serde_json::to_value(&request).map_err(anyhow::Error::from)?;
    let answer: serde_json::Value =
        client.post("/api/v1/scale/backtest", &request).await?.json().await.context("the answer broke off")?;
    let report: BacktestReport = serde_json::from_value(answer["data"].clone())
        .context("the server answers with what this program does not know")?;
    match args.output {
        Format::Json => say!("{}", serde_json::to_string_pretty(&report).map_err(anyhow::Error::from)?),
        Format::Table => print(&report),
    }
    if let Some(file) = &args.chart {
        let chart = chart(&report);
        std::fs::write(file, svg(&chart)).with_context(|| format!("{} cannot be written", file.display()))?;
        eprintln!("drawn into {}", file.display());
    }
    Ok(())
}

/// The candidate, and what it is compared with.
fn courses(report: &BacktestReport) -> Vec<(String, &Course)> {
    let mut all = vec![(format!("{} (candidate)", report.candidate.name), &report.candidate)];
    all.extend(report.against.as_ref().map(|course| (format!("{} (present)", course.name), course)));
    all
}

fn print(report: &BacktestReport) {
    let header = ["", "replica-hours", "hours above target", "hours without signal", "changes", "least", "most"]
        .map(str::to_owned);
    let row = |(name, course): &(String, &Course)| {
        vec![
            name.clone(),
            format!("{:.1}", course.replica_hours),
            format!("{:.2}", course.hours_above_target),
            format!("{:.2}", course.hours_without_signal),
            course.changes.to_string(),
            course.least.to_string(),
            course.most.to_string(),
        ]
    };
    let courses = courses(report);
    let mut lines = table::table(&header, &courses.iter().map(row).collect::<Vec<_>>());
    lines.push(String::new());
    lines.extend(over_time(report));
    let mut reasons: Vec<String> = Vec::new();
    for (reason, count) in &report.candidate.reasons {
        reasons.push(format!("{reason} {count}"));
    }
    lines.push(String::new());
    lines.push(format!("decisions of the candidate: {}", reasons.join(", ")));
    for line in lines {
        say!("{line}");
    }
}

/// The most of each stretch.
fn over_time(report: &BacktestReport) -> Vec<String> {
    let courses = courses(report);
    let header: Vec<String> = ["from".to_owned(), "needed".to_owned()]
        .into_iter()
        .chain(courses.iter().map(|(name, _)| name.clone()))
        .collect();
    let points = &report.candidate.replicas;
    let (Some((first, _)), Some((last, _))) = (points.first(), points.last()) else { return Vec::new() };
    let stretch = ((last - first) / ROWS as i64 + 1).max(report.step_ms);
    let most = |points: &[(i64, u32)], from: i64| {
        let within = points.iter().filter(|(at, _)| (from..from + stretch).contains(at));
        within.map(|(_, value)| *value).max().map_or_else(|| "-".to_owned(), |value| value.to_string())
    };
    let needed: Vec<(i64, u32)> =
        report.candidate.needed.iter().filter_map(|(at, needed)| Some((*at, (*needed)?))).collect();
    let starts = (0..ROWS as i64).map(|row| first + row * stretch).take_while(|from| from <= last);
    let rows: Vec<Vec<String>> = starts
        .map(|from| {
            let time = when::show(Timestamp(from.saturating_mul(1_000_000)));
            let cells = courses.iter().map(|(_, course)| most(&course.replicas, from));
            [time, most(&needed, from)].into_iter().chain(cells).collect()
        })
        .collect();
    table::table(&header, &rows)
}

fn chart(report: &BacktestReport) -> Chart {
    let needed = report.candidate.needed.iter().map(|(at, needed)| (*at, needed.map(f64::from))).collect();
    let mut lines = vec![Line { name: "needed by the signals".to_owned(), points: needed, steps: true }];
    lines.extend(courses(report).into_iter().map(|(name, course)| {
        let points = course.replicas.iter().map(|(at, replicas)| (*at, Some(f64::from(*replicas)))).collect();
        Line { name, points, steps: true }
    }));
    Chart { title: format!("Replicas by policy {}", report.candidate.name), unit: "replicas".to_owned(), lines }
}
