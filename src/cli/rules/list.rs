//! `gantry rules list`: which rules the server evaluates, and how they fare.

use crate::cli::client::Client;
use crate::cli::{Failure, ServerArgs, table};
use clap::Args;
use serde_json::Value;

#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    /// Only alerts or only recorded series
    #[arg(long = "type", value_parser = ["alert", "record"], value_name = "alert|record")]
    kind: Option<String>,
    /// Only groups with this name; may be given more than once
    #[arg(long, value_name = "NAME")]
    group: Vec<String>,
    /// Only rules that fail
    #[arg(long)]
    failing: bool,
    /// Print what the server answers
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

pub async fn list(args: ListArgs) -> Result<(), Failure> {
    let mut parameters: Vec<(&str, String)> = args.kind.iter().map(|kind| ("type", kind.clone())).collect();
    parameters.extend(args.group.iter().map(|group| ("rule_group[]", group.clone())));
    let answer = Client::new(&args.server)?.get("/api/v1/rules", &parameters).await?;
    if args.json {
        say!("{}", serde_json::to_string_pretty(&answer["data"]).map_err(anyhow::Error::from)?);
        return Ok(());
    }
    let groups = answer["data"]["groups"].as_array().into_iter().flatten();
    let rules = groups.flat_map(|group| group["rules"].as_array().into_iter().flatten().map(move |rule| (group, rule)));
    let rules: Vec<(&Value, &Value)> = rules.filter(|(_, rule)| !args.failing || rule["health"] == "err").collect();
    if rules.is_empty() {
        say!("no rules");
        return Ok(());
    }
    let header = ["file", "group", "every", "rule", "type", "state", "alerts", "health", "took"].map(str::to_owned);
    let rows: Vec<Vec<String>> = rules.iter().map(|(group, rule)| row(group, rule)).collect();
    for line in table::table(&header, &rows) {
        say!("{line}");
    }
    for (_, rule) in rules {
        if let Some(error) = rule["lastError"].as_str() {
            say!("\n{}: {error}", text(&rule["name"]));
        }
    }
    Ok(())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn row(group: &Value, rule: &Value) -> Vec<String> {
    let took = rule["evaluationTime"].as_f64().unwrap_or(0.0);
    vec![
        text(&group["file"]),
        text(&group["name"]),
        format!("{}s", group["interval"].as_f64().unwrap_or(0.0)),
        text(&rule["name"]),
        text(&rule["type"]),
        text(&rule["state"]),
        rule["alerts"].as_array().map_or_else(String::new, |alerts| alerts.len().to_string()),
        text(&rule["health"]),
        format!("{:.1} ms", took * 1000.0),
    ]
}
