//! `gantry alerts`: what fires, and who is told.

use super::client::Client;
use super::{Failure, ServerArgs, table, when};
use anyhow::{Context, anyhow};
use clap::Args;
use gantry_model::{Clock, SystemClock};
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = r#"Examples:
  gantry alerts                                    everything that fires
  gantry alerts severity=page 'team=~"a|b"'        what matches all of these
  gantry alerts --active                           without what is silenced or inhibited
  gantry alerts --receiver 'ops-.*' --json
  gantry alerts --check alertmanager.yml           is this configuration right? needs no server

A state is active, silenced (by a silence) or inhibited (by another alert)."#;

#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct AlertsArgs {
    /// Only alerts whose labels match all of these, such as severity=page
    #[arg(value_name = "MATCHER")]
    matchers: Vec<String>,
    /// Only alerts that are told to a receiver with this name, a regular expression
    #[arg(long, value_name = "REGEX")]
    receiver: Option<String>,
    /// Only alerts that are neither silenced nor inhibited
    #[arg(long)]
    active: bool,
    /// Print what the server answers
    #[arg(long)]
    json: bool,
    /// Check a configuration of Alertmanager instead, and say what it has
    #[arg(long, value_name = "FILE", conflicts_with_all = ["matchers", "receiver", "active", "json"])]
    check: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

pub async fn alerts(args: AlertsArgs) -> Result<(), Failure> {
    if let Some(file) = &args.check {
        return check(file);
    }
    let mut parameters: Vec<(&str, String)> = args.matchers.iter().map(|text| ("filter", text.clone())).collect();
    parameters.extend(args.receiver.iter().map(|name| ("receiver", name.clone())));
    if args.active {
        parameters.extend(["silenced", "inhibited"].map(|name| (name, "false".to_owned())));
    }
    let found = Client::new(&args.server)?.get("/api/v2/alerts", &parameters).await?;
    if args.json {
        say!("{}", serde_json::to_string_pretty(&found).map_err(anyhow::Error::from)?);
        return Ok(());
    }
    let rows: Vec<Vec<String>> = found.as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        say!("no alerts");
        return Ok(());
    }
    let header = ["state", "name", "labels", "since", "receiver"].map(str::to_owned);
    table::table(&header, &rows).iter().for_each(|line| say!("{line}"));
    Ok(())
}

fn row(alert: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let labels = alert["labels"].as_object().into_iter().flatten().filter(|(name, _)| *name != "alertname");
    let labels: Vec<String> = labels.map(|(name, value)| format!("{name}={}", text(value))).collect();
    let names: Vec<String> =
        alert["receivers"].as_array().into_iter().flatten().map(|one| text(&one["name"])).collect();
    vec![
        state(&alert["status"]).to_owned(),
        text(&alert["labels"]["alertname"]),
        labels.join(" "),
        since(&alert["startsAt"]),
        names.join(","),
    ]
}

fn state(status: &Value) -> &'static str {
    let any = |name: &str| status[name].as_array().is_some_and(|all| !all.is_empty());
    match () {
        () if any("silencedBy") => "silenced",
        () if any("inhibitedBy") => "inhibited",
        () => "active",
    }
}

/// How long ago, in whole seconds.
fn since(at: &Value) -> String {
    let now = SystemClock.now();
    let at = at.as_str().and_then(|text| when::instant(text, now).ok());
    let seconds = at.map(|at| now.nanos().saturating_sub(at.nanos()).max(0).unsigned_abs() / 1_000_000_000);
    seconds.map_or_else(String::new, |seconds| humantime::format_duration(Duration::from_secs(seconds)).to_string())
}

fn check(file: &std::path::Path) -> Result<(), Failure> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let dir = file.parent().unwrap_or(std::path::Path::new(""));
    let config = gantry_alertmanager::Config::parse_in(&text, dir);
    let config = config.map_err(|wrong| anyhow!("{}: {wrong}", file.display()))?;
    let integrations: usize = config.receivers.iter().map(|receiver| receiver.integrations().len()).sum();
    say!(
        "{}: sound: receivers: {}, integrations: {integrations}, inhibit rules: {}, time intervals: {}",
        file.display(),
        config.receivers.len(),
        config.inhibit_rules.len(),
        config.time_intervals.len() + config.mute_time_intervals.len(),
    );
    Ok(())
}
