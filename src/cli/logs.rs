//! `gantry logs`: lines that match a query or hold some words, now or as they come.

use super::client::Client;
use super::pager::Printer;
use super::render::{Output, entries};
use super::{Failure, ServerArgs, around, follow, when};
use clap::Args;
use gantry_model::{Clock, SystemClock, Timestamp};
use std::io::IsTerminal;
use std::time::Duration;

const EXAMPLES: &str = r#"Examples:
  gantry logs                                  everything of the last hour
  gantry logs timeout                          lines with a word
  gantry logs connection refused --since 1d    lines with both words
  gantry logs '{app="shop"} |= "error"'        LogQL
  gantry logs panic -C 5                       with the five lines before and after, in the same stream
  gantry logs -f --output json | jq .line      follow, for a program
  gantry logs --tenant _gantry                 Gantry's own log"#;

#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct LogsArgs {
    /// LogQL when it starts with a brace, else words that a line must hold; none for everything
    #[arg(value_name = "QUERY")]
    words: Vec<String>,
    /// Keep printing lines as they arrive
    #[arg(short, long)]
    follow: bool,
    /// How far back to look; with --follow nothing is repeated unless this is given
    #[arg(long, value_parser = when::duration, value_name = "DURATION")]
    since: Option<Duration>,
    /// Up to when: now, 15m (ago), 2024-05-14T10:00:00Z
    #[arg(long, default_value = "now", value_name = "TIME", conflicts_with = "follow")]
    until: String,
    /// Most lines to print, the newest; printed oldest first
    #[arg(short = 'n', long, default_value_t = 1000, value_name = "LINES")]
    limit: u32,
    /// Also print this many lines before and after each, of the same stream
    #[arg(short = 'C', long, value_name = "LINES", conflicts_with = "follow")]
    context: Option<u32>,
    /// How lines are printed
    #[arg(short, long, value_enum, default_value = "pretty")]
    output: Output,
    #[command(flatten)]
    server: ServerArgs,
}

/// What to ask for, in LogQL.
pub fn to_logql(words: &[String]) -> String {
    let text = words.join(" ");
    if text.trim_start().starts_with('{') {
        return text;
    }
    let filters: Vec<String> =
        words.iter().flat_map(|w| w.split_whitespace()).map(|w| format!(" |= {}", quote(w))).collect();
    format!("{{}}{}", filters.concat())
}

/// LogQL shares its string escapes with JSON.
fn quote(word: &str) -> String {
    serde_json::Value::from(word).to_string()
}

pub async fn logs(args: LogsArgs) -> Result<(), Failure> {
    let client = Client::new(&args.server)?;
    let query = to_logql(&args.words);
    let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let now = SystemClock.now();
    if args.follow {
        let start = args.since.map_or(now, |since| now.saturating_sub(when::nanos(since)));
        return follow::follow(&client, &query, start, args.limit, |entry| entry.render(args.output, colours)).await;
    }
    let end = when::instant(&args.until, now)?;
    let start = end.saturating_sub(when::nanos(args.since.unwrap_or(Duration::from_secs(3600))));
    let found = ask(&client, &query, start, end, args.limit).await?;
    if found.is_empty() {
        eprintln!("no lines from {} to {}; look further back with --since", when::show(start), when::show(end));
        return Ok(());
    }
    let groups = match args.context {
        Some(lines) => around::groups(&client, found, lines).await?,
        None => vec![found],
    };
    print(&groups, args.output, colours)
}

/// Groups of lines with `--` between them, save where a program reads.
fn print(groups: &[around::Group], output: Output, colours: bool) -> Result<(), Failure> {
    let mut printer = Printer::new(output == Output::Pretty);
    for (number, group) in groups.iter().enumerate() {
        let mut lines: Vec<String> = group.iter().map(|entry| entry.render(output, colours)).collect();
        if number > 0 && matches!(output, Output::Pretty | Output::Raw) {
            lines.insert(0, "--".into());
        }
        if lines.iter().any(|line| printer.line(line).is_err()) {
            break;
        }
    }
    Ok(printer.finish()?)
}

/// The newest `limit` entries of `start..end`, oldest first.
async fn ask(
    client: &Client,
    query: &str,
    start: Timestamp,
    end: Timestamp,
    limit: u32,
) -> Result<Vec<super::render::Entry>, Failure> {
    let parameters = [
        ("query", query.to_owned()),
        ("start", start.nanos().to_string()),
        ("end", end.nanos().to_string()),
        ("limit", limit.to_string()),
        ("direction", "backward".to_owned()),
    ];
    let answer = client.get("/loki/api/v1/query_range", &parameters).await?;
    let data = &answer["data"];
    if data["resultType"] != "streams" {
        return Err(anyhow::anyhow!("the query computes numbers and not lines; use: gantry query").into());
    }
    let mut found = entries(&data["result"]);
    found.reverse();
    found.sort_by_key(|entry| entry.at);
    Ok(found)
}
