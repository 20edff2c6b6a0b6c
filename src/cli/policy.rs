//! `gantry policy`: policies of scaling that run, and why they decided what they did.

mod explain;

use super::client::Client;
use super::{Failure, ServerArgs, table};
use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use gantry_platform_model::{Policy, Query};
use gantry_query_lang::promql;
use gantry_scaler::parse_policies;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;
use std::path::{Path, PathBuf};

const PATH: &str = "/api/v1/scale/policies";

const APPLY_EXAMPLES: &str = "\
Examples:
  gantry policy apply web.yml
  gantry policy apply --tenant team-a policies/*.yml

A policy takes the place of one of its name, which keeps its history.";

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  gantry policy explain web
  gantry policy explain web --last 10         the last ten decisions, the newest first
  gantry policy explain web --changes         only those that changed something";

#[derive(Clone, Debug, Subcommand)]
pub enum PolicyCommand {
    /// Lists policies with their last decisions
    List {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Prints a policy as JSON
    Show {
        name: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Says everything that is wrong with files of policies; no server is needed
    Check {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Stores the policies of files on the server
    #[command(after_help = APPLY_EXAMPLES)]
    Apply {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Removes a stored policy
    Delete {
        name: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Says why the last decision was what it was
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(ExplainArgs),
}

#[derive(Args, Clone, Debug)]
pub struct ExplainArgs {
    name: String,
    /// How many decisions
    #[arg(long, default_value_t = 1, value_name = "COUNT")]
    last: usize,
    /// Only decisions that changed something
    #[arg(long)]
    changes: bool,
    #[command(flatten)]
    server: ServerArgs,
}

pub async fn policy(command: PolicyCommand) -> Result<(), Failure> {
    match command {
        PolicyCommand::List { server } => list(&Client::new(&server)?).await,
        PolicyCommand::Show { name, server } => {
            let found = Client::new(&server)?.get(&format!("{PATH}/{name}"), &[]).await?;
            say!("{}", serde_json::to_string_pretty(&found["data"]["policy"]).map_err(anyhow::Error::from)?);
            Ok(())
        }
        PolicyCommand::Check { files } => {
            for file in &files {
                let policies = read(file)?;
                let names: Vec<&str> = policies.iter().map(|policy| policy.name.as_str()).collect();
                say!("{}: ok: {}", file.display(), names.join(", "));
            }
            Ok(())
        }
        PolicyCommand::Apply { files, server } => apply(&files, &Client::new(&server)?).await,
        PolicyCommand::Delete { name, server } => {
            let client = Client::new(&server)?;
            client.request(Method::DELETE, &format!("{PATH}/{name}"), &[], HeaderMap::new()).await?;
            say!("{name} is removed; the replicas stay what they are");
            Ok(())
        }
        PolicyCommand::Explain(args) => explain::explain(&Client::new(&args.server)?, &args).await,
    }
}

/// The policies of a file, checked with their queries.
pub(super) fn read(file: &Path) -> Result<Vec<Policy>, Failure> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let told = |problems: Vec<String>| anyhow!("{}:\n  {}", file.display(), problems.join("\n  "));
    let policies = parse_policies(&text).map_err(told)?;
    let problems: Vec<String> = policies.iter().flat_map(query_problems).collect();
    if problems.is_empty() { Ok(policies) } else { Err(told(problems).into()) }
}

fn query_problems(policy: &Policy) -> Vec<String> {
    let metrics = policy.scale.metrics.iter();
    let of_metrics =
        metrics.flat_map(|metric| [&metric.query, &metric.burst].into_iter().flatten().map(|q| (&*metric.name, q)));
    let of_replicas = policy.replicas.iter().flat_map(|replicas| {
        [Some(&replicas.current), replicas.ready.as_ref()].into_iter().flatten().map(|query| ("replicas", query))
    });
    let wrong = |(place, query): (&str, &Query)| {
        let checked = match query {
            Query::Promql(text) => promql::parse(text, promql::Options::default()).map(drop).map_err(|e| e.to_string()),
            Query::Logql(text) => gantry_query_lang::parse(text).map(drop).map_err(|e| e.to_string()),
            Query::Sql(_) => Ok(()),
        };
        checked.err().map(|why| format!("{}: {place} ({}): {why}", policy.name, query.parts().0))
    };
    of_metrics.chain(of_replicas).filter_map(wrong).collect()
}

async fn apply(files: &[PathBuf], client: &Client) -> Result<(), Failure> {
    // All are read before the first is stored.
    let policies: Vec<Policy> =
        files.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    for policy in policies {
        let body = serde_json::to_value(&policy).map_err(anyhow::Error::from)?;
        let answer = client.put(&format!("{PATH}/{}", policy.name), &body).await?;
        let done = if answer.status() == reqwest::StatusCode::CREATED { "created" } else { "replaced" };
        say!("{}: {done}", policy.name);
    }
    Ok(())
}

async fn list(client: &Client) -> Result<(), Failure> {
    let answer = client.get(PATH, &[]).await?;
    let header = ["name", "from", "every", "range", "replicas", "desired", "reason", "outcome"].map(str::to_owned);
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let row = |found: &Value| {
        let (policy, last) = (&found["policy"], &found["last"]["decision"]);
        let number = |value: &Value| if value.is_null() { String::new() } else { text(value) };
        let from = found["origin"]["file"].as_str().unwrap_or("stored").to_owned();
        let outcome = &found["last"]["outcome"];
        vec![
            text(&policy["name"]),
            from,
            format!("{}s", policy["intervalSeconds"]),
            format!("{}-{}", policy["minReplicas"], policy["maxReplicas"]),
            number(&last["current"]),
            number(&last["desired"]),
            number(&last["reason"]),
            if outcome["failed"].is_string() { "failed".to_owned() } else { number(outcome) },
        ]
    };
    let rows: Vec<Vec<String>> = answer["data"].as_array().into_iter().flatten().map(row).collect();
    for line in table::table(&header, &rows) {
        say!("{line}");
    }
    Ok(())
}
