//! A decision as series and as a line, so that it can be searched, drawn and alerted on like everything else.

use crate::decided::{Decided, Outcome};
use gantry_model::metric::MetricBatch;
use gantry_model::{LabelSet, LogBatch, Timestamp};
use gantry_planner::{Basis, Proposal};
use gantry_platform_model::quantity;

const KIND: &str = "scale_decision";

fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Measured => "measured",
        Basis::Forecast => "forecast",
        Basis::Burst => "burst",
    }
}

/// `gantry_scale_*`, at the instant of the decision.
pub(crate) fn samples(policy: &str, decided: &Decided, ready: u32) -> MetricBatch {
    let decision = &decided.decision;
    let at = decision.at_ms;
    let mut batch = MetricBatch::builder();
    let mut add = |name: &str, labels: &[(&str, &str)], value: f64| {
        let labels = [("__name__", name), ("policy", policy)].into_iter().chain(labels.iter().copied());
        // Names of policies and metrics are not empty.
        if let Ok(series) = batch.series(labels) {
            series.sample(at, value);
        }
    };
    let replicas = [
        ("gantry_scale_desired_replicas", decision.desired),
        ("gantry_scale_current_replicas", decision.current),
        ("gantry_scale_ready_replicas", ready),
        ("gantry_scale_min_replicas", decision.range.0),
        ("gantry_scale_max_replicas", decision.range.1),
    ];
    for (name, value) in replicas {
        add(name, &[], f64::from(value));
    }
    for proposal in &decision.proposals {
        let labels = [("metric", proposal.metric.as_str()), ("basis", basis(proposal.basis))];
        if let Ok(replicas) = proposal.replicas {
            add("gantry_scale_proposed_replicas", &labels, f64::from(replicas));
        }
        if let Some(value) = proposal.value {
            add("gantry_scale_signal", &labels, value as f64 / 1000.0);
        }
    }
    batch.finish()
}

/// One line in `{service_name="gantry", kind="scale_decision", policy=NAME}`, with everything that led to it.
pub(crate) fn line(policy: &str, decided: &Decided) -> LogBatch {
    let decision = &decided.decision;
    let mut pairs: Vec<(String, String)> = [
        ("current", decision.current.to_string()),
        ("desired", decision.desired.to_string()),
        ("reason", format!("{:?}", decision.reason)),
        ("outcome", decided.outcome.as_str().to_owned()),
        ("number", decided.number.to_string()),
        ("min_replicas", decision.range.0.to_string()),
        ("max_replicas", decision.range.1.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if let Outcome::Failed(why) = &decided.outcome {
        pairs.push(("error".to_owned(), why.clone()));
    }
    if let Some(asked) = decision.recommendation {
        pairs.push(("recommendation".to_owned(), asked.to_string()));
    }
    if !decision.schedules.is_empty() {
        pairs.push(("schedules".to_owned(), decision.schedules.join(",")));
    }
    for (at, limit) in decision.limits.iter().enumerate() {
        pairs.push((format!("limit_{at}"), format!("{:?}: {} -> {}", limit.by, limit.from, limit.to)));
    }
    pairs.extend(decision.proposals.iter().map(|p| (format!("{}_{}", basis(p.basis), p.metric), of_signal(p))));
    let body = format!("policy {policy}: {} -> {}: {}", decision.current, decision.desired, decision.message);
    let mut batch = LogBatch::builder();
    batch.stream(LabelSet::from_pairs([("service_name", "gantry"), ("kind", KIND), ("policy", policy)]));
    let at = Timestamp(decision.at_ms.saturating_mul(1_000_000));
    // One short line is far from the limit of a batch.
    let pushed = batch.push(at, &body, pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    if pushed.is_err() {
        tracing::warn!(policy, "the line of a decision is too long and is left out");
    }
    batch.finish()
}

/// `value=.. at=.. asks=.. formula=..`
fn of_signal(proposal: &Proposal) -> String {
    let value = proposal.value.map_or_else(|| "-".to_owned(), quantity::show);
    let at = proposal.at_ms.map_or_else(|| "-".to_owned(), |at| at.to_string());
    match &proposal.replicas {
        Ok(replicas) => format!("value={value} at_ms={at} asks={replicas} formula={:?}", proposal.formula),
        Err(why) => format!("value={value} at_ms={at} missing={why:?}"),
    }
}
