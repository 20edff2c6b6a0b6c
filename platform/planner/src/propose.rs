//! What one signal asks for.

use crate::decision::{Basis, Proposal};
use crate::forecast::Prediction;
use crate::plan::Observed;
use crate::pods::{self, Pod, ceil};
use gantry_platform_model::{MetricSpec, ScalePolicy, Target};
use serde::{Deserialize, Serialize};

const TOLERANCE: f64 = 0.1;

/// A signal as it was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// The metric of the policy that it is for.
    pub metric: String,
    /// When it was measured.
    pub at_ms: i64,
    pub reading: Reading,
    /// Over a short window, when the policy asks for it.
    #[serde(default)]
    pub burst: Option<Reading>,
    /// What is expected, or why nothing is; when the policy asks for it.
    #[serde(default)]
    pub ahead: Option<Result<Prediction, String>>,
}

impl Signal {
    /// A signal without burst and forecast.
    pub fn new(metric: impl Into<String>, at_ms: i64, reading: Reading) -> Signal {
        Signal { metric: metric.into(), at_ms, reading, burst: None, ahead: None }
    }
}

/// What was measured. Quantities are thousandths.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reading {
    /// Of each replica. `cpu`: what replicas that start use does not count.
    Pods { cpu: bool, pods: Vec<Pod> },
    /// Of something else: all series of the answer.
    Total(Vec<i64>),
    /// It could not be read, and why.
    Failed(String),
}

/// Which ratios are near enough to 1.
fn tolerated(policy: &ScalePolicy, ratio: f64) -> bool {
    let behavior = policy.behavior.as_ref();
    let down = behavior.and_then(|b| b.scale_down.tolerance).unwrap_or(TOLERANCE);
    let up = behavior.and_then(|b| b.scale_up.tolerance).unwrap_or(TOLERANCE);
    (1.0 - down..=1.0 + up).contains(&ratio)
}

/// The signal of a metric, if it can be believed.
pub(crate) fn believed<'s>(metric: &MetricSpec, signals: &'s [Signal], now_ms: i64) -> Result<&'s Reading, String> {
    let found = signals.iter().find(|signal| signal.metric == metric.name);
    let signal = found.ok_or_else(|| "there is no signal".to_owned())?;
    let age_ms = now_ms.saturating_sub(signal.at_ms);
    if age_ms > i64::from(metric.max_age_seconds) * 1000 {
        return Err(format!(
            "the signal is stale: {} s old, at most {} s are believed",
            age_ms / 1000,
            metric.max_age_seconds
        ));
    }
    match &signal.reading {
        Reading::Failed(why) => Err(why.clone()),
        Reading::Total(values) if values.is_empty() => Err("the query returned nothing".into()),
        reading => Ok(reading),
    }
}

/// The sum of all series.
pub(crate) fn total(values: &[i64]) -> i128 {
    values.iter().map(|value| i128::from(*value)).sum()
}

/// What is measured asks for.
pub(crate) fn propose(
    policy: &ScalePolicy,
    metric: &MetricSpec,
    signals: &[Signal],
    observed: &Observed,
    now_ms: i64,
) -> Proposal {
    let at_ms = signals.iter().find(|signal| signal.metric == metric.name).map(|signal| signal.at_ms);
    let (value, outcome) = match believed(metric, signals, now_ms) {
        Err(why) => (None, Err(why)),
        Ok(Reading::Pods { cpu, pods }) => {
            let near = |ratio| tolerated(policy, ratio);
            (None, of_pods(metric, pods, *cpu, near, observed.current, now_ms))
        }
        Ok(Reading::Total(values)) => (Some(total(values)), of_total(policy, metric.target, values, observed)),
        Ok(Reading::Failed(why)) => (None, Err(why.clone())),
    };
    Proposal::new(metric, Basis::Measured, (value, at_ms), outcome)
}

