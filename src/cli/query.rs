//! `gantry query`: a question in LogQL, PromQL or SQL, the answer as a table, JSON or CSV.

use super::client::Client;
use super::pager::Printer;
use super::{Failure, ServerArgs, table, when};
use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};
use gantry_model::{Clock, SystemClock, Timestamp};
use serde_json::{Map, Value, json};
use std::time::Duration;

const EXAMPLES: &str = r#"Examples:
  gantry query 'sum by (app) (count_over_time({app=~".+"} |= "error" [1m]))' --since 15m --step 1m
  gantry query '{app="shop"} | json | duration_ms > 100' --limit 20
  gantry query 'SELECT level, count(*) FROM logs GROUP BY level' --output csv
  gantry query "SELECT instance, max(value) FROM metrics WHERE name = 'node_load1' GROUP BY instance"
  gantry query --promql 'sum by (job) (rate(http_requests_total[5m]))' --since 15m --step 1m
  gantry query --instant 'sum(rate({app="shop"}[5m]))'

What starts with SELECT, WITH, EXPLAIN, SHOW or DESCRIBE is SQL; everything else is LogQL, or PromQL with --promql.
Times of SQL stand in the statement itself."#;

const SQL_WORDS: [&str; 6] = ["SELECT", "WITH", "EXPLAIN", "SHOW", "DESCRIBE", "VALUES"];
/// Points of a series when no step is given.
const POINTS: i64 = 60;

#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct QueryArgs {
    /// LogQL, SQL, or PromQL with --promql
    #[arg(value_name = "QUERY")]
    query: String,
    /// The query is PromQL: it asks metrics, not lines
    #[arg(long)]
    promql: bool,
    /// How far back to look
    #[arg(long, value_parser = when::duration, default_value = "1h", value_name = "DURATION")]
    since: Duration,
    /// Start of the range, in place of --since
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// End of the range
    #[arg(long, default_value = "now", value_name = "TIME")]
    end: String,
    /// Distance of the points of a series [default: a 60th of the range]
    #[arg(long, value_parser = when::duration, value_name = "DURATION")]
    step: Option<Duration>,
    /// One value at the end of the range and not a series
    #[arg(long)]
    instant: bool,
    /// Most lines of a log query
    #[arg(short = 'n', long, default_value_t = 100, value_name = "LINES")]
    limit: u32,
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
    Csv,
}

pub async fn query(args: QueryArgs) -> Result<(), Failure> {
    let client = Client::new(&args.server)?;
    let answer = if is_sql(&args.query) && !args.promql {
        ask_sql(&client, &args).await?
    } else {
        ask_at_times(&client, &args).await?
    };
    let lines = match args.output {
        Format::Json => vec![serde_json::to_string_pretty(&answer.raw).map_err(anyhow::Error::from)?],
        Format::Csv => table::csv(&answer.header, &answer.rows),
        Format::Table => table::table(&answer.header, &answer.rows),
    };
    let mut printer = Printer::new(args.output == Format::Table);
    for line in &lines {
        if printer.line(line).is_err() {
            break;
        }
    }
    printer.finish()?;
    for warning in &answer.warnings {
        eprintln!("gantry: warning: {warning}");
    }
    Ok(())
}

/// Whether the text is SQL, by its first word.
pub fn is_sql(text: &str) -> bool {
    let first = text.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    SQL_WORDS.iter().any(|word| word.eq_ignore_ascii_case(first))
}

/// Rows of text, and the JSON they came from.
#[derive(Debug)]
struct Answer {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    raw: Value,
    warnings: Vec<String>,
}

async fn ask_sql(client: &Client, args: &QueryArgs) -> Result<Answer, Failure> {
    let request = json!({"sql": args.query, "format": "json"});
    let answer = client.post("/api/v1/sql", &request).await?.json::<Value>().await;
    let mut answer = answer.context("the answer broke off")?;
    let columns = answer["schema"].as_array().map(Vec::as_slice).unwrap_or_default();
    let header: Vec<String> = columns.iter().map(|column| cell(&column["name"])).collect();
    let raw = answer["data"].take();
    let rows = raw.as_array().into_iter().flatten();
    let rows = rows.map(|row| header.iter().map(|name| cell(&row[name.as_str()])).collect()).collect();
    Ok(Answer { header, rows, raw, warnings: Vec::new() })
}

