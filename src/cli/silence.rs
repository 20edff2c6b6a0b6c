//! `gantry silence`: keeps alerts quiet for a while.

use super::client::Client;
use super::{Failure, ServerArgs, table, when};
use anyhow::anyhow;
use clap::{Args, Subcommand};
use gantry_alertmanager::parse_matchers;
use gantry_model::{Clock, MatchOp, SystemClock, Timestamp};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use std::time::Duration;

const ADD_EXAMPLES: &str = r#"Examples:
  gantry silence add alertname=DiskFull instance=db-1 --comment "new disk on its way"
  gantry silence add 'team=~"a|b"' --for 8h --comment "moving house"
  gantry silence add env=test --start 2026-01-01T08:00:00Z --for 2h --comment "load test"

Prints the id of the silence. Alerts that match every matcher are not told of while it holds."#;

const LIST_EXAMPLES: &str = "\
Examples:
  gantry silence list                     those that hold, and those to come
  gantry silence list --expired           those that are over, too
  gantry silence list alertname=DiskFull";

const EXPIRE_EXAMPLES: &str = "\
Example:
  gantry silence expire 7d8eb77e-00f9-4e0e-9f20-047695569296";

#[derive(Clone, Debug, Subcommand)]
pub enum SilenceCommand {
    /// Makes a silence
    #[command(after_help = ADD_EXAMPLES)]
    Add(AddArgs),
    /// Lists silences
    #[command(after_help = LIST_EXAMPLES)]
    List(ListArgs),
    /// Ends silences now
    #[command(after_help = EXPIRE_EXAMPLES)]
    Expire(ExpireArgs),
}

#[derive(Args, Clone, Debug)]
pub struct AddArgs {
    /// Which alerts: all of these must match
    #[arg(value_name = "MATCHER", required = true)]
    matchers: Vec<String>,
    /// How long
    #[arg(long = "for", default_value = "1h", value_name = "DURATION", value_parser = when::duration)]
    length: Duration,
    /// When it begins: a time or a date
    #[arg(long, default_value = "now", value_name = "TIME")]
    start: String,
    /// Why, for those who wonder
    #[arg(short, long, value_name = "TEXT")]
    comment: String,
    /// Who; the name of the user unless it is given
    #[arg(short, long, env = "USER", default_value = "unknown", value_name = "NAME")]
    author: String,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    /// Only silences with such matchers
    #[arg(value_name = "MATCHER")]
    matchers: Vec<String>,
    /// Those that are over, too
    #[arg(long)]
    expired: bool,
    /// Print what the server answers
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args, Clone, Debug)]
pub struct ExpireArgs {
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    #[command(flatten)]
    server: ServerArgs,
}

pub async fn silence(command: SilenceCommand) -> Result<(), Failure> {
    match command {
        SilenceCommand::Add(args) => add(args).await,
        SilenceCommand::List(args) => list(args).await,
        SilenceCommand::Expire(args) => expire(args).await,
    }
}

async fn add(args: AddArgs) -> Result<(), Failure> {
    let mut matchers = Vec::new();
    for text in &args.matchers {
        for one in parse_matchers(text).map_err(|wrong| anyhow!("{wrong}"))? {
            let is_regex = matches!(one.op, MatchOp::Regex | MatchOp::NotRegex);
            let is_equal = matches!(one.op, MatchOp::Regex | MatchOp::Eq);
            matchers.push(json!({ "name": one.name, "value": one.value, "isRegex": is_regex, "isEqual": is_equal }));
        }
    }
    let start = when::instant(&args.start, SystemClock.now())?;
    let end = start.saturating_add(when::nanos(args.length));
    let body = json!({
        "matchers": matchers,
        "startsAt": when::show(start),
        "endsAt": when::show(end),
        "createdBy": args.author,
        "comment": args.comment,
    });
    let answer = Client::new(&args.server)?.post("/api/v2/silences", &body).await?;
    let answer: Value = answer.json().await.map_err(|error| anyhow!("the answer is no JSON: {error}"))?;
    say!("{}", answer["silenceID"].as_str().unwrap_or_default());
    Ok(())
}

async fn list(args: ListArgs) -> Result<(), Failure> {
    let parameters: Vec<(&str, String)> = args.matchers.iter().map(|text| ("filter", text.clone())).collect();
    let mut found = Client::new(&args.server)?.get("/api/v2/silences", &parameters).await?;
    if let (Some(all), false) = (found.as_array_mut(), args.expired) {
        all.retain(|one| one["status"]["state"] != "expired");
    }
    if args.json {
        say!("{}", serde_json::to_string_pretty(&found).map_err(anyhow::Error::from)?);
        return Ok(());
    }
    let rows: Vec<Vec<String>> = found.as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        say!("no silences");
        return Ok(());
    }
    let header = ["state", "matchers", "from", "until", "by", "comment", "id"].map(str::to_owned);
    table::table(&header, &rows).iter().for_each(|line| say!("{line}"));
    Ok(())
}

fn row(silence: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let matcher = |one: &Value| {
        let op = match (one["isRegex"] == true, one["isEqual"] != false) {
            (false, true) => "=",
            (false, false) => "!=",
            (true, true) => "=~",
            (true, false) => "!~",
        };
        format!("{}{op}{:?}", text(&one["name"]), text(&one["value"]))
    };
    let matchers: Vec<String> = silence["matchers"].as_array().into_iter().flatten().map(matcher).collect();
    let time = |value: &Value| {
        let at = when::instant(&text(value), Timestamp(0));
        at.map_or_else(|_| text(value), |at| when::show(at)[..19].replace('T', " "))
    };
    vec![
        text(&silence["status"]["state"]),
        matchers.join(" "),
        time(&silence["startsAt"]),
        time(&silence["endsAt"]),
        text(&silence["createdBy"]),
        text(&silence["comment"]),
        text(&silence["id"]),
    ]
}

async fn expire(args: ExpireArgs) -> Result<(), Failure> {
    let client = Client::new(&args.server)?;
    for id in &args.ids {
        client.request(Method::DELETE, &format!("/api/v2/silence/{id}"), &[], HeaderMap::new()).await?;
        say!("{id} is over");
    }
    Ok(())
}
