//! A decision in words: signals with times and values, formulas, limits, outcome.

use super::super::client::Client;
use super::super::{Failure, table, when};
use super::{ExplainArgs, PATH};
use anyhow::{Context, anyhow};
use gantry_model::Timestamp;
use gantry_platform_model::quantity;
use gantry_scaler::{Decided, Outcome};
use serde_json::Value;

pub async fn explain(client: &Client, args: &ExplainArgs) -> Result<(), Failure> {
    let found = client.get(&format!("{PATH}/{}/decisions", args.name), &[]).await?;
    let decisions: Vec<Decided> = serde_json::from_value(found["data"].clone())
        .context("the server answers with what this program does not know")?;
    let wanted = decisions.iter().filter(|one| !args.changes || one.decision.desired != one.decision.current);
    let wanted: Vec<&Decided> = wanted.take(args.last).collect();
    if wanted.is_empty() {
        return Err(anyhow!("policy {} has no such decision yet", args.name).into());
    }
    let texts: Vec<String> = wanted.into_iter().map(|decided| text(&args.name, decided)).collect();
    say!("{}", texts.join("\n\n"));
    Ok(())
}

fn instant(at_ms: i64) -> String {
    when::show(Timestamp(at_ms.saturating_mul(1_000_000)))
}

/// Several lines, without the last line's end.
pub(super) fn text(name: &str, decided: &Decided) -> String {
    let Decided { number, decision, outcome } = decided;
    let mut lines = vec![format!(
        "{name}: {} -> {} replicas at {} (decision {number})",
        decision.current,
        decision.desired,
        instant(decision.at_ms)
    )];
    let mut row = |name: &str, value: String| lines.push(format!("  {name:<10} {value}"));
    row("reason", format!("{:?}: {}", decision.reason, decision.message));
    row(
        "outcome",
        match outcome {
            Outcome::Unchanged => "nothing to change".to_owned(),
            Outcome::Advised => "told to those who ask".to_owned(),
            Outcome::Applied => "the executor took it over".to_owned(),
            Outcome::Failed(why) => format!("the executor did not take it over: {why}"),
        },
    );
    let schedules = match decision.schedules.as_slice() {
        [] => String::new(),
        names => format!(", by the schedule {}", names.join(", ")),
    };
    row("range", format!("{} to {} replicas{schedules}", decision.range.0, decision.range.1));
    if let Some(asked) = decision.recommendation {
        row("asked for", format!("{asked} replicas, before limits"));
    }
    for limit in &decision.limits {
        row("limited", format!("{} -> {} by {:?}", limit.from, limit.to, limit.by));
    }
    if let Some(panic) = decision.panic {
        row(
            "panic",
            format!(
                "since {}, last burst at {}, at most {} replicas",
                instant(panic.since_ms),
                instant(panic.last_ms),
                panic.most
            ),
        );
    }
    lines.extend(signals(decided).into_iter().map(|line| format!("  {line}")));
    lines.join("\n")
}

fn signals(decided: &Decided) -> Vec<String> {
    let header = ["signal", "basis", "value", "age", "asks for", "by"].map(str::to_owned);
    let at_ms = decided.decision.at_ms;
    let rows: Vec<Vec<String>> = decided
        .decision
        .proposals
        .iter()
        .map(|proposal| {
            let age =
                proposal.at_ms.map_or_else(String::new, |at| format!("{:.1}s", (at_ms - at).max(0) as f64 / 1000.0));
            let basis =
                serde_json::to_value(proposal.basis).ok().as_ref().and_then(Value::as_str).unwrap_or("").to_owned();
            let (asks, by) = match &proposal.replicas {
                Ok(replicas) => (replicas.to_string(), proposal.formula.clone()),
                Err(why) => ("-".to_owned(), format!("missing: {why}")),
            };
            let value = proposal.value.map_or_else(|| "-".to_owned(), quantity::show);
            vec![proposal.metric.clone(), basis, value, age, asks, by]
        })
        .collect();
    if rows.is_empty() { Vec::new() } else { table::table(&header, &rows) }
}
