//! `gantry delete`: asks for lines to be deleted, shows such requests, cancels one.

use super::client::Client;
use super::{Failure, ServerArgs, table, when};
use anyhow::{Context, anyhow};
use clap::Args;
use gantry_model::{Clock, SystemClock, Timestamp};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::Value;
use std::io::{BufRead, IsTerminal, Write};

const PATH: &str = "/loki/api/v1/delete";
const EXAMPLES: &str = r#"Examples:
  gantry delete '{app="shop"} |= "password="' --start 7d       a week of matching lines
  gantry delete '{namespace="test"}' --start 2026-01-01 --end 2026-02-01 --yes
  gantry delete --list                                         requests and how far they are
  gantry delete --cancel 00000003

The lines are hidden from queries when the command returns. They are removed from the files when the request can no
longer be cancelled (store.delete_cancel_period, 10 minutes unless configured otherwise). Lines that are written after the
request are kept, whatever their time."#;

#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct DeleteArgs {
    /// Which lines: a LogQL stream selector, with line filters if need be
    #[arg(value_name = "QUERY", required_unless_present_any = ["list", "cancel"], conflicts_with_all = ["list", "cancel"])]
    query: Option<String>,
    /// First instant of the range: a time, a date, or how long ago
    #[arg(long, value_name = "TIME", required_unless_present_any = ["list", "cancel"])]
    start: Option<String>,
    /// Last instant of the range
    #[arg(long, default_value = "now", value_name = "TIME")]
    end: String,
    /// Do not ask whether this is meant
    #[arg(short, long)]
    yes: bool,
    /// List the requests
    #[arg(long, conflicts_with = "cancel")]
    list: bool,
    /// Cancel a request, so that its lines are shown again
    #[arg(long, value_name = "ID")]
    cancel: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

pub async fn delete(args: DeleteArgs) -> Result<(), Failure> {
    let client = Client::new(&args.server)?;
    if args.list {
        return list(&client).await;
    }
    if let Some(id) = &args.cancel {
        client.request(Method::DELETE, PATH, &[("request_id", id.clone())], HeaderMap::new()).await?;
        say!("request {id} is cancelled; its lines are shown again");
        return Ok(());
    }
    let (Some(query), Some(start)) = (&args.query, &args.start) else {
        return Err(anyhow!("a query and --start are needed").into());
    };
    let now = SystemClock.now();
    let (start, end) = (when::instant(start, now)?, when::instant(&args.end, now)?);
    if !args.yes && !confirmed(query, start, end)? {
        say!("nothing was deleted");
        return Ok(());
    }
    let mut parameters = vec![("query", query.clone()), ("start", start.0.to_string())];
    // The server's own now, in case the clocks differ.
    if args.end != "now" {
        parameters.push(("end", end.0.to_string()));
    }
    let answer = client.request(Method::POST, PATH, &parameters, who()?).await?;
    let id = answer.headers().get("x-delete-request-id").and_then(|id| id.to_str().ok()).unwrap_or("?");
    say!("request {id}: the lines are hidden, and will be removed from the files");
    Ok(())
}

/// Asks a person; where nobody can answer, --yes is needed.
fn confirmed(query: &str, start: Timestamp, end: Timestamp) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(anyhow!("nobody can be asked whether this is meant: add --yes").into());
    }
    put!("Delete all lines of {query} from {} to {}? [y/N] ", when::show(start), when::show(end));
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// For the server's records.
fn who() -> anyhow::Result<HeaderMap> {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "unknown".to_owned());
    let user = HeaderValue::from_str(&format!("{user} with gantry delete")).context("the name of the user")?;
    Ok(HeaderMap::from_iter([("x-gantry-user".parse().context("a header name")?, user)]))
}

async fn list(client: &Client) -> Result<(), Failure> {
    let found = client.get(PATH, &[]).await?;
    let time = |value: &Value| when::show(Timestamp::from_millis((value.as_f64().unwrap_or(0.0) * 1000.0) as i64));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let row = |request: &Value| {
        vec![
            text(&request["request_id"]),
            text(&request["status"]),
            time(&request["created_at"]),
            time(&request["start_time"]),
            time(&request["end_time"]),
            text(&request["created_by"]),
            text(&request["query"]),
        ]
    };
    let rows: Vec<Vec<String>> = found.as_array().into_iter().flatten().map(row).collect();
    let header = ["id", "status", "created", "from", "to", "by", "query"].map(str::to_owned);
    for line in table::table(&header, &rows) {
        say!("{line}");
    }
    Ok(())
}