/// LogQL or PromQL.
async fn ask_at_times(client: &Client, args: &QueryArgs) -> Result<Answer, Failure> {
    let now = SystemClock.now();
    let end = when::instant(&args.end, now)?;
    let start = match &args.start {
        Some(start) => when::instant(start, now)?,
        None => end.saturating_sub(when::nanos(args.since)),
    };
    // Of PromQL a limit would be one of series.
    let limit = (!args.promql).then(|| ("limit", args.limit.to_string()));
    let mut parameters: Vec<_> = limit.into_iter().chain([("query", args.query.clone())]).collect();
    let time = |at: Timestamp| {
        if args.promql { format!("{}", at.nanos() as f64 / 1e9) } else { at.nanos().to_string() }
    };
    let path = if args.instant {
        parameters.push(("time", time(end)));
        if args.promql { "/api/v1/query" } else { "/loki/api/v1/query" }
    } else {
        let step = args.step.map_or_else(|| ((end.nanos() - start.nanos()) / POINTS).max(1_000_000_000), when::nanos);
        parameters.push(("start", time(start)));
        parameters.push(("end", time(end)));
        parameters.push(("step", format!("{}", step as f64 / 1e9)));
        if args.promql { "/api/v1/query_range" } else { "/loki/api/v1/query_range" }
    };
    let mut answer = client.get(path, &parameters).await?;
    let remarks = [&answer["warnings"], &answer["infos"]].into_iter().filter_map(Value::as_array);
    let warnings = remarks.flatten().map(cell).collect();
    let mut data = answer["data"].take();
    let (kind, raw) = (cell(&data["resultType"]), data["result"].take());
    let (header, rows) = rows(&kind, &raw)?;
    Ok(Answer { header, rows, raw, warnings })
}

type Rows = (Vec<String>, Vec<Vec<String>>);

fn rows(kind: &str, result: &Value) -> Result<Rows, Failure> {
    match kind {
        "streams" => Ok(lines(result)),
        "vector" => Ok(series(result, |one| {
            [&one["value"], &one["histogram"]].into_iter().filter(|v| !v.is_null()).cloned().collect()
        })),
        "matrix" => Ok(series(result, |one| {
            let lists = [&one["values"], &one["histograms"]].into_iter().filter_map(Value::as_array);
            lists.flatten().cloned().collect()
        })),
        "scalar" | "string" => Ok((vec!["time".to_owned(), "value".to_owned()], vec![sample(result)])),
        other => Err(anyhow!("the server answered with a {other:?}, which this program does not know").into()),
    }
}

fn lines(result: &Value) -> Rows {
    let mut entries = super::render::entries(result);
    entries.sort_by_key(|entry| entry.at);
    let row = |entry: &super::render::Entry| {
        let all: Map<String, Value> = entry.labels.clone().into_iter().chain(entry.extra.clone()).collect();
        vec![when::show(entry.at), labels(&all), entry.line.clone()]
    };
    (["time", "labels", "line"].map(str::to_owned).to_vec(), entries.iter().map(row).collect())
}

/// A column per label, then time and value.
fn series(result: &Value, samples: impl Fn(&Value) -> Vec<Value>) -> Rows {
    let all = result.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut names: Vec<String> =
        all.iter().filter_map(|one| one["metric"].as_object()).flat_map(Map::keys).cloned().collect();
    names.sort();
    names.dedup();
    let mut rows = Vec::new();
    for one in all {
        let labels: Vec<String> = names.iter().map(|name| cell(&one["metric"][name.as_str()])).collect();
        rows.extend(samples(one).iter().map(|value| [labels.clone(), sample(value)].concat()));
    }
    names.extend(["time".to_owned(), "value".to_owned()]);
    (names, rows)
}

/// `[seconds, "value"]` as two cells.
fn sample(value: &Value) -> Vec<String> {
    let seconds = value[0].as_f64().unwrap_or(0.0);
    vec![when::show(Timestamp((seconds * 1e9) as i64)), cell(&value[1])]
}

fn labels(labels: &Map<String, Value>) -> String {
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={}", cell(value))).collect();
    pairs.join(" ")
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