/// What is expected asks for, when the policy looks ahead.
pub(crate) fn propose_ahead(
    policy: &ScalePolicy,
    metric: &MetricSpec,
    signals: &[Signal],
    observed: &Observed,
) -> Option<Proposal> {
    metric.forecast?;
    let signal = signals.iter().find(|signal| signal.metric == metric.name)?;
    let (value, outcome) = match signal.ahead.as_ref()? {
        Err(why) => (None, Err(why.clone())),
        Ok(Prediction { value, formula }) => {
            let outcome = of_total(policy, metric.target, &[*value], observed);
            (Some(i128::from(*value)), outcome.map(|(replicas, of)| (replicas, format!("{of}; {formula}"))))
        }
    };
    Some(Proposal::new(metric, Basis::Forecast, (value, Some(signal.at_ms)), outcome))
}

/// What a burst asks for: nothing is tolerated, nothing is assumed.
pub(crate) fn propose_burst(metric: &MetricSpec, signals: &[Signal], ready: u32, now_ms: i64) -> Option<Proposal> {
    metric.burst.as_ref()?;
    let signal = signals.iter().find(|signal| signal.metric == metric.name)?;
    let stale = now_ms.saturating_sub(signal.at_ms) > i64::from(metric.max_age_seconds) * 1000;
    let (value, outcome) = match signal.burst.as_ref()? {
        _ if stale => (None, Err("the signal is stale".to_owned())),
        Reading::Total(values) if !values.is_empty() => {
            let total = total(values);
            let of = |target: i64, spread: u32| {
                let replicas = total as f64 / target as f64 * f64::from(spread);
                Ok((ceil(replicas), format!("burst: ceil({total}m / {target}m x {spread})")))
            };
            let outcome = match metric.target {
                Target::Value(target) => of(target, ready),
                Target::AverageValue(target) => of(target, 1),
                Target::Utilization(_) => Err("utilization has no burst".to_owned()),
            };
            (Some(total), outcome)
        }
        Reading::Total(_) => (None, Err("the query returned nothing".to_owned())),
        Reading::Failed(why) => (None, Err(why.clone())),
        Reading::Pods { .. } => (None, Err("signals of single replicas have no burst".to_owned())),
    };
    Some(Proposal::new(metric, Basis::Burst, (value, Some(signal.at_ms)), outcome))
}

fn of_pods(
    metric: &MetricSpec,
    pods: &[Pod],
    cpu: bool,
    near: impl Fn(f64) -> bool,
    current: u32,
    now_ms: i64,
) -> Result<(u32, String), String> {
    if matches!(metric.target, Target::Value(_)) {
        return Err("a signal of single replicas needs a target averageValue or utilization".into());
    }
    pods::propose(pods, cpu, metric.target, near, current, now_ms)
}

fn of_total(
    policy: &ScalePolicy,
    target: Target,
    values: &[i64],
    observed: &Observed,
) -> Result<(u32, String), String> {
    let total = total(values) as f64;
    match target {
        Target::Utilization(_) => Err("utilization needs a signal of single replicas".into()),
        Target::Value(target) => {
            let ratio = total / target as f64;
            if observed.current == 0 {
                return Ok((ceil(ratio), format!("{total}m / {target}m: ceil({ratio:.3}), from 0")));
            }
            if tolerated(policy, ratio) {
                return Ok((observed.current, format!("{total}m / {target}m: ratio {ratio:.3} is tolerated")));
            }
            let ready = observed.ready;
            Ok((ceil(ratio * f64::from(ready)), format!("{total}m / {target}m: ceil({ratio:.3} x {ready} ready)")))
        }
        Target::AverageValue(target) => {
            let ratio = total / (target as f64 * f64::from(observed.current));
            if observed.current > 0 && tolerated(policy, ratio) {
                return Ok((observed.current, format!("{total}m / {target}m each: ratio {ratio:.3} is tolerated")));
            }
            Ok((ceil(total / target as f64), format!("ceil({total}m / {target}m)")))
        }
    }
}
