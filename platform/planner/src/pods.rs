//! Signals of single replicas: which replicas count, and what is assumed of those without a sample.
//!
//! A replica that is not ready or has no sample must not cause more change than is known to be needed: it is taken to use what
//! the target allows (or all that it requested) when the others ask for less, and nothing when they ask for more.

use gantry_platform_model::Target;
use serde::{Deserialize, Serialize};

/// How long after its start a replica may use CPU for its start alone.
const INITIALIZATION_MS: i64 = 300_000;
/// When a replica that never was ready since its start is one that starts.
const INITIAL_READINESS_MS: i64 = 30_000;

/// One replica.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pod {
    pub phase: Phase,
    pub started_ms: Option<i64>,
    pub ready: Option<Ready>,
    /// Thousandths; `None` when it requests nothing.
    pub request: Option<i64>,
    pub usage: Option<Usage>,
}

/// Where a replica is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    Pending,
    Running,
    /// Failed, or being deleted.
    Gone,
}

/// Whether a replica is ready, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    pub ready: bool,
    pub since_ms: i64,
}

/// A sample in thousandths, with its time and the time that it was measured over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    pub value: i64,
    pub at_ms: i64,
    pub window_ms: i64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Ready,
    Unready,
    Missing,
    Ignored,
}

fn group(pod: &Pod, cpu: bool, now_ms: i64) -> Group {
    match (pod.phase, pod.usage) {
        (Phase::Gone, _) => Group::Ignored,
        (Phase::Pending, _) => Group::Unready,
        (Phase::Running, None) => Group::Missing,
        (Phase::Running, Some(usage)) if cpu && starting(pod, usage, now_ms) => Group::Unready,
        (Phase::Running, Some(_)) => Group::Ready,
    }
}

fn starting(pod: &Pod, usage: Usage, now_ms: i64) -> bool {
    let (Some(state), Some(started)) = (pod.ready, pod.started_ms) else { return true };
    if started.saturating_add(INITIALIZATION_MS) > now_ms {
        !state.ready || usage.at_ms < state.since_ms.saturating_add(usage.window_ms)
    } else {
        !state.ready && state.since_ms < started.saturating_add(INITIAL_READINESS_MS)
    }
}

/// Samples that count: what a replica uses and requests.
type Samples = Vec<(i64, Option<i64>)>;

/// Share of the target that is used.
fn ratio(samples: &Samples, target: Target) -> Result<(f64, String), String> {
    match target {
        Target::Utilization(percent) => {
            let both = || samples.iter().filter_map(|(used, request)| request.map(|request| (*used, request)));
            let requested: i128 = both().map(|(_, request)| i128::from(request)).sum();
            if requested <= 0 {
                return Err("no replica with a sample requests anything".into());
            }
            let used = both().map(|(used, _)| i128::from(used)).sum::<i128>() * 100 / requested;
            Ok((used as f64 / percent as f64, format!("{used} % of {percent} %")))
        }
        Target::AverageValue(target) | Target::Value(target) => {
            let mean = samples.iter().map(|(used, _)| i128::from(*used)).sum::<i128>() / samples.len().max(1) as i128;
            Ok((mean as f64 / target as f64, format!("mean {mean}m of {target}m")))
        }
    }
}

/// The replicas that signals of `pods` ask for, and the formula.
pub(crate) fn propose(
    pods: &[Pod],
    cpu: bool,
    target: Target,
    tolerated: impl Fn(f64) -> bool,
    current: u32,
    now_ms: i64,
) -> Result<(u32, String), String> {
    if matches!(target, Target::Utilization(_)) && pods.iter().any(|p| p.phase != Phase::Gone && p.request.is_none()) {
        return Err("a replica has no request, so its utilization is unknown".into());
    }
    let of = |wanted| pods.iter().filter(move |pod| group(pod, cpu, now_ms) == wanted);
    let mut samples: Samples = of(Group::Ready).filter_map(|pod| Some((pod.usage?.value, pod.request))).collect();
    if samples.is_empty() {
        return Err("did not receive metrics for any ready pods".into());
    }
    let (first, words) = ratio(&samples, target)?;
    let (missing, unready) = (of(Group::Missing).count(), of(Group::Unready).count());
    let with_unready = unready > 0 && first > 1.0;
    if missing == 0 && !with_unready {
        if tolerated(first) {
            return Ok((current, format!("{words}: ratio {first:.3} is tolerated")));
        }
        let replicas = ceil(first * samples.len() as f64);
        return Ok((replicas, format!("{words}: ceil({first:.3} x {} ready)", samples.len())));
    }
    if first != 1.0 {
        samples.extend(of(Group::Missing).map(|pod| (assumed(pod, target, first), pod.request)));
    }
    if with_unready {
        samples.extend(of(Group::Unready).map(|pod| (0, pod.request)));
    }
    let (second, words) = ratio(&samples, target)?;
    let replicas = ceil(second * samples.len() as f64);
    let turned = (first < 1.0 && second > 1.0) || (first > 1.0 && second < 1.0);
    let against = (second < 1.0 && replicas > current) || (second > 1.0 && replicas < current);
    let filled = format!("{words} with {missing} missing and {unready} unready assumed (ratio {first:.3} without)");
    if tolerated(second) || turned || against {
        return Ok((current, format!("{filled}: ratio {second:.3} changes nothing")));
    }
    Ok((replicas, format!("{filled}: ceil({second:.3} x {})", samples.len())))
}

/// What a replica without a sample is taken to use.
fn assumed(pod: &Pod, target: Target, ratio: f64) -> i64 {
    match target {
        _ if ratio > 1.0 => 0,
        Target::Utilization(percent) => {
            (i128::from(pod.request.unwrap_or(0)) * i128::from(percent.max(100)) / 100).min(i128::from(i64::MAX)) as i64
        }
        Target::AverageValue(target) | Target::Value(target) => target,
    }
}

/// Rounded up to a number of replicas; what is not a number, or below, is none.
pub(crate) fn ceil(replicas: f64) -> u32 {
    replicas.ceil() as u32
}
